// The console against the real binary: set-up, login, a finding that arrives live, search, the incident in both languages.
//
//   BASE_URL=http://127.0.0.1:8480 SETUP_TOKEN=… [SYSLOG=127.0.0.1:5514] [SCREENSHOT_DIR=…] node tests/console/e2e.mjs
//
// The server must be fresh (nobody set up yet). Records are sent by syslog over TCP, shaped like scenario 5.1 with times of
// now, so that they fall into the ranges the console opens with. Exit 0 when every step passed.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { contrastFailures, launch, overflow, SIZES, watch } from './browser.mjs';

const base = (process.env.BASE_URL ?? 'http://127.0.0.1:8480').replace(/\/$/, '');
const token = process.env.SETUP_TOKEN ?? '';
const [syslogHost, syslogPort] = (process.env.SYSLOG ?? '127.0.0.1:5514').split(':');
const folder = process.env.SCREENSHOT_DIR ?? '';
const USER = 'lead';
const PASSWORD = 'quiet louvers at nine oclock';
const HOST_IP = '10.20.30.31';
if (folder) mkdirSync(folder, { recursive: true });

const pad = (n) => String(n).padStart(2, '0');
function jst(ms) {
  const d = new Date(ms + 9 * 3600_000);
  return { date: `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`, time: `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}` };
}

function records(start) {
  const at = (seconds) => jst(start + seconds * 1000);
  const iso = (seconds) => `${at(seconds).date}T${at(seconds).time}+09:00`;
  const hash = '9f2c6d1e0b7a4c53e8d1f0a26b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e';
  const suricata = (seconds, port, id, name, iface, severity) => JSON.stringify({
    timestamp: `${at(seconds).date}T${at(seconds).time}.000000+0900`, event_type: 'alert', in_iface: iface, src_ip: HOST_IP, src_port: 49712, dest_ip: port === 6667 ? '198.51.100.23' : '10.20.30.44', dest_port: port, proto: 'TCP',
    alert: { action: 'allowed', gid: 1, signature_id: id, rev: 1, signature: name, category: severity === 1 ? 'A Network Trojan was detected' : 'Attempted Information Leak', severity }
  });
  return [
    `${Math.floor((start + 4000) / 1000)}.000   1480 ${HOST_IP} TCP_MISS/200 143872 GET http://dl.codec-plugin.example/load/codecsetup.exe t.sato HIER_DIRECT/203.0.113.66 application/octet-stream`,
    `<134>1 ${iso(30)} policy-mgr LaunchCtl - PROC [e host="PC-SALES-031" ip="${HOST_IP}" user="t.sato" dept="Sales" path="C:\\\\Users\\\\t.sato\\\\AppData\\\\Local\\\\Temp\\\\codecsetup.exe" sha256="${hash}" signed="no" parent="iexplore-compat.exe" list="not-listed" action="logged"]`,
    `<134>date=${at(37).date} time=${at(37).time} devname="FW-EDGE" type="traffic" subtype="forward" srcip=${HOST_IP} srcport=49712 dstip=198.51.100.23 dstport=6667 proto=6 action="accept" policyid=12 service="tcp/6667" sentbyte=2311 rcvdbyte=5120 dstcountry="ZZ" tz="+0900"`,
    suricata(38, 6667, 1000101, 'LOCAL IRC NICK/USER on outbound session', 'edge', 1),
    suricata(45, 445, 1000120, 'LOCAL EXPLOIT SMB RPC overflow attempt', 'core', 1),
    `<133>1 ${iso(50)} nac01 NAC - POSTURE [e host="PC-SALES-031" ip="${HOST_IP}" mac="02:00:5e:20:30:31" user="t.sato" result="quarantine" reason="av-realtime-off"]`
  ];
}

function send(lines) {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(syslogPort), syslogHost, () => socket.end(lines.map((line) => `${line}\n`).join('')));
    socket.on('close', resolve);
    socket.on('error', reject);
  });
}

let passed = 0;
let failed = 0;
const browser = await launch();
const context = await browser.newContext({ viewport: SIZES.desktop, timezoneId: 'Asia/Tokyo', locale: 'ja-JP', colorScheme: 'light' });
const page = await context.newPage();
page.setDefaultTimeout(10_000);
const complaints = watch(page, base);

async function shot(name) {
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
}

async function step(name, body) {
  try {
    await body();
    passed++;
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${error.message}`);
    await shot(`failed-${failed}`).catch(() => {});
  }
}

const language = async (tag) => {
  await page.locator('header.top .user-menu').click();
  await page.locator(`.menu button[lang=${tag}]`).click();
  await page.keyboard.press('Escape');
  await page.waitForFunction((wanted) => document.documentElement.lang === wanted, tag);
};

await step('a wrong set-up token is refused in words', async () => {
  await page.goto(`${base}/#/setup?token=wrong`);
  await page.fill('[name=user]', USER);
  await page.fill('[name=password]', PASSWORD);
  await page.fill('[name=password-again]', PASSWORD);
  await page.click('button[type=submit]');
  assert.notEqual((await page.locator('[role=alert]').innerText()).trim(), '');
});

