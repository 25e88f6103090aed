// Takes the pictures of docs/images; pictures.py starts it beside a server with traffic and sends scenario 5.1 later.
import { launch } from './browser.mjs';

const base = process.env.BASE_URL;
const folder = process.argv[2];
const PASSWORD = 'quiet louvers at nine oclock';
const HOST = 'PC-SALES-031';
const browser = await launch();

async function open(language, first) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'Asia/Tokyo', locale: language === 'ja' ? 'ja-JP' : 'en-GB', colorScheme: 'dark', reducedMotion: 'reduce' });
  const data = { user: 'csirt', password: PASSWORD };
  await context.request.post(...(first ? [`${base}/api/v1/setup`, { data: { ...data, token: process.env.SETUP_TOKEN, language } }] : [`${base}/api/v1/session`, { data }]));
  const { csrf } = await (await context.request.get(`${base}/api/v1/session`)).json();
  await context.request.put(`${base}/api/v1/session/language`, { data: { language }, headers: { 'X-CSRF-Token': csrf } });
  const page = await context.newPage();
  await page.goto(`${base}/#/live`);
  await page.waitForSelector('.connection[data-state=open]');
  return page;
}

const pages = { ja: await open('ja', true), en: await open('en', false) };
for (const [language, page] of Object.entries(pages)) {
  await page.locator('a.incident', { hasText: HOST }).first().waitFor({ timeout: 150_000 });
  await page.waitForTimeout(6000);
  await page.screenshot({ path: `${folder}/live-${language}.png` });
}
for (const [language, page] of Object.entries(pages)) {
  await page.locator('a.incident', { hasText: HOST }).first().click();
  await page.locator('.swimlane .mark').first().waitFor();
  await page.waitForTimeout(500);
  await page.screenshot({ path: `${folder}/incident-${language}.png` });
}
await browser.close();
