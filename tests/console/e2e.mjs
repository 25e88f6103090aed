// The console against the real binary, on a fresh server: set-up, login, findings and an incident that arrive live, search,
// the incident in both languages, sources and balance, rules with a refusal. tests/test_console_browser.py starts it:
//
//   BASE_URL=http://127.0.0.1:8480 SETUP_TOKEN=… SYSLOG=127.0.0.1:5514 RECORDS=lines.log [BROKEN_RULE=rules/broken.yml]
//   HYAKUYO=build/hyakuyo DATA=var [SCREENSHOT_DIR=…] node tests/console/e2e.mjs
//
// RECORDS holds the lines of scenario 5.1 with times of the last hour; its assets were imported before. BROKEN_RULE is a
// file that the server refused; it is removed to see it go. HYAKUYO adds people of other roles to the server's folder DATA. Exit 0 when every step passed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { contrastFailures, launch, overflow, SIZES, untranslated, watch } from './browser.mjs';

const base = (process.env.BASE_URL ?? 'http://127.0.0.1:8480').replace(/\/$/, '');
const token = process.env.SETUP_TOKEN ?? '';
const [syslogHost, syslogPort] = (process.env.SYSLOG ?? '127.0.0.1:5514').split(':');
const lines = readFileSync(process.env.RECORDS ?? '/dev/null', 'utf8').split('\n').filter(Boolean);
const brokenRule = process.env.BROKEN_RULE ?? '';
const folder = process.env.SCREENSHOT_DIR ?? '';
const USER = 'lead';
const PASSWORD = 'quiet louvers at nine oclock';
const HOST_IP = '10.20.30.31';
if (folder) mkdirSync(folder, { recursive: true });

let passed = 0;
let failed = 0;
const browser = await launch();
const context = await browser.newContext({ viewport: SIZES.desktop, timezoneId: 'Asia/Tokyo', locale: 'ja-JP', colorScheme: 'light', reducedMotion: 'reduce' });
const page = await context.newPage();
page.setDefaultTimeout(25000);
const complaints = watch(page, base);

function send(records) {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(syslogPort), syslogHost, () => socket.end(records.map((line) => `${line}\n`).join('')));
    socket.on('close', resolve);
    socket.on('error', reject);
  });
}

async function shot(name) {
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
}

async function step(name, body) {
  const began = Date.now();
  try {
    await body();
    passed++;
    console.log(`ok   ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${error.message}`);
    await shot(`failed-${failed}`).catch(() => {});
  }
}

async function language(tag) {
  await page.locator('header.top .user-menu').click();
  await page.locator(`.menu button[lang=${tag}]`).click();
  assert.deepEqual(await untranslated(page, tag), []);
  await page.keyboard.press('Escape');
  await page.waitForFunction((wanted) => document.documentElement.lang === wanted, tag);
}

// What a page still complains about once it has come to rest.
async function settled(check) {
  let complaints = [];
  for (let tries = 0; tries < 40; tries++) {
    await page.waitForTimeout(tries < 4 ? 150 : 300);
    complaints = await check();
    if (complaints.length === 0) break;
  }
  return complaints;
}

const hash = (expression) => page.waitForFunction((text) => decodeURIComponent(location.hash.replaceAll('+', ' ')).includes(text), expression);

await step('the page is served under a policy that allows nothing from elsewhere', async () => {
  const policy = (await context.request.get(`${base}/`)).headers()['content-security-policy'];
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /script-src[^;]*unsafe|https?:/);
});

await step('a wrong set-up token is refused in words', async () => {
  await page.goto(`${base}/#/setup?token=wrong`);
  await page.fill('[name=user]', USER);
  await page.fill('[name=password]', PASSWORD);
  await page.fill('[name=password-again]', PASSWORD);
  await page.click('button[type=submit]');
  assert.match(await page.locator('[role=alert]').innerText(), /[ぁ-ん]/);
});

