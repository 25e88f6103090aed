// A countermeasure from its request to what the connector brought back, seen in the browser in both languages; and the list of connectors.
// tests/test_connect.py starts it:
//
//   BASE_URL=http://127.0.0.1:8480 INCIDENT=7 PASSWORD=… [SCREENSHOT_DIR=…] node tests/console/connect.mjs
//
// abe asks and looks, mori signs. Exit 0 when the order has been carried out and nothing sticks out or is in the wrong language.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { launch, overflow, SIZES, untranslated, watch } from './browser.mjs';

const base = process.env.BASE_URL.replace(/\/$/, '');
const folder = process.env.SCREENSHOT_DIR ?? '';
const words = Object.fromEntries(['ja', 'en'].map((language) => [language, JSON.parse(readFileSync(new URL(`../../web/messages/${language}.json`, import.meta.url), 'utf8'))]));
if (folder) mkdirSync(folder, { recursive: true });

const browser = await launch();
const complaints = [];

async function person(user, language) {
  const context = await browser.newContext({ viewport: SIZES.desktop, timezoneId: 'Asia/Tokyo', reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(60000);
  complaints.push(watch(page, base));
  await page.goto(`${base}/#/incidents`);
  await page.fill('[name=user]', user);
  await page.fill('[name=password]', process.env.PASSWORD);
  await page.locator('form button[type=submit]').click();
  await page.locator('.queue a').first().waitFor();
  await page.locator('header.top .user-menu').click();
  await page.locator(`.menu button[lang=${language}]`).click();
  await page.keyboard.press('Escape');
  await page.waitForFunction((tag) => document.documentElement.lang === tag, language);
  return page;
}

async function look(page, language, name) {
  if (folder) await page.screenshot({ path: `${folder}/connect-${name}-${language}.png`, fullPage: true });
  assert.deepEqual(await overflow(page), []);
  assert.deepEqual(await untranslated(page, language), []);
}

async function blocks(page, language) {
  await page.goto(`${base}/#/incidents/${process.env.INCIDENT}`);
  const work = page.locator('section.work');
  await work.getByRole('button', { name: words[language].work_blocks, exact: true }).click();
  return work;
}

const abe = await person('abe', 'ja'), mori = await person('mori', 'en');
let work = await blocks(abe, 'ja');
await work.getByRole('button', { name: words.ja.order_preview, exact: true }).click();
const dialog = abe.locator('[role=dialog]');
await dialog.locator('pre').first().waitFor();
assert.match(await dialog.textContent(), /203\.0\.113\.66/);
await look(abe, 'ja', 'preview');
await abe.keyboard.press('Escape');

work = await blocks(mori, 'en');
await work.getByRole('button', { name: words.en.work_approve, exact: true }).click();
await mori.locator('[role=dialog] button[type=submit]').click();
await mori.locator('[role=dialog]').waitFor({ state: 'detached' });
await work.getByText(words.en.order_done, { exact: true }).waitFor();
await work.getByText(words.en.work_block_active, { exact: true }).waitFor();
await look(mori, 'en', 'done');

work = await blocks(abe, 'ja');
await work.getByText(words.ja.order_done, { exact: true }).waitFor();
await look(abe, 'ja', 'done');
await abe.setViewportSize(SIZES.phone);
await look(abe, 'ja', 'done-phone');
await abe.setViewportSize(SIZES.desktop);
for (const [page, language] of [[abe, 'ja'], [mori, 'en']]) {
  await page.goto(`${base}/#/system`);
  await page.getByText('edge', { exact: true }).waitFor();
  await look(page, language, 'list');
  await page.setViewportSize(SIZES.phone);
  await look(page, language, 'list-phone');
}
assert.deepEqual(complaints.flat(), []);
await browser.close();
