// The library table: a cell is edited where it stands, with script and without, and several books are changed at once.

import {after, before, describe, test} from 'node:test';
import assert from 'node:assert/strict';
import {startCarrel} from './carrel.mjs';
import {openBrowser, openPage, quiet, reloadUntil, setUp, signIn} from './browser.mjs';
import {epub} from './epub.mjs';

const titles = ['The Quiet Harbour', 'The Loud Harbour', 'The Last Harbour'];

async function fillLibrary(page, base) {
  const token = await page.locator('input[name=csrf]').first().inputValue();
  for (const title of titles) {
    const file = {name: 'book.epub', mimeType: 'application/epub+zip', buffer: epub({title, author: 'Ada Fenwick', series: 'Harbours'})};
    const sent = await page.request.post(base + '/api/v1/books', {multipart: {file}, headers: {'X-CSRF-Token': token}});
    assert.equal(sent.status(), 202);
  }
  await page.goto('/upload');
  await page.locator('#sent').getByText('in the inbox').nth(2).waitFor({timeout: 30_000});
}

describe('the library table', () => {
  let carrel, browser, page;
  before(async () => {
    carrel = await startCarrel();
    browser = await openBrowser();
    page = await openPage(browser, carrel.base);
    await setUp(page, carrel.code);
    await fillLibrary(page, carrel.base);
  });
  after(async () => {
    await browser?.close();
    assert.equal(await carrel?.stop(), 0);
  });

  const row = (seen, title) => seen.locator('tr', {hasText: title});

  test('books of the inbox are approved together', async () => {
    await page.goto('/books?status=all&select=1&view=list');
    await page.getByLabel('All on this page').check();
    assert.equal(await page.locator('input[name=book]:checked').count(), 3);
    await page.getByRole('button', {name: 'Approve…'}).click();
    await page.getByRole('button', {name: 'Approve 3 books'}).click();
    await page.getByText('3 books changed').waitFor();  // by itself
    quiet(page);
  });

  test('a cell is edited without leaving the page, refused with its reason, and undone', async () => {
    await page.goto('/books?view=table&col=publisher&col=published&sort=title');
    await page.evaluate(() => { window.stays = true; });
    await row(page, titles[0]).getByRole('link', {name: 'edit Publisher'}).click();
    const input = page.getByLabel('edit Publisher of ' + titles[0]);
    await input.waitFor();
    assert.ok(await input.evaluate((e) => e === document.activeElement));
    await input.fill('Gale & Sons');
    await input.press('Enter');
    await row(page, titles[0]).getByText('Gale & Sons').waitFor();
    assert.ok(await page.evaluate(() => window.stays), 'the page was not loaded again');
    await row(page, titles[0]).getByRole('link', {name: 'edit Published'}).click();
    await page.getByLabel('edit Published of ' + titles[0]).fill('soon');
    await page.getByRole('button', {name: 'Save'}).click();
    await page.getByText('Use a year, a month or a day').last().waitFor();
    await page.getByLabel('edit Published of ' + titles[0]).press('Escape');
    await page.getByLabel('edit Published of ' + titles[0]).waitFor({state: 'detached'});
    quiet(page);
  });

  test('the same works without script', async () => {
    const seen = await openPage(browser, carrel.base, {javaScriptEnabled: false});
    await signIn(seen);
    await seen.goto('/books?view=table&col=publisher&sort=title');
    await row(seen, titles[1]).getByRole('link', {name: 'edit Publisher'}).click();
    await seen.getByLabel('edit Publisher of ' + titles[1]).fill('Tide');
    await seen.getByRole('button', {name: 'Save'}).click();
    await row(seen, titles[1]).getByText('Tide').waitFor();
    await seen.getByRole('button', {name: 'Undo'}).click();
    await row(seen, titles[1]).getByText('–').waitFor();
    await seen.goto('/books?select=1&view=table');
    await seen.getByLabel('Choose ' + titles[1]).check();
    await seen.getByLabel('Choose ' + titles[2]).check();
    await seen.getByRole('button', {name: 'Edit…'}).click();
    await seen.getByLabel('What to do, Tags').selectOption('add');
    await seen.getByLabel('Value, Tags').fill('Night');
    await seen.getByRole('button', {name: 'Show what will change'}).click();
    await seen.getByRole('button', {name: 'Change 2 books'}).click();
    await reloadUntil(seen, '2 books changed');
    await seen.getByRole('button', {name: 'Take all of it back'}).click();
    await reloadUntil(seen, '2 books taken back');
    await seen.context().close();
  });
});