await step('the set-up link creates the first user', async () => {
  await page.goto(`${base}/#/setup?token=${encodeURIComponent(token)}`);
  await page.reload();
  await page.fill('[name=user]', USER);
  await page.fill('[name=password]', 'short');
  assert.equal(await page.locator('button[type=submit]').isDisabled(), true);
  await page.fill('[name=password]', PASSWORD);
  await page.fill('[name=password-again]', PASSWORD);
  assert.deepEqual(await untranslated(page, 'ja'), []);
  await page.click('button[type=submit]');
  await page.waitForSelector('header.top');
});

await step('logout and login, a wrong password is refused, the cookie is closed to scripts', async () => {
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

await step('findings and the incident arrive live, without a reload', async () => {
  await page.goto(`${base}/#/live`);
  await page.waitForSelector('.connection[data-state=open]');
  await page.evaluate(() => new Promise((open) => {
    const source = new EventSource('/api/v1/stream');
    globalThis.firstFinding = new Promise((heard) => source.addEventListener('finding', () => { heard(Date.now()); source.close(); }, { once: true }));
    source.addEventListener('rate', open, { once: true });
  }));
  const began = Date.now();
  const sent = send(lines);
  await page.locator('a.finding', { hasText: HOST_IP }).first().waitFor();
  const shown = Date.now() - began;
  const heard = (await page.evaluate(() => globalThis.firstFinding)) - began;
  await sent;
  console.log(`     from TCP send to the first finding: ${heard} ms in the event stream, ${shown} ms on the page`);
  assert.ok(heard < 2000, `${heard} ms`);
  await page.mouse.move(640, 4); // a pointer that rests on a list holds it
  await page.locator('a.incident', { hasText: HOST_IP }).first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.events li').length > 5);
  assert.equal(await page.locator('header.top .posture').count(), 1);
});

await step('search finds the line, its raw text is verbatim, a field can be filtered for', async () => {
  await page.goto(`${base}/#/search?last=1h`);
  await page.fill('[data-search]', `source.ip:${HOST_IP} and destination.port:6667`);
  await page.keyboard.press('Enter');
  await hash('destination.port:6667');
  await page.waitForFunction(() => /M[\d.]+ 100V/.test(document.querySelector('.plot path')?.getAttribute('d') ?? ''));
  await page.locator('tbody [data-row]').first().waitFor();
  // The page shows the answer to the search before until this one is here; then the histogram counts the rows.
  await page.waitForFunction(() => Number(document.querySelector('.histogram .caption strong')?.textContent.replaceAll(',', '')) ===
    document.querySelectorAll('tbody [data-row]').length);
  await page.locator('tbody [data-row]').first().click();
  const raw = await page.locator('pre.raw').first().innerText();
  assert.ok(lines.includes(raw), `not a line that was sent: ${raw}`);
  await shot('search.ja');
  await page.locator('.value .actions button').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => decodeURIComponent(location.hash.replaceAll('+', ' ')).split(' and ').length > 2);
});

await step('a syntax error is shown under its character, in words', async () => {
  await page.goto(`${base}/#/search?q=${encodeURIComponent('destination.port:(25 or')}`);
  await page.waitForSelector('.error mark');
  assert.match(await page.locator('.error').first().innerText(), /[ぁ-ん]/);
  await shot('search_error.ja');
});

await step('pipes give a table and a chart', async () => {
  await page.goto(`${base}/#/search?last=1h&q=${encodeURIComponent('* | count by destination.port | sort -count')}`);
  await page.locator('table.piped tbody tr').first().waitFor();
  const counts = await page.locator('table.piped td.number').allInnerTexts();
  assert.ok(counts.length >= 2);
  await page.goto(`${base}/#/search?last=1h&q=${encodeURIComponent('* | timechart 5m count')}`);
  await page.locator('.chart[aria-label*=count] svg').waitFor();
  await page.waitForFunction(() => !document.querySelector('.chart svg').textContent.includes('6667'));
  await shot('timechart.ja');
});

await step('one incident, with a lane for each system, opened down to the raw line', async () => {
  await page.goto(`${base}/#/incidents`);
  const incident = page.locator('.queue a', { hasText: HOST_IP });
  await incident.first().waitFor();
  assert.equal(await incident.count(), 1, 'the host must be in exactly one incident');
  await shot('incidents.ja');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.swimlane .mark');
  const detail = await (await context.request.get(`${base}/api/v1/incidents/${page.url().split('/').at(-1)}`)).json();
  assert.ok(detail.systems.length >= 2);
  assert.deepEqual([...(await page.locator('.lane-name').allInnerTexts())].sort(), detail.system_names.map((name) => name.ja).sort());
  assert.equal(await page.locator('.swimlane .mark').count(), detail.findings.length);
  await shot('incident.ja');
  await page.locator('.swimlane .mark').last().focus();
  await page.keyboard.press('Enter');
  const raw = await page.locator('li.selected pre.raw').first().innerText();
  assert.ok(lines.includes(raw), `not a line that was sent: ${raw}`);
  await shot('incident_finding.ja');
});

await step('the three judgements, in both languages; the weights of the evidence add up to the confidence', async () => {
  const signed = (text) => Number(text.replace('−', '-').replace('+', ''));
  for (const [tag, words] of [['ja', ['緊急度', '重要度', '確信度']], ['en', ['Urgency', 'Importance', 'Confidence']]]) {
    await language(tag);
    const names = await page.locator('.judgements .top .name').allInnerTexts();
    assert.deepEqual(names, words);
    assert.deepEqual(await untranslated(page, tag), []);
    await page.locator('main').evaluate((main) => main.scrollTo(0, 0));
  }
  const weights = (await page.locator('.judgements .weight').allInnerTexts()).map(signed);
  const sum = weights.pop();
  assert.ok(Math.abs(weights.reduce((a, b) => a + b, 0) - sum) < 0.01 * weights.length, `${weights} should add up to ${sum}`);
  const detail = await (await context.request.get(`${base}/api/v1/incidents/${page.url().split('/').at(-1)}`)).json();
  assert.ok(Math.abs(1 / (1 + Math.exp(-sum)) - detail.confidence) < 0.001);
  await shot('incident.en');
});

await step('only allowed states are offered, and a change is recorded', async () => {
  const offered = await page.locator('[name=state] option').evaluateAll((all) => all.map((option) => option.value));
  assert.ok(offered.includes('triage') && !offered.includes('closed') && !offered.includes('new'), offered.join());
  assert.equal(await page.inputValue('[name=state]'), 'triage');
  await page.fill('[name=note]', 'checked by the console test');
  await page.locator('form:has([name=state]) button[type=submit]').click();
  await page.locator('.title .state', { hasText: 'Triage' }).waitFor();
  assert.match(await page.locator('form:has([name=state]) ol').innerText(), /checked by the console test/);
  assert.equal(await page.inputValue('[name=state]'), 'investigating');
});

await step('the balance of the sources closes, and a source is accepted', async () => {
  await page.goto(`${base}/#/sources`);
  await page.locator('.verdict.level-1').waitFor();
  const term = async (n) => Number((await page.locator('.equation .term strong').nth(n).innerText()).replaceAll(',', ''));
  assert.equal(await term(0), lines.length);
  assert.equal(await term(1), lines.length);
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.fill('[role=dialog] [name=name]', 'edge');
  await shot('source_dialog.en');
  await page.locator('[role=dialog] button[type=submit]').click();
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  await page.locator('table.sources', { hasText: 'edge' }).waitFor();
  assert.equal(await page.getByText('Not registered').count(), 0);
});

await step('a refused rule is named with its place; after a reload it is gone', async () => {
  await page.goto(`${base}/#/rules`);
  await page.locator('.counts').waitFor();
  assert.ok((await page.locator('table [data-row]').count()) > 5);
  if (brokenRule !== '') {
    const place = await page.locator('.refusals .place').innerText();
    assert.match(place, /broken\.yml:\d+/);
    await shot('rules.en');
    rmSync(brokenRule);
    await page.getByRole('button', { name: 'Reload rules' }).click();
    await page.locator('.refusals').waitFor({ state: 'detached' });
  }
});

await step('canaries are sent from the page, come back over every input, and each rule is proven', async () => {
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await page.locator('.counts').waitFor();
  await page.getByRole('button', { name: 'Prove now' }).click();
  await page.locator('summary', { hasText: /(\d+) of \1 came back/ }).click();
  assert.ok((await page.locator('details table tbody tr').count()) > 5);
  assert.equal(await page.locator('details .chip.level-4').count(), 0);
  assert.ok((await page.locator('tr[data-row] .chip.level-1').count()) > 0); // the scenario's sources make rules live
  await shot('coverage_proof.en');
});

await step('a rule is checked, its mistake is shown at its line, it is previewed, saved and removed', async () => {
  await page.goto(`${base}/#/rules/new`);
  const text = page.locator('#rule-text');
  const good = (await text.inputValue()).replace('title: \n', 'title: Chat of one host\n');
  await text.fill(good.replace('condition: selection', 'condition: selektion'));
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByRole('button', { name: /Line 9:/ }).click();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'rule-text');
  await shot('rules_mistake.en');
  assert.equal(await page.getByRole('button', { name: 'Save and switch on' }).isEnabled(), false);
  await text.fill(good);
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByText('2 samples hold').waitFor();
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.locator('td', { hasText: 'Chat of one host' }).waitFor();
  await page.getByLabel('File name').fill('chat');
  await shot('rules_preview.en');
  await page.getByRole('button', { name: 'Save and switch on' }).click();
  const saved = page.getByRole('link', { name: 'Chat of one host' });
  await saved.click();
  await page.getByText('A rule of yours.').waitFor();
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.locator('.counts').waitFor();
  assert.equal(await saved.count(), 0);
});

