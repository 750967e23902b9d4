// What holds for every page: accessible, nothing sideways at 320 px, no complaint of the browser, light enough.

import {after, before, describe, test} from 'node:test';
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {gzipSync} from 'node:zlib';
import {startCarrel} from './carrel.mjs';
import {choose, openBrowser, openPage, quiet, setUp, signIn} from './browser.mjs';
import {epub} from './epub.mjs';
import {syncUntilAnnounced} from './kobo.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const longTitle = 'Antidisestablishmentarianism' + 'superlongwordwithoutanybreak'.repeat(8);
const modes = [
  {name: 'light', width: 1200, theme: 'light'}, {name: 'dark', width: 1200, theme: 'dark'}, {name: 'e-ink', width: 1200, theme: 'eink'},
  {name: 'right to left', width: 1200, language: 'ar-XB'}, {name: 'right to left at 320 px', width: 320, language: 'ar-XB'},
  {name: 'German at 320 px', width: 320, language: 'de'}, {name: 'French at 320 px', width: 320, language: 'fr'},
  {name: 'light at 320 px', width: 320, theme: 'light'}, {name: 'dark at 320 px', width: 320, theme: 'dark'}, {name: 'e-ink at 320 px', width: 320, theme: 'eink'},
];

async function fillLibrary(page, base, tree) {
  const token = await page.locator('input[name=csrf]').first().inputValue();
  const api = (method, path, data) => page.request.fetch(base + '/api/v1' + path, {method, data, headers: {'X-CSRF-Token': token}});
  for (const title of ['The Quiet Harbour', 'The Loud Harbour', longTitle]) {
    const file = {name: 'book.epub', mimeType: 'application/epub+zip', buffer: epub({title, author: 'Ada Fenwick', series: 'Harbours'})};
    const sent = await page.request.post(base + '/api/v1/books', {multipart: {file}, headers: {'X-CSRF-Token': token}});
    assert.equal(sent.status(), 202);
  }
  const broken = {name: 'broken.epub', mimeType: 'application/epub+zip', buffer: Buffer.from('PK\x03\x04 this is no book')};
  await page.request.post(base + '/api/v1/books', {multipart: {file: broken}, headers: {'X-CSRF-Token': token}});
  await page.goto('/upload');  // which tells by itself what became of them
  await page.locator('#sent').getByText('in the inbox').nth(2).waitFor({timeout: 30_000});
  await page.locator('#sent').getByText('could not be read').waitFor();
  const books = (await (await api('GET', '/books')).json()).items;
  assert.equal(books.length, 3);
  const form = {csrf: token};
  for (const b of books.filter((x) => x.title !== 'The Loud Harbour')) await page.request.post(`${base}/books/${b.id}/approve`, {form});
  const shelf = await (await api('POST', '/shelves', {name: longTitle.slice(0, 190)})).json();
  for (const b of books) await api('PUT', `/shelves/${shelf.id}/books/${b.id}`);
  const byRule = await (await api('POST', '/shelves', {name: 'Unread', rule: {all: [{field: 'state', op: 'is', value: 'unread'}, {field: 'pages', op: 'below', value: 300}]}})).json();
  const device = await (await api('POST', '/devices', {name: 'Tablet', kind: 'koreader'})).json();
  const push = (document, percentage) => page.request.put(base + '/kosync/syncs/progress', {
    data: {document, progress: '/body/1', percentage, device: 'Tablet', device_id: 'T'},
    headers: {Authorization: 'Basic ' + Buffer.from(`${device.username}:${device.password}`).toString('base64')}});
  await push('0123456789abcdef0123456789abcdef', 0.4);
  // A place that can be restored or deleted, and one that is current.
  for (const place of [0.2, 0.3]) await push(books.find((b) => b.title === longTitle).files[0].koreader_partial_md5, place);
  // A Kobo that came once: its page has everything that it can have.
  const kobo = await (await api('POST', '/devices', {name: 'Libra', kind: 'kobo', shelves: [shelf.id]})).json();
  const facts = {'x-kobo-deviceid': '4'.repeat(64), 'x-kobo-devicemodel': 'Kobo Libra Colour', 'x-kobo-appversion': '4.45.23697'};
  let syncToken;
  const sync = async () => {
    const headers = syncToken ? {...facts, 'x-kobo-synctoken': syncToken} : facts;
    const answer = await page.request.get(kobo.kobo.api_endpoint + '/v1/library/sync', {headers});
    syncToken = answer.headers()['x-kobo-synctoken'];
    return answer.json();
  };
  const delivered = (await syncUntilAnnounced(sync)).find((item) => item.NewEntitlement).NewEntitlement.BookEntitlement.Id;
  await sync();
  await page.request.delete(`${kobo.kobo.api_endpoint}/v1/library/${delivered}`, {headers: facts});
  const book = books.find((b) => b.title === longTitle).id;
  await page.request.post(base + '/errata/kinds/jobs/put-off', {form: {...form, days: '7'}});
  await page.request.post(base + '/errata/kinds/highlights/ignore', {form: {...form, note: longTitle}});
  // One run that only waits for its changes to be said, and one that shows them.
  const chosen = await page.request.post(base + '/bulk', {form: {...form, act: 'edit', book}, maxRedirects: 0});
  const writes = '/libraries/' + (await (await api('POST', '/libraries', {name: longTitle.slice(0, 90), folder: tree, kind: 'managed'})).json()).id;
  assert.equal((await api('PUT', writes + '/write-back', {where: 'files'})).status(), 200);
  const wish = {books: [book], edits: [{op: 'set', field: 'publisher', value: longTitle}, {op: 'add', field: 'tags', value: ['Night']}]};
  const preview = await (await api('POST', '/bulk', wish)).json();
  const bulk = [new URL(chosen.headers().location, base).pathname, `/bulk/${preview.id}`, '/bulk', '/bulk/import', '/attic', '/quarantine',
                '/books?select=1', '/books?publisher=x&year_from=1900&missing=cover&added=30', '/books?select=1&view=list', '/books?select=1&view=table', `/books?view=table&col=series&cell=${book}.series`];
  return [...bulk, '/', '/books', '/books?view=list&sort=title', '/books?view=table', '/books?q=nothing+matches', `/books/${book}`, `/books/${book}/edit`, `/books/${book}/opinion`, `/books?state=unread&rating=0`, '/authors', '/series',
          '/shelves', `/shelf/${shelf.id}`, `/shelf/${byRule.id}`, `/shelf/${byRule.id}/rule`, '/shelves/rule?language=en&rating=4&state=unread', '/devices', `/devices/${device.id}`, `/devices/${kobo.id}`, `/devices/${kobo.id}/reset`, '/devices/add/koreader', '/devices/add/app', '/devices/add/kobo', '/review', '/review/approved', `/books/${book}/metadata`, '/trash', '/errata/kinds/failed', '/errata/kinds/missing', '/upload',
          '/duplicates', '/duplicates?show=all', `/duplicates/${books[0].id}/${book === books[0].id ? books[1].id : book}`, '/merges',
          '/errata', '/documents/link?document=0123456789abcdef0123456789abcdef&q=harbour', '/jobs', '/libraries', '/libraries/00000000-0000-7000-8000-000000000001', writes, writes + '/write-back', '/admin/sources', '/account', '/people', '/welcome', `/books/${book}?done=saved`, `/errata?done=errata.put_off&about=${book}`, '/nowhere'];
}

