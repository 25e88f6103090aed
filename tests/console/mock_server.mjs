// A stand-in for the server, for developing the console and looking at it: the API of docs/api.md over invented data shaped
// like scenario 5.1. It serves web/dist under the same content security policy as the real server.
//
//   node tests/console/mock_server.mjs [--port 8490] [--findings-per-second 2] [--setup] [--empty]
//
// The tests of the real binary are in e2e.mjs and use none of this.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const DIST = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'web', 'dist');

const WORKING = ['triage', 'investigating', 'containing', 'eradicating', 'recovering', 'monitoring', 'on_hold', 'false_positive', 'merged', 'duplicate'];

export const TOKEN = 'one-time-token';
export const PASSWORD = 'correct horse battery staple';

const iso = (ms) => new Date(ms).toISOString();

/* ---- the story ------------------------------------------------------------------------------------------------- */

const STORY = [
  [0, 'BIND', 'low', 'First query for a domain never seen before', '初めて参照されたドメイン', 'dl.codec-plugin.example', 'destination', 8, 'exposure', 'T1189'],
  [4.2, 'Squid', 'medium', 'Executable downloaded from an unknown domain', '内容不明ドメインから実行ファイルを取得', 'dl.codec-plugin.example', 'destination', 8, 'exposure', 'T1105'],
  [5, 'AV gateway', 'informational', 'Gateway scan of an executable', 'ゲートウェイで実行ファイルを検査', 'dl.codec-plugin.example', 'av', 0, 'exposure', ''],
  [30, 'LaunchCtl', 'high', 'Unlisted process started', '許可外起動', 'codecsetup.exe', 'process', 15, 'executed', 'T1204.002'],
  [32, 'LaunchCtl', 'high', 'Unlisted process started', '許可外起動', 'svcupd.exe', 'process', 15, 'executed', 'T1204.002'],
  [35.3, 'BIND', 'medium', 'Workstation asks for a name outside the proxy', 'プロキシを通らない名前参照', 'irc.update-chat.example', 'destination', 8, 'c2_suspected', 'T1071.004'],
  [37, 'Windows Firewall', 'medium', 'Outbound IRC port', 'IRC通信（宛先ポート）', '198.51.100.23:6667', 'c2_flow', 500, 'c2_suspected', 'T1071'],
  [37, 'FortiGate', 'high', 'Outbound IRC port allowed at the edge', 'IRC通信を境界で許可', '198.51.100.23:6667', 'c2_flow', 500, 'c2_allowed', 'T1071'],
  [38, 'Suricata', 'critical', 'IRC protocol on an outbound session', 'IRCプロトコルを検知', '198.51.100.23:6667', 'c2_flow', 300, 'c2_allowed', 'T1071.001'],
  [39.2, 'Zeek', 'high', 'IRC JOIN to a hidden channel', 'IRCチャネルへの参加', '198.51.100.23:6667', 'c2_flow', 300, 'c2_allowed', 'T1071.001'],
  [454, 'Windows Firewall', 'high', 'Port scan inside the network', '内部へのポートスキャン', '10.20.30.45:445', 'outward_attack', 30, 'outward_attack', 'T1046'],
  [453, 'Suricata', 'high', 'SMB sweep', 'SMBの横断的な走査', '10.20.30.45:445', 'outward_attack', 30, 'outward_attack', 'T1046'],
  [489, 'Suricata', 'critical', 'Exploit attempt from inside to inside', '内部から内部への攻撃', '10.20.30.44:445', 'outward_attack', 50, 'spreading', 'T1210'],
  [689, 'FortiGate', 'high', 'Outward scan denied', '外向きスキャンを遮断', '192.0.2.17:445', 'outward_attack', 30, 'outward_attack', 'T1595.001'],
  [788, 'Defender', 'high', 'Real-time protection turned off', 'リアルタイム検知の無効化', '', 'agent_state', 15, 'executed', 'T1562.001'],
  [838, 'NAC', 'medium', 'Connection refused by quarantine', '検疫による接続拒否', '', 'agent_state', 2, 'stopped', ''],
  [8978, 'Defender', 'high', 'Late detection by scheduled scan', '見落とし検知（定期スキャン）', 'Worm:Win32/Ircbot.test!late', 'av', 20, 'executed', 'T1588.001']
];