await step('an exception says what it would take away, is entered and withdrawn', async () => {
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  for (const condition of ['source.ip:10.20.30.31', 'source.ip:10.20.30.44']) {
    await page.getByRole('button', { name: 'New exception' }).click();
    await page.getByLabel('Rule').fill('7b0ffa63-7691-55a4-9075-5c78870c404b');
    await page.getByLabel('Condition').fill(condition);
    await page.getByRole('textbox', { name: 'Reason' }).fill('chat server test');
    if (condition.endsWith('.31')) {
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.locator('section[aria-live] td', { hasText: 'IRC port' }).waitFor();
      await shot('exceptions_preview.en');
    }
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('tr[data-row]', { hasText: condition }).waitFor();
  }
  await page.locator('tr[data-row]', { hasText: '.44' }).getByRole('button', { name: 'Withdraw' }).click();
  await page.locator('tr[data-row]', { hasText: 'Withdrawn' }).waitFor();
  await page.locator('tr[data-row]', { hasText: '.31' }).getByRole('button', { name: 'Withdraw' }).waitFor();
});

await step('work on an incident: a task is waived, a step says what it lacks, a decision waits for somebody else', async () => {
  const { rows } = await (await context.request.get(`${base}/api/v1/incidents?state=open`)).json();
  await page.goto(`${base}/#/incidents/${rows[0].id}`);
  await page.locator('.work .first blockquote').waitFor();
  const task = page.locator('.work tbody tr').first();
  const title = (await task.locator('td').first().innerText()).split('\n')[0];
  await task.getByRole('button', { name: 'Not needed here' }).click();
  await page.locator('[role=dialog] [name=reason]').fill('done elsewhere');
  await page.locator('[role=dialog] button[type=submit]').click();
  await page.locator('.work tbody tr', { hasText: title }).getByText('done elsewhere').waitFor();
  await page.locator('select[name=state]').selectOption('false_positive');
  await page.locator('.missing li').first().waitFor();
  const lacking = await page.locator('.missing li').count();
  await page.locator('textarea[name=note]').fill('looks harmless');
  await page.getByRole('button', { name: 'Record the change' }).click();
  await page.locator('form [role=alert]').waitFor();
  assert.equal(await page.locator('.missing li').count(), lacking);
  await page.getByRole('button', { name: 'Decisions' }).click();
  await page.getByRole('button', { name: 'Ask for a decision' }).click();
  await page.locator('[role=dialog] [name=question]').fill('May we cut it off?');
  await page.locator('[role=dialog] button[type=submit]').click();
  await page.locator('.work .approval', { hasText: 'May we cut it off?' }).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await page.locator('.approvals .approval', { hasText: 'May we cut it off?' }).getByText('somebody else decides').waitFor();
});

