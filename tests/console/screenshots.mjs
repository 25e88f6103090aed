// Every page in both languages, both themes and three sizes over the mock server, checked for script errors, foreign
// requests, overflow and contrast, and written to $SCREENSHOT_DIR (default /tmp/hyakuyo-screenshots) to be looked at.
//
//   node tests/console/screenshots.mjs [page …]
import { mkdirSync } from 'node:fs';
import { contrastFailures, launch, overflow, SIZES, watch } from './browser.mjs';
import { createMock, PASSWORD, TOKEN } from './mock_server.mjs';

const folder = process.env.SCREENSHOT_DIR ?? '/tmp/hyakuyo-screenshots';
mkdirSync(folder, { recursive: true });

const settle = (page) => page.waitForTimeout(700);
const PAGES = {
  live: { hash: '#/live' },
  search: { hash: '#/search?last=24h', then: async (page) => { await page.locator('tbody [data-row]').nth(1).click(); await page.mouse.move(5, 5); } },
  search_error: { hash: '#/search?q=' + encodeURIComponent('source.ip::10.1.1.1 and 端末') },
  search_timechart: { hash: '#/search?q=' + encodeURIComponent('* | timechart 30m count by event.action') },
  search_count: { hash: '#/search?q=' + encodeURIComponent('* | count by destination.port | sort -count') },
  incidents: { hash: '#/incidents' },
  incident: { hash: '#/incidents/41', then: async (page) => { await page.locator('.mark').nth(8).hover(); } },
  incident_open: { hash: '#/incidents/41', then: async (page) => { await page.locator('.mark').nth(8).click(); await settle(page); } },
  sources: { hash: '#/sources', then: async (page) => { await page.locator('button.name').nth(3).click(); await settle(page); } },
  source_dialog: { hash: '#/sources', then: async (page) => { await page.locator('tbody .button.small').first().click(); } },
  rules: { hash: '#/rules' },
  system: { hash: '#/system' },
  event: { hash: '#/events/1000' },
  shortcuts: { hash: '#/live', then: (page) => page.keyboard.press('?') },
  help: { hash: '#/search', then: (page) => page.locator('.bar .button.icon').last().click() },
  range: { hash: '#/search', then: (page) => page.locator('.search-head > .button').click() },
  sla: { hash: '#/incidents', then: (page) => page.locator('.page-head > .button').click() },
  menu: { hash: '#/live', then: (page) => page.locator('header.top .user-menu').click() }
};

const wanted = process.argv.slice(2);
const chosen = Object.entries(PAGES).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const sizes = (process.env.SIZES ?? Object.keys(SIZES).join()).split(',');
const themes = (process.env.THEMES ?? 'light,dark').split(',');
const languages = (process.env.LANGUAGES ?? 'ja,en').split(',');
let bad = 0;

function report(name, complaints) {
  for (const complaint of complaints) {
    bad++;
    console.log(`${name}: ${complaint}`);
  }
}

const browser = await launch();
const mock = createMock({ findingsPerSecond: 2 });
const base = await mock.listen();
for (const language of languages) for (const theme of themes) for (const size of sizes) {
  const context = await browser.newContext({ viewport: SIZES[size], colorScheme: theme, locale: language === 'ja' ? 'ja-JP' : 'en-GB', timezoneId: 'Asia/Tokyo', reducedMotion: 'reduce', hasTouch: size === 'phone' });
  const page = await context.newPage();
  const complaints = watch(page, base);
  await fetch(`${base}/api/v1/session`, { method: 'POST', body: JSON.stringify({ user: language === 'ja' ? 'sato' : 'smith', password: PASSWORD }) });
  for (const [name, { hash, then }] of chosen) {
    const label = `${name}.${language}.${theme}.${size}`;
    await page.goto(`${base}/${hash}`);
    await page.reload();
    await page.waitForSelector('main');
    await settle(page);
    try {
      await then?.(page);
    } catch (error) {
      report(label, [error.message.split('\n')[0]]);
    }
    await page.waitForTimeout(250);
    report(label, await overflow(page));
    report(label, await contrastFailures(page));
    await page.screenshot({ path: `${folder}/${label}.png` });
    report(label, complaints.splice(0));
  }
  await context.close();
}
await mock.close();

if (wanted.length === 0 || wanted.includes('setup')) {
  const gate = createMock({ setup: true });
  const gateBase = await gate.listen();
  for (const language of languages) for (const theme of themes) for (const size of sizes) {
    const context = await browser.newContext({ viewport: SIZES[size], colorScheme: theme, locale: language === 'ja' ? 'ja-JP' : 'en-GB' });
    const page = await context.newPage();
    const complaints = watch(page, gateBase);
    await page.goto(`${gateBase}/#/setup?token=${TOKEN}`);
    await page.fill('[name=user]', 'sato');
    await page.fill('[name=password]', 'correct horse bat');
    await page.waitForTimeout(200);
    report(`setup.${language}.${theme}.${size}`, [...(await overflow(page)), ...(await contrastFailures(page)), ...complaints]);
    await page.screenshot({ path: `${folder}/setup.${language}.${theme}.${size}.png` });
    await context.close();
  }
  await gate.close();
}
await browser.close();
console.log(`screenshots in ${folder}, ${bad} complaint(s)`);
process.exit(bad === 0 ? 0 : 1);