await step('the set-up link creates the first user', async () => {
  await page.goto(`${base}/#/setup?token=${encodeURIComponent(token)}`);
  await page.reload();
  await page.fill('[name=user]', USER);
  await page.fill('[name=password]', 'short');
  assert.equal(await page.locator('button[type=submit]').isDisabled(), true);
  await page.fill('[name=password]', PASSWORD);
  await page.fill('[name=password-again]', PASSWORD);
  await shot('setup');
  await page.click('button[type=submit]');
  await page.waitForSelector('header.top');
});

await step('logout and login, a wrong password is refused', async () => {
  await page.locator('header.top .user-menu').click();
  await page.locator('.menu .button').last().click();
  await page.fill('[name=user]', USER);
  await page.fill('[name=password]', 'not the password');
  await page.click('button[type=submit]');
  await page.waitForSelector('[role=alert]');
  await page.fill('[name=password]', PASSWORD);
  await page.click('button[type=submit]');
  await page.waitForSelector('header.top');
  const cookie = (await context.cookies()).find((c) => c.name === 'hyakuyo_session');
  assert.ok(cookie?.httpOnly && cookie.sameSite === 'Strict', 'the session cookie must be HttpOnly and SameSite=Strict');
});

const start = Date.now() - 60_000;
await step('findings arrive live, without a reload', async () => {
  await page.goto(`${base}/#/live`);
  await page.waitForSelector('.connection[data-state=open]');
  const began = Date.now();
  await send(records(start));
  await page.locator('a.finding', { hasText: HOST_IP }).first().waitFor();
  console.log(`     first finding on the page ${Date.now() - began} ms after sending`);
  await page.locator('a.incident', { hasText: HOST_IP }).first().waitFor();
  await page.waitForTimeout(1500);
  await shot('live.ja');
});

await step('search finds the line, its raw text is verbatim, a field can be filtered for', async () => {
  await page.goto(`${base}/#/search?last=1h`);
  await page.fill('[data-search]', `source.ip:${HOST_IP} and destination.port:6667`);
  await page.keyboard.press('Enter');
  await page.locator('tbody [data-row]').first().click();
  const raw = await page.locator('pre.raw').first().innerText();
  assert.match(raw, /6667/);
  assert.match(page.url(), /q=/);
  await shot('search.ja');
  await page.locator('.value .actions button').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => decodeURIComponent(location.hash.replaceAll('+', ' ')).split(' and ').length > 2);
});

await step('a syntax error is shown under its character', async () => {
  await page.goto(`${base}/#/search?q=${encodeURIComponent('destination.port:(25 or')}`);
  await page.waitForSelector('.error mark');
  await shot('search_error.ja');
});

await step('pipes give a table and a chart', async () => {
  await page.goto(`${base}/#/search?last=1h&q=${encodeURIComponent('* | count by source.ip')}`);
  await page.locator('table.piped tbody tr').first().waitFor();
  await page.goto(`${base}/#/search?last=1h&q=${encodeURIComponent('* | timechart 5m count')}`);
  await page.locator('.chart svg').waitFor();
  await shot('timechart.ja');
});

await step('one incident, opened in both languages, with a lane for each system', async () => {
  await page.goto(`${base}/#/incidents`);
  const incident = page.locator('.queue a', { hasText: HOST_IP });
  await incident.first().waitFor();
  assert.equal(await incident.count(), 1, 'the host must be in exactly one incident');
  await shot('incidents.ja');
  await incident.first().click();
  await page.waitForSelector('.swimlane .mark');
  const lanes = await page.locator('.lane-name').count();
  assert.ok(lanes >= 3, `expected lanes of several systems, got ${lanes}`);
  assert.ok((await page.locator('.judgements').innerText()).includes('緊急度'));
  await shot('incident.ja');
  await page.locator('.swimlane .mark').first().click();
  await page.waitForSelector('li.selected pre.raw');
  await shot('incident_finding.ja');
  await language('en');
  assert.ok((await page.locator('.judgements').innerText()).includes('Urgency'));
  await page.locator('main').evaluate((main) => main.scrollTo(0, 0));
  await shot('incident.en');
});

await step('a state change is recorded', async () => {
  await page.selectOption('[name=state]', 'triaged');
  await page.fill('[name=note]', 'checked by the console test');
  await page.locator('form:has([name=state]) button[type=submit]').click();
  await page.locator('.title .state', { hasText: 'Triaged' }).waitFor();
});

await step('the balance of the sources closes', async () => {
  await page.goto(`${base}/#/sources`);
  await page.locator('.verdict.level-1').waitFor();
  assert.ok((await page.locator('table.sources tbody tr').count()) >= 1);
  await shot('sources.en');
});

for (const name of ['live', 'search', 'incidents', 'rules', 'system']) {
  await step(`${name}: dark, phone and wall, no overflow, enough contrast`, async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await page.goto(`${base}/#/${name}`);
      await page.waitForTimeout(800);
      assert.deepEqual(await overflow(page), []);
      assert.deepEqual(await contrastFailures(page), []);
      await shot(`${name}.en.dark.${size}`);
    }
  });
}

await step('no script error, nothing blocked, no request to another host', () => assert.deepEqual(complaints, []));
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