await step('registers: a vendor is entered and called, a partner is asked, a figure leads down to an event', async () => {
  const fill = async (values) => {
    for (const [name, value] of Object.entries(values)) await page.locator(`[role=dialog] [name=${name}]`).fill(value);
    await page.locator('[role=dialog] button[type=submit]').click();
    await page.locator('[role=dialog]').waitFor({ state: 'detached' });
  };
  await page.goto(`${base}/#/vendors`);
  await page.getByRole('button', { name: 'Add a vendor' }).click();
  await fill({ name: 'Kita Forensics', service: 'forensics', respond_hours: '4', contract_until: '2020-01-31T00:00' });
  await page.locator('tr[data-row]', { hasText: 'Kita Forensics' }).getByText('The contract has ended').waitFor();
  await page.getByRole('button', { name: 'Edit' }).click();
  await fill({ contract_until: '2040-01-31T00:00', review_due: '2040-01-31T00:00' });
  await page.getByText('The contract has ended').waitFor({ state: 'detached' });
  await page.goto(`${base}/#/vendors/partners`);
  await page.getByRole('button', { name: 'Add a partner' }).click();
  await fill({ name: 'Nishi CSIRT', forms: 'jpcert' });
  await page.locator('tr[data-row]', { hasText: 'Nishi CSIRT' }).waitFor();
  const { rows } = await (await context.request.get(`${base}/api/v1/incidents?state=open`)).json();
  await page.goto(`${base}/#/incidents/${rows[0].id}`);
  await page.getByRole('button', { name: 'Help from outside' }).click();
  await page.getByRole('button', { name: 'Call a vendor' }).click();
  await fill({ task: 'image the disk' }); // a decision comes first
  await page.goto(`${base}/#/approvals`);
  await page.getByText('image the disk').first().waitFor();
  await page.goto(`${base}/#/incidents/${rows[0].id}`);
  await page.getByRole('button', { name: 'Help from outside' }).click();
  await page.getByRole('button', { name: 'Ask for advice' }).click();
  await fill({ assessment: 'a bot', plan: 'rebuild', question: 'Is it known?' });
  await page.locator('.work article', { hasText: 'Is it known?' }).getByText('No answer yet').waitFor();
  await page.goto(`${base}/#/improvement`);
  await page.locator('table.kpis tr', { hasText: 'Time to detect' }).getByRole('button').last().click();
  await page.locator('#behind').waitFor();
  await page.locator('.events a').first().click();
  await page.locator('.groups').waitFor();
  await page.goto(`${base}/#/improvement/dossiers`);
  await page.getByRole('button', { name: 'Begin a dossier' }).click();
  await fill({ title: 'Block macros', purpose: 'fewer infections' });
  await page.locator('details.card', { hasText: 'Block macros' }).locator('summary').click();
  await page.getByText('Still lacking:').waitFor();
  await shot('dossiers.en');
});