const both = (text) => ({ en: text, ja: text });

function storyFindings(base) {
  return [...STORY].sort((a, b) => a[0] - b[0]).map(([offset, system, level, en, ja, peer, group, ratio, stage, technique], i) => {
    const many = en.startsWith('Port scan') ? 39 : en.startsWith('Outward scan') ? 240 : 1;
    return {
      id: i + 1, rule_id: `5f2d8c10-0000-4000-8000-${String(i).padStart(12, '0')}`, rule: { en, ja }, level, first: iso(base + offset * 1000),
      last: iso(base + (offset + (many > 1 ? 119 : 0)) * 1000), count: many, system, system_name: both(system),
      entities: { host: i > 15 ? 'PC-SALES-044' : 'PC-SALES-031', ip: i > 15 ? '10.20.30.44' : '10.20.30.31', user: i > 15 ? 'm.abe' : 't.sato', department: 'Sales' },
      peer, techniques: technique === '' ? [] : [technique], matched: { 'destination.port': 6667, 'event.action': 'accept', 'network.direction': 'outbound' },
      stage, evidence_group: group, likelihood_ratio: ratio, event_ids: many > 1 ? [String(1000 + i), String(1500 + i)] : [String(1000 + i)]
    };
  });
}

const SAMPLES = [
  (t) => ({ observer: { product: 'FortiGate', vendor: 'Fortinet', name: 'FW-EDGE' }, event: { kind: 'event', category: ['network'], type: ['connection', 'allowed'], action: 'accept', outcome: 'success', code: 'forward', original: `date=2025-11-10 time=09:13:09 devname="FW-EDGE" type="traffic" subtype="forward" srcip=10.20.30.31 srcport=49712 dstip=198.51.100.23 dstport=6667 proto=6 action="accept" policyid=12 service="tcp/6667" sentbyte=2311 rcvdbyte=5120 dstcountry="ZZ" tz="+0900"` }, source: { ip: '10.20.30.31', port: 49712, bytes: 2311 }, destination: { ip: '198.51.100.23', port: 6667, bytes: 5120 }, network: { transport: 'tcp', iana_number: '6', bytes: 7431 }, rule: { id: '12' }, fortinet: { firewall: { type: 'traffic', subtype: 'forward', dstcountry: 'ZZ' } }, related: { ip: ['10.20.30.31', '198.51.100.23'] }, '@timestamp': iso(t) }),
  (t) => ({ observer: { product: 'Squid' }, event: { category: ['web'], action: 'TCP_MISS', original: '1762733556.000   1480 10.20.30.31 TCP_MISS/200 143872 GET http://dl.codec-plugin.example/load/codecsetup.exe t.sato HIER_DIRECT/203.0.113.66 application/octet-stream' }, source: { ip: '10.20.30.31' }, destination: { ip: '203.0.113.66' }, url: { original: 'http://dl.codec-plugin.example/load/codecsetup.exe', domain: 'dl.codec-plugin.example', extension: 'exe' }, http: { request: { method: 'GET' }, response: { status_code: 200, bytes: 143872 } }, user: { name: 't.sato' }, '@timestamp': iso(t) }),
  (t) => ({ observer: { product: 'BIND' }, event: { category: ['network'], action: 'dns-query', original: '10-Nov-2025 09:13:07.259 queries: info: client @0x7f2a 10.20.30.31#40791 (irc.update-chat.example): query: irc.update-chat.example IN A + (10.10.0.53)' }, source: { ip: '10.20.30.31', port: 40791 }, dns: { question: { name: 'irc.update-chat.example', type: 'A' } }, '@timestamp': iso(t) }),
  (t) => ({ observer: { product: 'Defender' }, event: { category: ['malware'], code: '1116', action: 'malware-detected', original: '{"TimeCreated":"2025-11-10T02:42:10.000Z","Channel":"Microsoft-Windows-Windows Defender/Operational","EventID":1116,"Computer":"PC-SALES-044","ThreatName":"Worm:Win32/Ircbot.test!late","Path":"C:\\\\Windows\\\\Temp\\\\svcupd.exe"}' }, host: { name: 'PC-SALES-044', ip: ['10.20.30.44'] }, file: { path: 'C:\\Windows\\Temp\\svcupd.exe', name: 'svcupd.exe' }, '@timestamp': iso(t) }),
  (t) => ({ observer: { product: 'sshd' }, event: { category: ['authentication'], action: 'ssh-login', outcome: 'failure', original: 'Nov 10 09:14:01 srv01 sshd[812]: Failed password for invalid user admin from 203.0.113.77 port 51234 ssh2' }, source: { ip: '203.0.113.77', port: 51234 }, user: { name: 'admin' }, host: { name: 'srv01' }, message: 'Failed password for invalid user admin <b>from</b> 203.0.113.77', '@timestamp': iso(t) })
];