describe('every page', () => {
  let carrel, browser, page, paths;
  before(async () => {
    carrel = await startCarrel();
    browser = await openBrowser();
    page = await openPage(browser, carrel.base);
    await setUp(page, carrel.code);
    paths = await fillLibrary(page, carrel.base, carrel.tree);
  });
  after(async () => {
    await browser?.close();
    assert.equal(await carrel?.stop(), 0);
  });

  for (const mode of modes) {
    test(mode.name, async () => {
      const seen = await openPage(browser, carrel.base, {viewport: {width: mode.width, height: 700}, bypassCSP: true, reducedMotion: 'reduce'});
      await signIn(seen);
      if (mode.language) await seen.setExtraHTTPHeaders({'Accept-Language': mode.language});
      else await choose(seen, {light: 'Light', dark: 'Dark', eink: 'E-ink'}[mode.theme]);
      const found = [];
      for (const path of paths) {
        seen.expected = ['/nowhere'];
        await seen.goto(path);
        const sideways = await seen.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (sideways > 0) found.push(`${path} is ${sideways} px too wide`);
        if (mode.language && await seen.locator('html').getAttribute('lang') !== mode.language) found.push(`${path} is in another language`);
        if (await seen.locator('h1').count() !== 1) found.push(`${path} has not one h1`);
        // As tall as the page: axe takes a target that the bottom bar covers at this place of the page for a small one.
        const height = await seen.evaluate(() => document.documentElement.scrollHeight);
        await seen.setViewportSize({width: mode.width, height: Math.min(height + 100, 16000)});
        await seen.evaluate(axe);
        const {violations} = await seen.evaluate(() => window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}));
        for (const v of violations) found.push(`${path} ${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3).join(' | ')}`);
      }
      assert.deepEqual(found, []);
      quiet(seen);
      await seen.context().close();
    });
  }

  test('sign-in and the page after a device is added are accessible too', async () => {
    const seen = await openPage(browser, carrel.base, {viewport: {width: 320, height: 4000}, bypassCSP: true});
    const check = async (name) => {
      await seen.evaluate(axe);
      const {violations} = await seen.evaluate(() => window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']}));
      assert.deepEqual(violations.map((v) => v.id + ': ' + v.nodes[0].html), [], name);
      assert.ok(await seen.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), name);
    };
    await seen.goto('/login');
    await check('login');
    await signIn(seen);
    for (const kind of ['koreader', 'app', 'kobo']) {
      await seen.goto('/devices/add/' + kind);
      await seen.getByLabel('Name of the device').fill('Another ' + kind);
      await seen.getByRole('button', {name: kind === 'kobo' ? 'Make its address' : 'Make a password for it'}).click();
      await check(kind);
    }
    await seen.context().close();
  });

  test('pages, style and script stay within their weight', async () => {
    const weigh = async (path) => gzipSync(await (await page.request.get(carrel.base + path)).body()).length;
    for (const path of paths) assert.ok(await weigh(path) < 60_000, path);
    await page.goto('/');
    const css = await page.locator('link[rel=stylesheet]').getAttribute('href');
    const js = await page.locator('script[src]').getAttribute('src');
    assert.ok(await weigh(css) < 30_000);
    assert.ok(await weigh(js) < 60_000);
  });

  test('the keyboard reaches the page past the frame, and sees where it is', async () => {
    await page.goto('/books');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth);
    assert.equal(outline, '3px');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  });

  test('nothing breaks when text is twice as large', async () => {
    const seen = await openPage(browser, carrel.base, {viewport: {width: 640, height: 700}});
    await signIn(seen);
    for (const path of paths) {
      seen.expected = ['/nowhere'];
      await seen.goto(path);
      await seen.evaluate(() => { document.documentElement.style.setProperty('font-size', '200%'); });
      const sideways = await seen.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      const widest = await seen.evaluate(() => [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > window.innerWidth + 1 && !e.closest('.scroll')).map((e) => e.outerHTML.slice(0, 90)).slice(0, 4));
      assert.ok(sideways <= 0, `${path} is ${sideways} px too wide: ${widest.join(' | ')}`);
    }
    quiet(seen);  // here under the content security policy of the pages
    await seen.context().close();
  });
});
