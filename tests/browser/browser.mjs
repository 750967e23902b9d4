// Chromium, and a page that fails its test when the console or the content security policy complains.

import {chromium} from 'playwright-core';
import assert from 'node:assert/strict';

export const openBrowser = () =>
  chromium.launch({executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--headless']});

export async function openPage(browser, base, options = {}) {
  const context = await browser.newContext({viewport: {width: 1200, height: 850}, baseURL: base, ...options});
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.complaints = [];
  page.expected = [];  // addresses whose failure a test asks for
  page.on('console', (m) => {
    const about = m.location().url || '';
    if (['error', 'warning'].includes(m.type()) && !page.expected.some((e) => about.endsWith(e))) page.complaints.push(m.text() + ' ' + about);
  });
  page.on('pageerror', (e) => page.complaints.push(e.message));
  return page;
}

export function quiet(page) {
  assert.deepEqual(page.complaints, []);
}

export async function setUp(page, code) {
  await page.goto('/');
  await page.getByLabel('Setup code').fill(code);
  await page.getByRole('button', {name: 'Go on'}).click();
  await page.getByLabel('Name').fill('Miriam');
  await page.getByLabel('New password').fill('paper lantern harbour');
  await page.getByLabel('The same password again').fill('paper lantern harbour');
  await page.getByRole('button', {name: 'Make the account'}).click();
  await page.getByRole('heading', {level: 1, name: 'Your library is ready'}).waitFor();
}

export async function signIn(page) {
  await page.goto('/login');
  await page.getByLabel('Name').fill('Miriam');
  await page.getByLabel('Password').fill('paper lantern harbour');
  await page.getByRole('button', {name: 'Sign in'}).click();
  await page.getByRole('heading', {level: 1, name: 'Good to see you, Miriam'}).waitFor();
}

// Until the page says so: by itself where it has script, else loaded again as a person would do.
export async function reloadUntil(page, text) {
  const said = page.locator('main').getByText(text).first();
  for (let i = 0; i < 60; ++i) {
    if (await said.waitFor({timeout: 400}).then(() => true, () => false)) return;
    await page.reload();
  }
  assert.fail(`the page never said "${text}"`);
}

// The theme is kept by the server before anything else is asked.
export async function choose(page, theme) {
  const kept = page.waitForResponse((r) => new URL(r.url()).pathname === '/theme');
  await page.getByRole('button', {name: theme, exact: true}).click();
  await kept;
}