await step('the work list: a note for the next shift, an item asleep, and a host that used a file before it was known', async () => {
  const digest = 'a1'.repeat(32);
  const at = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();
  const event = (hours, host, fields) => JSON.stringify({ '@timestamp': at(hours), host: { name: host }, file: { hash: { sha256: digest } }, ...fields });
  const body = [event(30, 'PC-77', { event: { category: ['process'], type: ['start'] }, user: { name: 'sato' } }), event(2, 'PC-78', { event: { category: ['malware'] }, hyakuyo: { malware: { name: 'Trojan.Example' } } })];
  assert.ok((await fetch(`${base}/api/v1/records/edr`, { method: 'POST', body: body.join('\n') })).ok);
  const scan = (hours, code, host) => JSON.stringify({ timestamp: at(hours), analyzername: 'Trellix Endpoint Security', analyzerhostname: host, threateventid: code, taskname: 'Weekly Full Scan' });
  const scans = [scan(9, 1202, 'PC-71'), scan(8, 1202, 'PC-72'), scan(7, 1203, 'PC-72'), scan(6, 1202, 'PC-73'), scan(1, 1203, 'PC-73')];
  assert.ok((await fetch(`${base}/api/v1/records/av`, { method: 'POST', body: scans.join('\n') })).ok);
  const answer = async (values) => {
    for (const [name, value] of Object.entries(values)) await page.locator(`[role=dialog] [name=${name}]`).fill(value);
    await page.locator('[role=dialog] button[type=submit]').click();
    await page.locator('[role=dialog]').waitFor({ state: 'detached' });
  };
  await page.keyboard.press('g');
  await page.keyboard.press('z');
  await page.getByRole('button', { name: 'Leave a note' }).click();
  await answer({ note: 'PC-77 comes first, @nobody', to: 'night shift' });
  await page.getByText('Nobody is told under these names: nobody.').waitFor();
  await page.locator('.handovers article', { hasText: 'PC-77 comes first' }).getByText('for night shift').waitFor();
  assert.equal(spawnSync(process.env.HYAKUYO, ['user', 'add', 'night', '--role', 'analyst', '--data', process.env.DATA], { input: `${PASSWORD}\n`, encoding: 'utf8' }).status, 0);
  const theirs = await browser.newContext();
  const { csrf } = await (await theirs.request.post(`${base}/api/v1/session`, { data: { user: 'night', password: PASSWORD } })).json();
  const wrote = await theirs.request.post(`${base}/api/v1/incidents/1/entries`, { data: { kind: 'mention', text: '@lead the vendor calls at nine' }, headers: { 'X-CSRF-Token': csrf } });
  assert.deepEqual((await wrote.json()).told, ['lead']);
  await theirs.close();
  await page.reload();
  const note = page.locator('.mentions article', { hasText: 'the vendor calls at nine' });
  await note.getByText('#1').waitFor();
  await shot('mention.en');
  await note.getByRole('button', { name: 'Mark as read' }).click();
  await page.locator('.mentions').waitFor({ state: 'detached' });
  await page.locator('.items li').last().getByRole('button', { name: 'Let it sleep' }).click();
  await answer({ reason: 'after the weekend' });
  await page.locator('.snoozes li', { hasText: 'after the weekend' }).getByRole('button', { name: 'Wake it' }).click();
  await answer({ reason: 'now' });
  await page.locator('.snoozes').waitFor({ state: 'detached' });
  const row = page.locator('.retrospects li', { hasText: 'PC-77' });
  await row.getByText('Not scanned since').waitFor({ timeout: 60_000 });
  await row.getByRole('button', { name: 'Begin it' }).click();
  await row.getByText('In work').waitFor();
  await shot('worklist.en');
});

