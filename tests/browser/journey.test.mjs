// From the setup code to a connected KOReader, as a person does it: with script and without.

import {after, before, describe, test} from 'node:test';
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {startCarrel} from './carrel.mjs';
import {choose, openBrowser, openPage, quiet, reloadUntil, setUp, signIn} from './browser.mjs';
import {epub} from './epub.mjs';
import {syncUntilAnnounced} from './kobo.mjs';

for (const script of [true, false]) {
  describe(script ? 'with script' : 'without script', () => {
    let carrel, browser, page, password;
    before(async () => {
      carrel = await startCarrel();
      browser = await openBrowser();
      page = await openPage(browser, carrel.base, {javaScriptEnabled: script});
    });
    after(async () => {
      await browser?.close();
      assert.equal(await carrel?.stop(), 0);
    });

    test('the setup code opens the set-up, once', async () => {
      await page.goto('/');
      await page.getByLabel('Setup code').fill('aaaa-aaaa');
      page.expected.push('/setup');
      await page.getByRole('button', {name: 'Go on'}).click();
      assert.match(await page.getByRole('alert').innerText(), /not right/);
      page.expected.length = 0;
      await setUp(page, carrel.code);
      quiet(page);
    });

    test('sign out and in again', async () => {
      await page.locator('header details.menu > summary').click();
      await page.getByRole('button', {name: 'Sign out'}).click();
      await signIn(page);
      quiet(page);
    });

    test('a file is sent, read, and approved into the library', async () => {
      await page.goto('/upload');
      await page.locator('#file').setInputFiles({name: 'harbour.epub', mimeType: 'application/epub+zip', buffer: epub({title: 'The Quiet Harbour', author: 'Ada Fenwick', series: 'Harbours', index: 2})});
      await page.getByRole('button', {name: 'Send'}).click();
      await page.getByText('harbour.epub').first().waitFor();
      await reloadUntil(page, 'in the inbox');
      await page.goto('/review');
      await page.getByRole('button', {name: 'Approve The Quiet Harbour'}).click();
      assert.match(await page.getByRole('status').first().innerText(), /The book is in the library/);
      quiet(page);
    });

    test('the same file again is named as known', async () => {
      await page.goto('/upload');
      await page.locator('#file').setInputFiles({name: 'again.epub', mimeType: 'application/epub+zip', buffer: epub({title: 'The Quiet Harbour', author: 'Ada Fenwick', series: 'Harbours', index: 2})});
      page.expected.push('/api/v1/books');
      await page.getByRole('button', {name: 'Send'}).click();
      await page.getByText(script ? 'was there already' : 'is in the library already').waitFor();
      quiet(page);
    });

    test('the book is found by words and shows its file', async () => {
      await page.goto('/books');
      await page.getByRole('searchbox').fill('quiet harbour');
      if (!script) await page.getByRole('searchbox').press('Enter');
      await page.locator('#results').getByRole('link', {name: /The Quiet Harbour/}).click();
      assert.equal(await page.getByRole('heading', {level: 1}).innerText(), 'The Quiet Harbour');
      await page.goBack();
      await page.getByRole('searchbox').fill('author:fenwick harbuor');
      if (!script) await page.getByRole('searchbox').press('Enter');
      await page.getByText('No book has “author:fenwick harbuor”.').waitFor();
      await page.getByRole('link', {name: 'author:fenwick harbour'}).click();
      assert.equal(await page.locator('#f-sort option[selected]').textContent(), 'Closest match');
      await page.locator('#results').getByRole('link', {name: /The Quiet Harbour/}).click();
      await page.getByText('Fingerprints').first().click();
      assert.match(await page.locator('table.prints').innerText(), /SHA-256[\s\S]*KOReader, binary|KOReader, binary[\s\S]*SHA-256/);
      quiet(page);
    });

    test('the title is edited and the edit is taken back', async () => {
      await page.getByRole('link', {name: 'Edit'}).click();
      await page.getByLabel('Title', {exact: true}).fill('The Loud Harbour');
      await page.getByRole('button', {name: 'Save changes'}).click();
      assert.equal(await page.getByRole('heading', {level: 1}).innerText(), 'The Loud Harbour');
      await page.getByRole('button', {name: 'Undo'}).click();
      assert.equal(await page.getByRole('heading', {level: 1}).innerText(), 'The Quiet Harbour');
      quiet(page);
    });

    test('a shelf is made and the book put on it and taken off', async () => {
      const book = new URL(page.url()).pathname;
      await page.goto('/shelves');
      await page.getByLabel('Name').fill('To read');
      await page.getByRole('button', {name: 'Make'}).click();
      assert.equal(await page.getByRole('heading', {level: 1}).innerText(), 'To read');
      const shelf = new URL(page.url()).pathname;
      await page.goto(book);
      await page.getByRole('button', {name: 'Put on'}).click();
      await page.goto(shelf);
      await page.getByRole('link', {name: 'The Quiet Harbour'}).waitFor();
      await page.getByRole('button', {name: 'Take off The Quiet Harbour'}).click();
      assert.equal(await page.getByRole('link', {name: 'The Quiet Harbour'}).count(), 0);
      await page.getByRole('button', {name: 'Undo'}).click();
      await page.getByRole('link', {name: 'The Quiet Harbour'}).waitFor();
      quiet(page);
    });

    test('a KOReader is added: address, name, password, code, steps', async () => {
      await page.goto('/devices');
      await page.getByRole('link', {name: /Add KOReader/}).click();
      await page.getByLabel('Name of the device').fill('Tablet');
      await page.getByRole('button', {name: 'Make a password for it'}).click();
      password = await page.locator('#value-password').innerText();
      assert.match(password, /^[a-z0-9]{4}(-[a-z0-9]{4}){3}$/);
      assert.equal(await page.locator('#value-kosync').innerText(), carrel.base + '/kosync');
      assert.equal(await page.locator('#value-user').innerText(), 'Miriam');
      assert.ok(await page.locator('figure.qr svg').isVisible());
      assert.match(await page.locator('main').innerText(), /Login, not Register[\s\S]*Binary/);
      quiet(page);
    });

    test('its first call shows up on its page', async () => {
      const key = createHash('md5').update(password).digest('hex');
      const answer = await fetch(carrel.base + '/kosync/users/auth', {headers: {'x-auth-user': 'Miriam', 'x-auth-key': key}});
      assert.equal(answer.status, 200);
      await page.goto('/devices');
      await page.getByRole('link', {name: 'Tablet'}).click();
      await reloadUntil(page, 'fine (200)');
      quiet(page);
    });

    test('a Kobo is added: the file is changed in the browser, and the page lights up', async () => {
      await page.goto('/devices');
      await page.getByRole('link', {name: /Add a Kobo/}).click();
      await page.getByLabel('Name of the device').fill('Libra');
      await page.getByLabel('a new shelf').fill('For the Kobo');
      await page.getByRole('button', {name: 'Make its address'}).click();
      const line = await page.locator('#value-kobo').innerText();
      assert.match(line, /^api_endpoint=http.*\/kobo\/[A-Za-z0-9]{24}$/);
      assert.ok(await page.locator('figure.qr svg').isVisible());
      if (script) {
        const conf = '[Reading]\r\na=1\r\n[OneStoreServices]\r\napi_endpoint=https://storeapi.kobo.com\r\nz=\xfc\r\n[Other]\r\napi_endpoint=mine\r\n';
        const choose = (text) => page.getByLabel('Choose Kobo eReader.conf').setInputFiles({name: 'Kobo eReader.conf', mimeType: 'text/plain', buffer: Buffer.from(text, 'latin1')});
        const saved = async (name) => {
          const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', {name}).click()]);
          return [file.suggestedFilename(), await readFile(await file.path(), 'latin1')];
        };
        await choose('no configuration at all');
        await page.getByText('This does not look like').waitFor();
        await choose('[Reading]\na=1\n');
        await page.getByText('no line; it is added').waitFor();
        assert.deepEqual(await saved('Save the changed file'), ['Kobo eReader.conf', '[Reading]\na=1\n\n[OneStoreServices]\n' + line + '\n']);
        await choose(conf);
        await page.getByText('api_endpoint=https://storeapi.kobo.com', {exact: true}).first().waitFor();
        assert.deepEqual(await saved('Save the changed file'), ['Kobo eReader.conf', conf.replace('api_endpoint=https://storeapi.kobo.com', line)]);
        assert.equal((await saved('Save a copy of the old file'))[1], conf);
        const mixed = '\xef\xbb\xbf[OneStoreServices]\napi_endpoint=https://a.example\r\nx=1\n API_ENDPOINT = b\n[Other]\napi_endpoint=mine';
        await choose(mixed);
        assert.deepEqual(await saved('Save the changed file'), ['Kobo eReader.conf', mixed.replace('api_endpoint=https://a.example', line).replace(' API_ENDPOINT = b', line)]);
        assert.equal((await saved('Save the line'))[1], line + '\n');
      }
      const kobo = (path) => fetch(line.slice('api_endpoint='.length) + path, {headers: {'x-kobo-deviceid': '4'.repeat(64), 'x-kobo-devicemodel': 'Kobo Libra'}});
      assert.equal((await kobo('/v1/initialization')).status, 200);
      const first = await kobo('/v1/library/sync');
      assert.equal(first.status, 200);
      if (!script) await page.getByRole('link', {name: 'Look again'}).click();
      await page.locator('[data-step=called].lit').waitFor();
      await page.locator('[data-step=identified].lit').getByText('Kobo Libra').waitFor();
      quiet(page);
    });

    test('what a Kobo holds is shown, and announced again with one press that can be taken back', async () => {
      await page.goto('/books');
      await page.getByRole('link', {name: 'The Quiet Harbour'}).first().click();
      const book = page.url().split('/').pop().split('?')[0];
      const csrf = await page.locator('input[name=csrf]').first().inputValue();
      const api = (method, path, data) => page.request.fetch(carrel.base + '/api/v1' + path, {method, data, headers: {'X-CSRF-Token': csrf}});
      const shelf = (await (await api('GET', '/shelves')).json()).items.find((s) => s.name === 'For the Kobo').id;
      await api('PUT', `/shelves/${shelf}/books/${book}`);
      const device = (await (await api('GET', '/devices')).json()).items.find((d) => d.name === 'Libra').id;
      const {kobo: {api_endpoint: base}} = await (await api('POST', `/devices/${device}/rotate`, {})).json();
      let token = '';
      const sync = async () => {
        const answer = await fetch(base + '/v1/library/sync', {headers: {'x-kobo-deviceid': '4'.repeat(64), ...(token ? {'x-kobo-synctoken': token} : {})}});
        token = answer.headers.get('x-kobo-synctoken');
        return answer.json();
      };
      assert.equal((await syncUntilAnnounced(sync)).filter((item) => item.NewEntitlement).length, 1);
      assert.deepEqual(await sync(), []);
      await page.goto('/shelf/' + shelf);
      await page.locator('.card-mark').getByText('accepted').waitFor();
      await page.locator('.card-mark').getByText('Why?').click();
      await page.getByText('The Kobo came back for more, so it has heard of it').waitFor();
      await page.getByLabel('Choose The Quiet Harbour').check();
      await page.getByRole('button', {name: 'Announce the chosen ones again'}).click();
      await page.getByText('announced again with the next sync').first().waitFor();
      assert.equal(new URL(page.url()).pathname, '/shelf/' + shelf);
      await page.getByRole('button', {name: 'Undo'}).click();
      await page.getByRole('button', {name: 'Pause'}).click();
      await page.getByText('paused: nothing comes and nothing goes').waitFor();
      assert.deepEqual(await sync(), []);
      await page.getByRole('button', {name: 'Go on'}).click();
      await page.getByText('is well').waitFor();
      await page.goto('/devices/' + device);
      await page.getByLabel('The Quiet Harbour').check();
      await page.getByRole('button', {name: 'Announce the chosen ones again'}).click();
      await page.getByText('announced again with the next sync').first().waitFor();
      await page.getByRole('button', {name: 'Take it back'}).click();
      assert.deepEqual(await sync(), []);
      await page.getByLabel('The Quiet Harbour').check();
      await page.getByRole('button', {name: 'Announce the chosen ones again'}).click();
      assert.equal((await sync())[0].NewEntitlement.BookMetadata.Title, 'The Quiet Harbour');
      await page.getByRole('link', {name: 'Reset sync'}).click();
      await page.getByRole('button', {name: 'Reset sync'}).click();
      await page.getByText('Everything will be announced again').waitFor();
      assert.ok((await sync()).some((item) => item.NewEntitlement));
      quiet(page);
    });

    test('a position of an unknown file is given to its book by a search', async () => {
      await fetch(carrel.base + '/kosync/syncs/progress', {
        method: 'PUT', headers: {Authorization: 'Basic ' + btoa('Miriam:' + password)},
        body: JSON.stringify({document: 'feedfacefeedfacefeedfacefeedface', progress: '/body/1', percentage: 0.42, device: 'Tablet'})});
      await page.goto('/errata');
      await page.getByRole('link', {name: 'Choose the book'}).click();
      await page.getByLabel('Title, author or series').fill('quiet harb');
      await page.locator('main').getByRole('button', {name: 'Search'}).click();
      await page.getByRole('button', {name: 'This one The Quiet Harbour'}).click();
      assert.match(await page.getByRole('status').first().innerText(), /belongs to the book now/);
      await page.goto('/');
      await page.getByText('42 %').waitFor();
      quiet(page);
    });

    test('the language changes in the footer and stays', async () => {
      await page.goto('/books');
      await page.getByRole('button', {name: 'Deutsch'}).click();
      await page.getByRole('heading', {level: 1, name: 'Bibliothek'}).waitFor();
      await page.goto('/errata');
      assert.equal(await page.getByRole('heading', {level: 1}).innerText(), 'Offenes');
      await page.getByRole('button', {name: 'English'}).click();
      await page.getByRole('heading', {level: 1, name: 'Errata'}).waitFor();
      quiet(page);
    });

    test('the theme changes and stays', async () => {
      await page.goto('/');
      await choose(page, 'Dark');
      await page.goto('/books');
      assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
      quiet(page);
    });
  });
}
