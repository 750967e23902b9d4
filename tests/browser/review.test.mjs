// The inbox by keys alone: choosing a column, approving, taking back, rejecting, and switching the keys off.

import {after, before, describe, test} from 'node:test';
import assert from 'node:assert/strict';
import {startCarrel} from './carrel.mjs';
import {openBrowser, openPage, quiet, setUp} from './browser.mjs';
import {epub} from './epub.mjs';

describe('the inbox by keys', () => {
  let carrel, browser, page;
  const heading = () => page.locator('#h-item').innerText();
  const said = () => page.getByRole('status').first().innerText();
  const press = async (key) => Promise.all([page.waitForNavigation(), page.keyboard.press(key)]);
  before(async () => {
    carrel = await startCarrel();
    browser = await openBrowser();
    page = await openPage(browser, carrel.base);
    await setUp(page, carrel.code);
    const token = await page.locator('input[name=csrf]').first().inputValue();
    for (const title of ['First Harbour', 'Second Harbour', 'Third Harbour']) {
      const file = {name: 'book.epub', mimeType: 'application/epub+zip', buffer: epub({title, author: 'Ada Fenwick'})};
      await page.request.post(carrel.base + '/api/v1/books', {multipart: {file}, headers: {'X-CSRF-Token': token}});
    }
    await page.goto('/upload');
    await page.locator('#sent').getByText('in the inbox').nth(2).waitFor({timeout: 30_000});
    // Somebody edits one: what its file says is then another value to choose.
    const {items} = await (await page.request.get(carrel.base + '/api/v1/books?status=review')).json();
    const second = items.find((b) => b.title === 'Second Harbour').id;
    await page.request.patch(`${carrel.base}/api/v1/books/${second}`, {data: {title: 'Another Title'}, headers: {'X-CSRF-Token': token}});
    await page.request.delete(`${carrel.base}/api/v1/books/${second}/locks/title`, {headers: {'X-CSRF-Token': token}});
    await page.goto('/review');
  });
  after(async () => {
    await browser?.close();
    assert.equal(await carrel?.stop(), 0);
  });

  test('n goes on without a change', async () => {
    const first = await heading();
    await press('n');
    assert.notEqual(await heading(), first);
    quiet(page);
  });

  test('a digit marks a column, a chooses it, y approves with it, u takes the approval back', async () => {
    await Promise.all([page.waitForNavigation(), page.locator('.queue').getByRole('link', {name: 'Another Title'}).click()]);
    await page.keyboard.press('2');
    await page.locator('[data-keys-say]').getByText('Column 2 is marked.').waitFor({state: 'attached'});
    assert.ok(await page.locator('td[data-column="2"].marked').count() > 0);
    await page.keyboard.press('a');
    assert.ok(await page.getByRole('radio', {name: /Take “Second Harbour”/}).isChecked());
    await press('y');
    assert.match(await said(), /The book is in the library/);
    assert.ok(!(await page.locator('.queue').innerText()).includes('Second Harbour'));
    await press('u');
    assert.match(await said(), /waits for review again/);
    assert.equal(await heading(), 'Another Title');  // what was taken with the approval goes back with it
    quiet(page);
  });

  test('r rejects, d moves to the trash, u brings back', async () => {
    for (const [key, words] of [['r', /rejected/], ['d', /in the trash/]]) {
      const gone = await heading();
      await press(key);
      assert.match(await said(), words);
      assert.notEqual(await heading(), gone);
      await press('u');
      assert.equal(await heading(), gone);
    }
    quiet(page);
  });

  test('? lists the keys, they can be switched off, and writing is no command', async () => {
    const here = await heading();
    await page.getByRole('searchbox').first().focus();
    await page.keyboard.press('r');
    await page.getByRole('searchbox').first().blur();
    await page.keyboard.press('?');
    assert.ok(await page.getByText('Mark a column', {exact: true}).isVisible());
    await page.getByLabel('Use single keys on this page').uncheck();
    await page.keyboard.press('r');
    await page.keyboard.press('y');
    assert.equal(await heading(), here);
    await page.reload();
    await page.keyboard.press('n');
    assert.equal(await heading(), here);
    assert.equal((await page.locator('.queue .rows li').count()), 3);
    quiet(page);
  });
});