await step('notifications: what was told, and taking it up', async () => {
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  const card = page.locator('.notice-card', { hasText: 'Waits for an acknowledgement' }).first();
  await card.getByText('Delivered').waitFor();
  const number = (await card.locator('p.muted').innerText()).match(/#(\d+)/)[1];
  await card.getByRole('button', { name: 'Acknowledge' }).click();
  await page.locator('[role=dialog] [name=note]').fill('on it');
  await page.locator('[role=dialog] button[type=submit]').click();
  await page.locator('.notice-card', { hasText: `#${number} ` }).getByText('Taken up by').waitFor();
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.locator('[role=dialog] button[type=submit]').click();
  await page.locator('.notice-card', { hasText: 'Trial message' }).getByText('Delivered').waitFor();
});

await step('keys: g i, j, /, ?, Escape', async () => {
  await page.keyboard.press('g');
  await page.keyboard.press('i');
  await page.waitForSelector('.queue a');
  await page.keyboard.press('j');
  assert.equal(await page.evaluate(() => document.activeElement.matches('.queue a')), true);
  await page.keyboard.press('?');
  await page.waitForSelector('[role=dialog]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  await page.keyboard.press('/');
  await page.waitForFunction(() => document.activeElement?.hasAttribute('data-search'));
});

await step('without log-in: report a suspicion from a phone, follow the card; the help desk sees both', async () => {
  const phone = await browser.newContext({ viewport: SIZES.phone, locale: 'ja-JP', timezoneId: 'Asia/Tokyo', serviceWorkers: 'block' });
  const user = await phone.newPage();
  await user.goto(`${base}/report`);
  await user.getByText('変なメールを開いてしまった').click();
  await user.locator('[name=text]').fill('<b>odd</b> window');
  await user.locator('[name=pc]').fill('PC-SALES-031');
  await user.locator('button[type=submit]').click();
  const number = (await user.locator('.thanks .number').innerText()).trim();
  await user.locator('button[name=connector_pulled]').click();
  await user.locator('button[name=connector_pulled][aria-pressed=true] time').waitFor();
  await user.reload();
  await user.locator('button[name=connector_pulled][aria-pressed=true] time').waitFor();
  assert.deepEqual(await settled(async () => [...(await overflow(user)), ...(await contrastFailures(user)), ...(await untranslated(user, 'ja'))]), []);
  await user.getByRole('button', { name: 'English' }).click();
  await user.getByRole('heading', { name: 'First response' }).waitFor();
  assert.deepEqual(await settled(async () => [...(await overflow(user)), ...(await contrastFailures(user)), ...(await untranslated(user, 'en'))]), []);
  await phone.close();
  await page.goto(`${base}/#/intake`);
  await page.locator('.reports').getByRole('link', { name: number, exact: true }).click();
  await page.locator('.said', { hasText: '<b>odd</b> window' }).waitFor();
  await page.locator('li.is-done', { hasText: 'Pull the network connector' }).waitFor();
  await page.getByRole('button', { name: 'Take it' }).click();
  await page.getByRole('button', { name: 'Take it' }).waitFor({ state: 'detached' });
  await page.locator('details', { hasText: 'Mail to this person' }).first().waitFor();
});

await step('on a phone: four pages at hand, all of them in a drawer that closes when one is chosen', async () => {
  await page.setViewportSize(SIZES.phone);
  assert.equal(await page.locator('nav.bar a').count(), 4);
  const all = page.locator('nav.bar button');
  await all.click();
  await page.locator('nav.drawer').waitFor();
  assert.deepEqual(await settled(async () => [...(await overflow(page)), ...(await contrastFailures(page)), ...(await untranslated(page, 'en'))]), []);
  await shot('drawer.en.phone');
  await page.keyboard.press('Escape');
  await page.locator('nav.drawer').waitFor({ state: 'detached' });
  await all.click();
  await page.locator('nav.drawer').getByRole('link', { name: 'Case library' }).click();
  await page.locator('nav.drawer').waitFor({ state: 'detached' });
  await page.locator('table.references').waitFor();
  await page.setViewportSize(SIZES.desktop);
});

// What each role does not find in the navigation; whatever it finds opens without a refusal.
for (const [role, hidden] of Object.entries({ helpdesk: ['search', 'sources', 'coverage', 'rules', 'intel', 'exceptions', 'reports', 'record'], auditor: ['search'] })) {
  await step(`the navigation of the role ${role} leaves out what it may not open`, async () => {
    const added = spawnSync(process.env.HYAKUYO, ['user', 'add', role, '--role', role, '--data', process.env.DATA], { input: `${PASSWORD}\n`, encoding: 'utf8' });
    assert.equal(added.status, 0, added.stderr);
    const theirs = await browser.newContext({ viewport: SIZES.desktop, locale: 'ja-JP', timezoneId: 'Asia/Tokyo' });
    assert.equal((await theirs.request.post(`${base}/api/v1/session`, { data: { user: role, password: PASSWORD } })).status(), 200);
    const other = await theirs.newPage();
    const refused = [];
    const underway = new Set();
    other.on('request', (request) => { if (!request.url().endsWith('/stream')) underway.add(request); });
    for (const end of ['requestfinished', 'requestfailed']) other.on(end, (request) => underway.delete(request));
    other.on('response', (response) => { if (response.status() === 403) refused.push(`${other.url().split('#')[1]}: ${response.url().slice(base.length)}`); });
    await other.goto(`${base}/#/posture`);
    await other.locator('nav.side a').first().waitFor();
    const links = await other.locator('nav.side a').evaluateAll((found) => found.map((link) => link.getAttribute('href')));
    assert.deepEqual(hidden.filter((name) => links.includes(`#/${name}`)), []);
    assert.ok(links.includes('#/incidents') && links.length >= 13, links.join());
    for (const link of links) {
      await other.goto(`${base}/${link}`);
      await other.locator('main h1').first().waitFor();
      for (let calm = 0, tries = 0; calm < 3 && tries < 200; tries++) {
        await other.waitForTimeout(50);
        calm = underway.size === 0 ? calm + 1 : 0;
      }
    }
    assert.deepEqual(refused, []);
    await theirs.close();
  });
}

const incident = await (await context.request.get(`${base}/api/v1/incidents?state=open`)).json().then(({ rows }) => `incidents/${rows[0]?.id}`, () => 'incidents');
const PAGES = { live: 'a.finding', 'search?last=1h': 'tbody [data-row]', incidents: '.queue a', worklist: '.retrospects li[data-row]', approvals: '.approvals :is(.approval, .empty)', intake: '.intake .reports a', 'intake/1': '.page.report details', '/report': '.sheet form', [incident]: '.swimlane .mark', notifications: '.notice-card', sources: '.verdict', rules: '.counts', 'rules/new': '#rule-text', fleet: '.scans tbody tr', 'fleet/scan_durations': '.scans tbody tr', posture: '.level strong', instruments: '[data-row]', 'instruments/destination': '.under.mono', coverage: '.counts', exceptions: 'table [data-row]', reports: 'select[name=form]', record: 'section.head', risk: '.residual table', contacts: '.card .empty, table [data-row]', [`hosts/${HOST_IP}`]: '#host-controls', 'contacts/authority': '.authority table', 'contacts/playbooks': 'details.card', vendors: '.card .empty, table [data-row]', 'vendors/partners': '.card .empty, table [data-row]', 'vendors/sharing': '.card .empty, table [data-row]', improvement: 'table.kpis [data-row]', 'improvement/actions': '.card .empty, table [data-row]', 'improvement/dossiers': '.card .empty, details.card', library: 'table.references', system: '.grid', 'events/1': '.groups' };
for (const [tag, theme, size] of [['en', 'light', 'desktop'], ['en', 'dark', 'wall'], ['ja', 'dark', 'desktop'], ['ja', 'light', 'phone'], ['ja', 'dark', 'phone']]) {
  await step(`every page in ${tag}, ${theme}, ${size}: no overflow, enough contrast, nothing untranslated`, async () => {
    await page.setViewportSize(SIZES.desktop);
    if ((await page.locator('html').getAttribute('lang')) !== tag) await language(tag);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, theme);
    await page.setViewportSize(SIZES[size]);
    const bad = [];
    for (const [name, ready] of Object.entries(PAGES)) {
      await page.goto(name.startsWith('/') ? `${base}${name}` : `${base}/#/${name}`);
      await page.locator(ready).first().waitFor();
      bad.push(...(await settled(async () => [...(await overflow(page)), ...(await contrastFailures(page)), ...(await untranslated(page, tag))])).map((complaint) => `${name}: ${complaint}`));
      await shot(`${name === 'rules/new' ? 'rules_new' : name.replace(/^\//, '').split(/[/?]/)[0]}${/^(incidents|intake)\//.test(name) ? '_detail' : ''}.${tag}.${theme}.${size}`);
    }
    assert.deepEqual(bad, []);
  });
}

await step('no script error, nothing blocked, no request to another host', () => assert.deepEqual(complaints, []));
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
