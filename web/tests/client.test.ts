import { describe, expect, it, vi } from 'vitest';
import { Client, path } from '../src/lib/api/client';
import { Problem } from '../src/lib/api/problem';

function answering(status: number, body: unknown, headers: Record<string, string> = {}) {
  const calls: { url: string; init: RequestInit }[] = [];
  const client = new Client(async (url, init = {}) => {
    calls.push({ url, init });
    return new Response(status === 204 ? null : typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
  });
  return { client, calls };
}

const header = (init: RequestInit, name: string) => (init.headers as Record<string, string>)[name];

async function failure(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(() => null, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

describe('client', () => {
  it('escapes parameters and leaves empty ones out', () => {
    expect(path('/x', { q: 'a:"b c" and d&e', before: null, limit: 5, state: '' })).toBe('/x?q=a%3A%22b+c%22+and+d%26e&limit=5');
    expect(path('/x')).toBe('/x');
  });

  it('sends the CSRF token with what changes state, and only there', async () => {
    const { client, calls } = answering(200, { user: 'sato', roles: [], language: 'ja', csrf: 'token-1' });
    await client.login('sato', 'secret');
    await client.changeIncident('7', { state: 'triage', note: 'looked at' });
    await client.status();
    expect(header(calls[1]!.init, 'X-CSRF-Token')).toBe('token-1');
    expect(calls[1]!.url).toBe('/api/v1/incidents/7');
    expect(calls[1]!.init.method).toBe('PATCH');
    expect(calls[1]!.init.body).toBe('{"state":"triage","note":"looked at"}');
    expect(header(calls[2]!.init, 'X-CSRF-Token')).toBeUndefined();
  });

  it('forgets the token at logout', async () => {
    const { client, calls } = answering(200, { csrf: 'token-1' });
    await client.session();
    await client.logout();
    await client.reloadRules();
    expect(header(calls[2]!.init, 'X-CSRF-Token')).toBe('');
  });

  it('tells about a lost session, but not about a wrong password', async () => {
    const { client } = answering(401, { title: 'Not logged in', detail: 'wrong' });
    client.onUnauthorised = vi.fn();
    await failure(client.login('sato', 'x'));
    await failure(client.session());
    expect(client.onUnauthorised).not.toHaveBeenCalled();
    await failure(client.sources());
    expect(client.onUnauthorised).toHaveBeenCalledOnce();
  });

  it('keeps both languages and the position of a problem', async () => {
    const { client } = answering(400, { title: 'Bad filter', title_ja: '検索式の誤り', detail: 'expected ")"', detail_ja: '「)」が必要です', position: 17 });
    const problem = await failure(client.search('x', 'a', 'b', 1));
    expect(problem.position).toBe(17);
    expect(problem.title('ja')).toBe('検索式の誤り');
    expect(problem.detail('en')).toBe('expected ")"');
  });

  it('falls back to English where a problem has no Japanese', async () => {
    const { client } = answering(503, { title: 'Busy' }, { 'Retry-After': '7' });
    const problem = await failure(client.rules());
    expect(problem.title('ja')).toBe('Busy');
    expect(problem.retryAfterSeconds).toBe(7);
    expect(problem.position).toBeNull();
  });

  it('makes a problem of an answer that is not JSON', async () => {
    expect((await failure(answering(502, '<html>bad gateway</html>').client.rules())).status).toBe(502);
    expect((await failure(answering(200, '<html>').client.rules())).status).toBe(200);
    expect((await failure(answering(400, '[1]').client.rules())).title('en')).toBe('');
  });

  it('makes a problem of no answer at all', async () => {
    const client = new Client(() => Promise.reject(new TypeError('network')));
    expect((await failure(client.status())).isOffline).toBe(true);
  });

  it('lets an abort through as an abort', async () => {
    const aborter = new AbortController();
    const client = new Client(async () => {
      aborter.abort();
      throw new DOMException('aborted', 'AbortError');
    });
    await expect(client.status(aborter.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('escapes ids in paths', async () => {
    const { client, calls } = answering(200, {});
    await client.event('1/../2');
    expect(calls[0]!.url).toBe('/api/v1/events/1%2F..%2F2');
  });

  it('takes an empty answer', async () => {
    await expect(answering(204, '').client.setLanguage('ja')).resolves.toBeUndefined();
  });
});
