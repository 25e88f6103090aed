// What the console does by itself, over the mock server: bounded lists under load, pausing, keys, reconnection, lost sessions,
// the search page's address. Exit 0 when all passed.
import assert from 'node:assert/strict';
import { launch, SIZES, watch } from './browser.mjs';
import { createMock, PASSWORD } from './mock_server.mjs';

let failed = 0;
let passed = 0;
const browser = await launch();

async function check(name, options, body) {
  const mock = createMock(options);
  const base = await mock.listen();
  const context = await browser.newContext({ viewport: SIZES.desktop, locale: 'en-GB', timezoneId: 'Asia/Tokyo' });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  const complaints = watch(page, base);
  try {
    await fetch(`${base}/api/v1/session`, { method: 'POST', body: JSON.stringify({ user: 'smith', password: PASSWORD }) });
    await page.goto(`${base}/#/live`);
    await page.waitForSelector('.connection[data-state=open]');
    await body({ page, base, mock });
    assert.deepEqual(complaints, []);
    passed++;
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${error.message.split('\n').slice(0, 6).join(' ')}`);
  }
  await context.close();
  await mock.close();
}

await check('50 findings a second: bounded rows, at most ten renderings a second', { findingsPerSecond: 50 }, async ({ page }) => {
  await page.evaluate(() => {
    globalThis.batches = new Set();
    new MutationObserver(() => globalThis.batches.add(Math.floor(performance.now()))).observe(document.querySelector('.list'), { childList: true, subtree: true });
  });
  await page.waitForTimeout(8000);
  const rows = await page.locator('.list li').count();
  const renderings = (await page.evaluate(() => globalThis.batches.size)) / 8;
  console.log(`     ${rows} rows, ${renderings.toFixed(1)} renderings/s`);
  assert.ok(rows >= 250 && rows <= 300, `rows: ${rows}`);
  assert.ok(renderings <= 11, `renderings per second: ${renderings}`);
});

await check('hovering and Space pause the list, and nothing is lost', { findingsPerSecond: 10 }, async ({ page }) => {
  await page.waitForTimeout(500);
  await page.locator('.list').first().hover();
  await page.waitForTimeout(300);
  const top = await page.locator('a.finding').first().innerText();
  const count = await page.locator('a.finding').count();
  await page.waitForTimeout(1500);
  assert.equal(await page.locator('a.finding').count(), count);
  assert.equal((await page.locator('a.finding').first().innerText()).split('\n')[0], top.split('\n')[0]);
  await page.mouse.move(5, 5);
  await page.waitForFunction((n) => document.querySelectorAll('a.finding').length > n + 10, count);
  await page.keyboard.press('Space');
  await page.waitForSelector('[aria-pressed=true]:has-text("Resume")');
});

await check('keys: g s, /, j, k, ?, Escape, skip link', {}, async ({ page }) => {
  await page.keyboard.press('j');
  assert.equal(await page.evaluate(() => document.activeElement.hasAttribute('data-row')), true);
  const first = await page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  assert.equal(typeof first, 'string');
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.waitForFunction(() => location.hash.startsWith('#/search'));
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.hasAttribute('data-search')), true);
  await page.keyboard.type('g i');
  assert.match(page.url(), /#\/search/);
  await page.keyboard.press('Escape'); // closes the completions
  await page.keyboard.press('Escape'); // leaves the field
  await page.keyboard.press('?');
  await page.waitForSelector('[role=dialog]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  for (const [key, hash] of [['i', 'incidents'], ['o', 'sources'], ['l', 'live']]) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await page.waitForFunction((name) => location.hash.startsWith(`#/${name}`), hash);
  }
  await page.reload();
  await page.waitForSelector('header.top');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className.includes('skip')), true);
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
});

await check('a dropped stream is shown and comes back', {}, async ({ page, mock }) => {
  mock.dropStreams();
  await page.waitForSelector('.connection[data-state=lost]');
  await page.waitForSelector('.connection[data-state=open]');
});

await check('a lost session leads to the login page, and back', {}, async ({ page, base, mock }) => {
  mock.expireSession();
  await page.goto(`${base}/#/sources`);
  await page.waitForSelector('[autocomplete=current-password]');
  await page.fill('[name=user]', 'smith');
  await page.fill('[name=password]', PASSWORD);
  await page.click('button[type=submit]');
  await page.waitForSelector('.verdict');
});

await check('search: completion, history, the address holds the state, older rows, zoom', {}, async ({ page, base }) => {
  await page.goto(`${base}/#/search`);
  await page.locator('[data-search]').click();
  await page.waitForTimeout(300);
  await page.keyboard.type('destination.po');
  await page.waitForSelector('[role=option]');
  await page.keyboard.press('Tab');
  assert.equal(await page.inputValue('[data-search]'), 'destination.port:');
  await page.keyboard.type('6667');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.includes('q=destination.port%3A6667'));
  await page.locator('tbody tr').first().waitFor();
  await page.locator('.more button').click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 200);
  await page.locator('.plot').scrollIntoViewIfNeeded();
  const box = await page.locator('.plot').boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await page.waitForFunction(() => /from=.*to=/.test(location.hash));
  await page.goBack();
  await page.waitForFunction(() => location.hash.includes('last=24h'));
  await page.reload();
  await page.waitForFunction(() => document.querySelector('[data-search]')?.value === 'destination.port:6667');
  await page.locator('[data-search]').focus();
  await page.keyboard.press('ArrowDown');
  assert.match(await page.locator('[role=option]').first().innerText(), /6667/);
});

await check('downloads hold the shown rows', {}, async ({ page, base }) => {
  await page.goto(`${base}/#/search`);
  await page.locator('tbody tr').first().waitFor();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV', exact: true }).click()]);
  const { readFileSync } = await import('node:fs');
  const text = readFileSync(await file.path(), 'utf8');
  assert.equal(text.trimEnd().split('\r\n').length, 101);
  assert.ok(text.startsWith('\uFEFF@timestamp,'));
});

await check('events are text, never markup', {}, async ({ page, base }) => {
  await page.goto(`${base}/#/events/1004`);
  await page.waitForSelector('.groups');
  assert.ok((await page.locator('main').innerText()).includes('<b>from</b>'));
});

await check('accepting a source takes it out of quarantine', {}, async ({ page, base }) => {
  await page.goto(`${base}/#/sources`);
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.fill('[role=dialog] [name=name]', 'scanner');
  await page.locator('[role=dialog] button[type=submit]').click();
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  await page.getByText('Not registered').waitFor({ state: 'detached' });
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