let sequence = 100000;
const sampleEvent = (t) => ({ _id: String(++sequence), ...SAMPLES[sequence % SAMPLES.length](t) });

/* ---- state ----------------------------------------------------------------------------------------------------- */

export function createMock({ findingsPerSecond = 2, setup = false, empty = false } = {}) {
  const now = Date.now();
  const base = now - 3 * 3600_000;
  let needed = setup;
  let session = null;
  let sources = empty ? [] : makeSources(now);
  const clients = new Set();
  const history = [];
  const incidents = empty ? [] : makeIncidents(base, history);

  function problem(response, status, title, titleJa, detail, detailJa, extra = {}) {
    response.writeHead(status, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify({ type: 'about:blank', title, title_ja: titleJa, status, detail, detail_ja: detailJa, ...extra }));
  }

  function syntaxError(q) {
    const characters = Array.from(q);
    const open = characters.lastIndexOf('(');
    if (open >= 0 && !characters.slice(open).includes(')')) return characters.length;
    const double = q.indexOf('::');
    if (double >= 0) return Array.from(q.slice(0, double)).length + 1;
    return -1;
  }

  function search(url, response) {
    const q = url.searchParams.get('q') ?? '';
    const at = syntaxError(q);
    if (at >= 0) return problem(response, 400, 'The filter expression is not valid', '検索式が正しくありません', `A value or ")" is expected at character ${at + 1}.`, `${at + 1} 文字目に値または「)」が必要です。`, { position: at });
    const to = Date.parse(url.searchParams.get('to'));
    const from = Date.parse(url.searchParams.get('from'));
    if (q.includes('timechart')) {
      const rows = [];
      for (let i = 0; i < 48; i++) for (const [name, size] of [['accept', 900], ['deny', 220], ['dns-query', 640]]) rows.push({ time: iso(from + ((to - from) * i) / 48), 'event.action': name, count: Math.round(size * (1 + Math.sin(i / 6 + size)) + (i * size) / 60) });
      return json(response, { columns: ['time', 'event.action', 'count'], rows, next: null, took_ms: 41, parts_read: 12, parts_total: 80 });
    }
    if (q.includes('|')) {
      const rows = [443, 80, 53, 445, 25, 123, 22, 6667].map((port, i) => ({ 'destination.port': port, count: Math.round(90000 / (i + 1) ** 1.6) }));
      return json(response, { columns: ['destination.port', 'count'], rows, next: null, took_ms: 18, parts_read: 9, parts_total: 80 });
    }
    if (empty || q.includes('nothing')) return json(response, { columns: [], rows: [], next: null, took_ms: 3, parts_read: 0, parts_total: 0 });
    const limit = Number(url.searchParams.get('limit') ?? 100);
    const start = Number(url.searchParams.get('before') ?? 0);
    const rows = Array.from({ length: limit }, (_, i) => ({ _id: String(900000 - start - i), ...SAMPLES[(start + i) % SAMPLES.length](to - (start + i) * 737) }));
    return json(response, { columns: ['@timestamp'], rows, next: start < 400 ? String(start + limit) : null, took_ms: 23, parts_read: 4, parts_total: 80 });
  }

  function histogram(url, response) {
    const from = Date.parse(url.searchParams.get('from'));
    const to = Date.parse(url.searchParams.get('to'));
    const n = Number(url.searchParams.get('buckets') ?? 60);
    const counts = Array.from({ length: n }, (_, i) => (empty ? 0 : Math.round(400 + 300 * Math.sin(i / 7) + (i > n * 0.7 && i < n * 0.76 ? 1400 : 0) + ((i * 7919) % 90))));
    json(response, { from: iso(from), to: iso(to), step_seconds: (to - from) / 1000 / n, counts, total: counts.reduce((a, b) => a + b, 0) });
  }

  function json(response, value, status = 200, headers = {}) {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers });
    response.end(JSON.stringify(value));
  }

  const sessionBody = () => ({ user: session.user, roles: ['administrator'], permissions: ['see_status', 'search', 'see_incidents', 'work_incidents', 'see_sources', 'manage_sources', 'see_rules', 'manage_rules', 'ingest', 'see_metrics', 'see_persons', 'use_own_session', 'propose', 'approve', 'see_record', 'erase_record', 'manage_channels'], language: session.language, csrf: 'csrf-value' });

  function status() {
    return {
      version: '0.1.0', started: iso(now - 5 * 86400_000), now: iso(Date.now()), posture: empty ? 'green' : 'orange', rules: { loaded: 3779, refused: 3 }, parsers: { loaded: 21, refused: 0 },
      events_per_second: 1843.2, stored: 48211906, queue: { depth: 812, capacity: 65536 }, memory_bytes: 412_000_000, lags: [],
      warnings: empty ? [] : [{ en: '2 sources have been silent for more than an hour.', ja: '2件の情報源が1時間以上沈黙しています。' }]
    };
  }

  function stream(url, response) {
    if (url.searchParams.get('q') && syntaxError(url.searchParams.get('q')) >= 0) return problem(response, 400, 'bad', '不正', '', '');
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const send = (name, data) => response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    const wave = (i, a, b) => Math.max(0, a + b * Math.sin(i / 9) + b * 0.3 * Math.sin(i / 2.3));
    let i = 0;
    const story = storyFindings(base);
    const finding = () => {
      const f = story[Math.floor(Math.random() * story.length)];
      send('finding', { rule_id: f.rule_id, rule: f.rule, level: f.level, time: iso(Date.now()), entities: f.entities, system: f.system, system_name: both(f.system), peer: f.peer, matched: f.matched, event_id: '1001' });
    };
    const rateMessage = () => ({ time: iso(Date.now()), received_per_second: empty ? 0 : wave(i, 1800, 500), stored_per_second: empty ? 0 : wave(i - 1, 1790, 490), findings_per_second: empty ? 0 : wave(i, findingsPerSecond, findingsPerSecond / 2) });
    if (!empty) for (i = -60; i < 0; i++) send('rate', rateMessage());
    const timers = [setInterval(() => { i++; send('rate', rateMessage()); }, 1000)];
    if (!empty && findingsPerSecond > 0) timers.push(setInterval(finding, 1000 / findingsPerSecond));
    if (!empty && url.searchParams.get('events') === '1') timers.push(setInterval(() => send('event', { ...sampleEvent(Date.now()), _sampled: 90 }), 120));
    const client = { response, close: () => timers.forEach(clearInterval) };
    clients.add(client);
    response.on('close', () => { client.close(); clients.delete(client); });
  }

  async function body(request) {
    let text = '';
    for await (const chunk of request) text += chunk;
    return text === '' ? {} : JSON.parse(text);
  }

  const routes = {
    'GET /api/v1/setup': (_, response) => json(response, { needed }),
    'POST /api/v1/setup': async (request, response) => {
      const { token, user, language } = await body(request);
      if (!needed || token !== TOKEN) return problem(response, 403, 'The set-up link is not valid', '初期設定のリンクが無効です', 'It may have been used already. Restart the server to print a new one.', '既に使われた可能性があります。サーバを再起動すると新しいリンクが表示されます。');
      needed = false;
      session = { user, language };
      json(response, sessionBody(), 201, { 'Set-Cookie': 'hyakuyo_session=x; HttpOnly; SameSite=Strict; Path=/' });
    },
    'POST /api/v1/session': async (request, response) => {
      const { user, password } = await body(request);
      if (password !== PASSWORD) return problem(response, 401, 'Not logged in', 'ログインできません', 'The user name or the password is wrong.', '利用者名またはパスワードが違います。');
      session = { user, language: user === 'sato' ? 'ja' : user === 'smith' ? 'en' : (session?.language ?? 'ja') };
      json(response, sessionBody(), 200, { 'Set-Cookie': 'hyakuyo_session=x; HttpOnly; SameSite=Strict; Path=/' });
    },
    'GET /api/v1/session': (_, response) => (session ? json(response, sessionBody()) : problem(response, 401, 'Not logged in', 'ログインしていません', '', '')),
    'DELETE /api/v1/session': (_, response) => { session = null; response.writeHead(204).end(); },
    'PUT /api/v1/session/language': async (request, response) => { session.language = (await body(request)).language; response.writeHead(204).end(); },
    'GET /api/v1/status': (_, response) => json(response, status()),
    'GET /api/v1/search': (request, response, url) => search(url, response),
    'GET /api/v1/histogram': (request, response, url) => histogram(url, response),
    'GET /api/v1/fields': (_, response) => json(response, ['@timestamp', 'source.ip', 'source.port', 'destination.ip', 'destination.port', 'event.action', 'event.code', 'event.original', 'event.outcome', 'event.category', 'host.name', 'user.name', 'url.domain', 'url.original', 'dns.question.name', 'file.path', 'observer.product', 'network.transport'].map((name) => ({ name, type: 'keyword', array: false }))),
    'GET /api/v1/findings': (_, response) => json(response, { rows: empty ? [] : storyFindings(base).map((f) => ({ ...f, time: f.last, event_id: f.event_ids[0] })).reverse() }),
    'GET /api/v1/incidents': (request, response, url) => {
      const which = url.searchParams.get('state');
      const rows = incidents.filter((i) => which === 'all' || (i.state === 'closed') === (which === 'closed'));
      rows.sort((a, b) => b.urgency - a.urgency || b.importance - a.importance || b.confidence - a.confidence);
      json(response, { rows: rows.map(({ findings, reason, ...rest }) => rest) });
    },
    'GET /api/v1/mentions': (_, response) => json(response, { rows: [] }),
    'GET /api/v1/sources': (_, response) => json(response, { rows: sources }),
    'GET /api/v1/balance': (request, response, url) => json(response, balance(sources, Date.parse(url.searchParams.get('from')), Date.parse(url.searchParams.get('to')))),
    'GET /api/v1/rules': (_, response) => json(response, rules(now)),
    'POST /api/v1/rules/reload': (_, response) => json(response, { loaded: 3779, refused: 3 })
  };

  async function api(request, response, url) {
    const open = ['/api/v1/setup', '/api/v1/session'].includes(url.pathname);
    if (!open && !session) return problem(response, 401, 'Not logged in', 'ログインしていません', '', '');
    if (!open && request.method !== 'GET' && request.headers['x-csrf-token'] !== 'csrf-value') return problem(response, 403, 'CSRF token missing', 'CSRFトークンがありません', '', '');
    if (url.pathname === '/api/v1/stream') return stream(url, response);
    const exact = routes[`${request.method} ${url.pathname}`];
    if (exact) return exact(request, response, url);
    const [, kind, id] = /^\/api\/v1\/(incidents|events|sources)\/(.+)$/.exec(url.pathname) ?? [];
    if (kind === 'events') return json(response, { _id: id, ...SAMPLES[Number(id) % SAMPLES.length](base + 37_000) });
    if (kind === 'incidents') {
      const incident = incidents.find((i) => String(i.id) === id);
      if (!incident) return problem(response, 404, 'No such incident', 'インシデントがありません', `There is no incident ${id}.`, `インシデント ${id} はありません。`);
      if (request.method === 'PATCH') {
        const { state, note } = await body(request);
        incident.history = [...incident.history, { time: iso(Date.now()), user: session.user, from: incident.state, to: state, note }];
        incident.state = state;
      }
      return json(response, { ...incident, next_states: WORKING.filter((state) => state !== incident.state) });
    }
    if (kind === 'sources' && request.method === 'PUT') {
      const change = await body(request);
      sources = sources.map((s) => (String(s.id) === id ? { ...s, ...change } : s));
      return response.writeHead(204).end();
    }
    return problem(response, 404, 'Not found', '見つかりません', '', '');
  }

  function file(url, response) {
    const path = join(DIST, normalize(url.pathname === '/' ? 'index.html' : url.pathname));
    if (!path.startsWith(DIST) || !existsSync(path) || !statSync(path).isFile()) return response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff' });
    createReadStream(path).pipe(response);
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://mock');
    if (url.pathname.startsWith('/api/')) api(request, response, url).catch((error) => problem(response, 500, String(error), String(error), '', ''));
    else file(url, response);
  });

  return {
    listen: (port = 0) => new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`))),
    close: () => { for (const c of clients) { c.close(); c.response.destroy(); } server.closeAllConnections(); return new Promise((resolve) => server.close(resolve)); },
    expireSession: () => { session = null; },
    dropStreams: () => { for (const c of clients) c.response.destroy(); }
  };
}

function evidence(findings) {
  return [...new Set(findings.map((f) => f.evidence_group))].map((group) => {
    const items = findings.filter((f) => f.evidence_group === group);
    return {
      group, log_odds: Math.max(...items.map((f) => Math.log(f.likelihood_ratio || 1.2))),
      items: items.map((f) => ({ rule_id: f.rule_id, rule: f.rule.en, rule_ja: f.rule.ja, likelihood_ratio: f.likelihood_ratio || 1.2, by_level: f.likelihood_ratio === 0 }))
    };
  });
}

function makeIncidents(base, history) {
  const findings = storyFindings(base);
  const worm = {
    id: 41, state: 'new', title: { en: 'Worm-type IRC bot spreading from PC-SALES-031', ja: 'PC-SALES-031 からワーム型IRCボットが拡大' }, opened: iso(base + 37_000), first: findings[0].first, last: findings.at(-1).last,
    hosts: ['PC-SALES-031 (10.20.30.31)', 'PC-SALES-044 (10.20.30.44)'], outside: [], department: 'Sales', user: 't.sato', urgency: 4, importance: 2, confidence: 0.9994, confidence_level: 4,
    finding_count: findings.reduce((n, f) => n + f.count, 0), systems: [...new Set(findings.map((f) => f.system))], system_names: [...new Set(findings.map((f) => f.system))].map(both), urgency_band: [4, 4], findings, history,
    reason: {
      criteria: '2026-11-1',
      urgency: { stage: 'spreading', rule_id: findings[12].rule_id, hosts_within_hour: 2 },
      importance: { registered: true },
      confidence: { prior: 0.002, correlation: 0.3, posterior: 0.9994, calibrated: false, groups: evidence(findings) }
    }
  };
  const plain = (id, title, ja, hosts, user, department, u, i, c, level, hours, state = 'new') => ({
    id, state, title: { en: title, ja }, opened: iso(Date.now() - hours * 3600_000), first: iso(Date.now() - hours * 3600_000), last: iso(Date.now() - hours * 1800_000), hosts, department, user,
    urgency: u, importance: i, confidence: c, confidence_level: level, finding_count: 3, outside: [], systems: ['FortiGate', 'Suricata'], system_names: ['FortiGate', 'Suricata'].map(both), urgency_band: [Math.max(1, u - 1), u], history: [],
    findings: findings.slice(0, 3), reason: { criteria: '2026-11-1', urgency: { stage: 'c2_denied', hosts_within_hour: 1 }, importance: { registered: false }, confidence: { prior: 0.002, groups: evidence(findings.slice(0, 3)) } }
  });
  return [
    worm,
    plain(42, 'Mass mailing from PC-ADM-012', 'PC-ADM-012 から大量メール送信', ['PC-ADM-012 (10.20.40.12)'], 'k.mori', 'Admin', 3, 1, 0.975, 4, 0.6, 'investigating'),
    plain(43, 'IRC connection denied: finance officer', '財務担当役員のPCからIRC通信（遮断）', ['PC-FIN-005 (10.20.10.5)'], 'y.tanaka', 'Finance', 2, 4, 0.909, 3, 0.2),
    plain(44, 'Unlisted process from removable media', '外部媒体からの許可外起動', ['PC-ENG-077 (10.20.50.77)'], 's.ito', 'Eng', 2, 2, 0.21, 1, 5),
    plain(39, 'EICAR test file', 'EICARテストファイル', ['PC-ENG-015 (10.20.50.15)'], 'a.kato', 'Eng', 1, 2, 0.1, 1, 40, 'closed')
  ];
}

function makeSources(now) {
  const row = (id, name, sender, transport, parser, registered, ago, perSecond, failures = 0, silent = false) => ({
    id, name, sender, transport, parser, timezone: 'Asia/Tokyo', registered, first_seen: iso(now - 9 * 86400_000), last_seen: iso(now - ago * 1000), events_today: Math.round(perSecond * 40000), per_second: perSecond, parse_failures_today: failures, silent
  });
  return [
    row(1, 'FW-EDGE', '10.10.0.1', 'tcp', 'fortigate', true, 1, 912.4), row(2, 'proxy01', '10.10.0.80', 'tcp', 'squid', true, 2, 410.8, 12), row(3, 'dns01', '10.10.0.53', 'udp', 'bind', true, 1, 331.0),
    row(4, 'ids-core', '/var/log/suricata/eve.json', 'tail', 'suricata', true, 3, 78.2), row(5, 'policy-mgr', '10.10.0.71', 'tcp', 'launch_control', true, 40, 2.1), row(6, 'av-manager', 'av', 'http', '', true, 5400, 0, 0, true),
    row(7, '10.10.0.99', '10.10.0.99', 'udp', '', false, 8, 0.4, 3)
  ];
}

function balance(sources, from, to) {
  const rows = [];
  const total = { received: 0, stored: 0, filtered: 0, rejected: 0, lost: 0, difference: 0 };
  const start = Math.ceil(from / 3600_000) * 3600_000;
  for (const source of sources) {
    for (let hour = Math.max(start, to - 7 * 24 * 3600_000); hour < to; hour += 3600_000) {
      const received = Math.round(source.per_second * 3600 * (0.7 + 0.3 * Math.sin(hour / 9e6)));
      const lost = source.name === 'dns01' && (hour / 3600_000) % 9 === 0 ? 412 : 0;
      const filtered = source.name === 'proxy01' ? Math.round(received * 0.02) : 0;
      const row = { source: source.name, hour: iso(hour), received, stored: received - lost - filtered, filtered, rejected: 0, lost, difference: 0 };
      rows.push(row);
      for (const name of Object.keys(total)) total[name] += row[name];
    }
  }
  return { rows, total };
}

function rules(now) {
  const titles = [['Outbound IRC port', 'IRC通信（宛先ポート）', 'high'], ['Direct 25/tcp from a host that is no mail server', 'メールサーバ以外からの25番直接通信', 'high'], ['MX query by a client', 'クライアントによるMX参照', 'medium'], ['AV detection not cleaned', '駆除失敗', 'critical'], ['Real-time protection turned off', 'リアルタイム検知の無効化', 'high'], ['EICAR test file', 'EICARテストファイル', 'low'], ['Unlisted process started', '許可外起動', 'medium'], ['Exploit attempt outwards', '外向き攻撃', 'critical']];
  const rows = titles.map(([title, title_ja, level], i) => ({ id: `rule-${i}`, title, title_ja, level, status: 'stable', file: `content/rules/network/rule_${i}.yml`, proved: i !== 5, last_fired: i % 3 === 2 ? null : iso(now - i * 3600_000), fired: i % 3 === 2 ? 0 : 4000 >> i }));
  for (let i = 0; i < 3771; i++) rows.push({ id: `sigma-${i}`, title: `Suspicious command line variant ${i}`, level: ['low', 'medium', 'high'][i % 3], status: 'test', file: `rules/windows/process_creation/proc_creation_win_${i}.yml`, proved: false, last_fired: null, fired: 0 });
  return { loaded: rows.length, refused: 3, rows, refusals: [
    { file: 'rules/network/dns/dns_example.yml', line: 14, column: 9, reason: 'the field "query|re" holds a regular expression with an unbalanced ")": write it as "\\)" if a bracket is meant' },
    { file: 'rules/windows/registry/registry_example.yml', line: 22, column: 5, reason: 'the condition names "selection_b", which the detection does not define' },
    { file: 'rules/correlation/many_failures.yml', line: 1, column: 1, reason: 'correlation rules are not supported yet' }
  ] };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, fallback) => (process.argv.includes(name) ? Number(process.argv[process.argv.indexOf(name) + 1]) : fallback);
  const mock = createMock({ findingsPerSecond: option('--findings-per-second', 2), setup: process.argv.includes('--setup'), empty: process.argv.includes('--empty') });
  console.log(`${await mock.listen(option('--port', 8490))}  user: any, password: ${PASSWORD}, set-up: #/setup?token=${TOKEN}`);
}
