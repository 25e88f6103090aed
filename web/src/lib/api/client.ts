/* Every request of the console to the server goes through here: the session's CSRF token is added to what changes state,
 * failures become Problem, and a lost session is told to whoever listens (the login page). */
import { Problem, problemFromBody } from './problem';
import type {
  Balance, FieldInfo, Histogram, IncidentDetail, IncidentState, IncidentSummary, JsonObject, Language, Rules, SearchResult, Session,
  Source, Status
} from './types';

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;
type Parameters = Record<string, string | number | null | undefined>;

interface Options {
  body?: unknown;
  signal?: AbortSignal;
  /* A 401 here is an answer to the caller (wrong password, "am I logged in?"), not the loss of a session. */
  quiet401?: boolean;
}

export function path(base: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? base : `${base}?${text}`;
}

export class Client {
  csrf = '';
  onUnauthorised: () => void = () => {};
  private readonly fetch: Fetch;

  constructor(fetchFunction: Fetch = (input, init) => globalThis.fetch(input, init)) {
    this.fetch = fetchFunction;
  }

  private async request<T>(method: string, url: string, options: Options = {}): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (method !== 'GET') headers['X-CSRF-Token'] = this.csrf;
    if (options.body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      response = await this.fetch(url, {
        method,
        headers,
        body: options.body === undefined ? undefined : JSON.stringify(options.body),
        signal: options.signal,
        credentials: 'same-origin',
        cache: 'no-store'
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Problem(0, {});
    }
    const text = await response.text();
    if (!response.ok) {
      if (response.status === 401 && !options.quiet401) this.onUnauthorised();
      throw problemFromBody(response.status, text, response.headers.get('Retry-After'));
    }
    if (text === '') return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new Problem(response.status, {});
    }
  }

  private remember(session: Session): Session {
    this.csrf = session.csrf;
    return session;
  }

  setupNeeded = async () => (await this.request<{ needed: boolean }>('GET', '/api/v1/setup')).needed;

  setup = async (token: string, user: string, password: string, language: Language) =>
    this.remember(await this.request<Session>('POST', '/api/v1/setup', { body: { token, user, password, language }, quiet401: true }));

  session = async () => this.remember(await this.request<Session>('GET', '/api/v1/session', { quiet401: true }));

  login = async (user: string, password: string) =>
    this.remember(await this.request<Session>('POST', '/api/v1/session', { body: { user, password }, quiet401: true }));

  logout = async () => {
    await this.request<void>('DELETE', '/api/v1/session', { quiet401: true });
    this.csrf = '';
  };

  setLanguage = (language: Language) => this.request<void>('PUT', '/api/v1/session/language', { body: { language } });

  /* What the server would answer to a stream: EventSource itself hides the status. 0 when there is no answer. */
  probe = async (url: string): Promise<number> => {
    try {
      const { status } = await this.fetch(url, { method: 'HEAD', credentials: 'same-origin', cache: 'no-store' });
      if (status === 401) this.onUnauthorised();
      return status;
    } catch {
      return 0;
    }
  };

  status = (signal?: AbortSignal) => this.request<Status>('GET', '/api/v1/status', { signal });

  search = (q: string, from: string, to: string, limit: number, before: string | null = null, signal?: AbortSignal) =>
    this.request<SearchResult>('GET', path('/api/v1/search', { q, from, to, limit, before }), { signal });

  histogram = (q: string, from: string, to: string, buckets: number, signal?: AbortSignal) =>
    this.request<Histogram>('GET', path('/api/v1/histogram', { q, from, to, buckets }), { signal });

  event = (id: string, signal?: AbortSignal) =>
    this.request<JsonObject>('GET', `/api/v1/events/${encodeURIComponent(id)}`, { signal });

  fields = () => this.request<FieldInfo[]>('GET', '/api/v1/fields');

  findings = async (from: string, to: string, limit: number, signal?: AbortSignal) =>
    (await this.request<{ rows: JsonObject[] }>('GET', path('/api/v1/findings', { from, to, limit }), { signal })).rows;

  incidents = async (state: 'open' | 'closed' | 'all', limit = 100, signal?: AbortSignal) =>
    (await this.request<{ rows: IncidentSummary[] }>('GET', path('/api/v1/incidents', { state, limit }), { signal })).rows;

  incident = (id: string, signal?: AbortSignal) =>
    this.request<IncidentDetail>('GET', `/api/v1/incidents/${encodeURIComponent(id)}`, { signal });

  changeIncident = (id: string, state: IncidentState, note: string) =>
    this.request<IncidentDetail | undefined>('PATCH', `/api/v1/incidents/${encodeURIComponent(id)}`, { body: { state, note } });

  sources = async (signal?: AbortSignal) => (await this.request<{ rows: Source[] }>('GET', '/api/v1/sources', { signal })).rows;

  saveSource = (id: string | number, source: Pick<Source, 'name' | 'parser' | 'timezone' | 'registered'>) =>
    this.request<void>('PUT', `/api/v1/sources/${encodeURIComponent(String(id))}`, { body: source });

  balance = (from: string, to: string, signal?: AbortSignal) =>
    this.request<Balance>('GET', path('/api/v1/balance', { from, to }), { signal });

  rules = (signal?: AbortSignal) => this.request<Rules>('GET', '/api/v1/rules', { signal });

  reloadRules = () => this.request<{ loaded: number; refused: number }>('POST', '/api/v1/rules/reload');
}

export const api = new Client();
