/* Every request of the console to the server goes through here: the session's CSRF token is added to what changes state,
 * failures become Problem, and a lost session is told to whoever listens (the login page). */
import type { IntakeDetail, IntakeList, NewReport, ReportForm, ReportReceipt, ReportTick } from './intake';
import { Problem, problemFromBody } from './problem';
import type { Notification, NotificationMessage, Notifications } from './notifications';
import type { Authority as AuthorityMatrix, Contact, EntityKind, EntityRisks, Exposure, FocusEntry, Host, HostIdentity, HostList, NewFocus, Playbook, RecordCheck, RecordFilter, RecordHead, RecordPage, Report, Reports, ReportWish, ResidualRisk } from './registers';
import type {
  Balance, Coverage, FieldInfo, Fleet, FleetRows, Histogram, IncidentDetail, IncidentState, IncidentSummary, IndicatorHit, IndicatorImport,
  IndicatorMatch, IndicatorSources, Instrument, InstrumentRow, JsonObject, Language, PostureLevel, PostureView, Preview, PreviewRequest, Proof, RuleCheck, RuleException, Rules, RuleText, SearchResult,
  Session, Source, Status
} from './types';
import type { Approval, Authority, Connector, Countermeasure, Evidence, Order, OrderPreview } from './work';

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;
type Parameters = Record<string, string | number | null | undefined>;

interface Options {
  body?: unknown;
  /* Instead of the body: a file, as it is. */
  file?: Blob;
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
    if (options.file !== undefined) headers['Content-Type'] = 'application/octet-stream';
    else if (options.body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      response = await this.fetch(url, {
        method,
        headers,
        body: options.file ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
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

  changeIncident = (id: string, change: { state: IncidentState; note: string; hold_reason?: string; target?: number }) =>
    this.request<IncidentDetail | undefined>('PATCH', `/api/v1/incidents/${encodeURIComponent(id)}`, { body: change });

  /* One part of the work on an incident ("tasks", "hearing", "tasks/7", …; shapes in work.ts). */
  work = <T>(id: string, part: string, signal?: AbortSignal) => this.request<T>('GET', `/api/v1/incidents/${encodeURIComponent(id)}/${part}`, { signal });

  changeWork = <T>(method: 'POST' | 'PATCH', id: string, part: string, body: Record<string, unknown>) =>
    this.request<T>(method, `/api/v1/incidents/${encodeURIComponent(id)}/${part}`, { body });

  takeFile = (id: string, file: Blob, about: Record<string, string>) =>
    this.request<Evidence>('POST', path(`/api/v1/incidents/${encodeURIComponent(id)}/evidence/file`, about), { file });

  approvals = (state: 'waiting' | 'all', signal?: AbortSignal) => this.request<{ rows: Approval[] }>('GET', path('/api/v1/approvals', { state }), { signal });

  decide = (id: number, deed: 'check' | 'approve' | 'reject' | 'withdraw', note: string) =>
    this.request<Approval>('POST', `/api/v1/approvals/${id}/${deed}`, { body: { note } });

  notifications = (state: 'open' | 'all', signal?: AbortSignal) => this.request<Notifications>('GET', path('/api/v1/notifications', { state }), { signal });

  acknowledge = (id: number, note: string) => this.request<Notification>('POST', `/api/v1/notifications/${id}/acknowledge`, { body: { note } });

  testChannel = (channel: string, recipient: string) =>
    this.request<Notification>('POST', '/api/v1/notifications/test', { body: recipient === '' ? { channel } : { channel, recipient } });

  retryMessage = (id: number) => this.request<NotificationMessage>('POST', `/api/v1/messages/${id}/retry`, { body: {} });

  authority = () => this.request<Authority>('GET', '/api/v1/authority');

  changeCountermeasure = (id: number, status: string, note: string) =>
    this.request<Countermeasure>('PATCH', `/api/v1/countermeasures/${id}`, { body: note === '' ? { status } : { status, note } });

  decideCountermeasure = (id: number, deed: 'check' | 'approve', note: string) =>
    this.request<Countermeasure>('POST', `/api/v1/countermeasures/${id}/${deed}`, { body: { note } });

  previewCountermeasure = async (id: number) => (await this.request<{ rows: OrderPreview[] }>('GET', `/api/v1/countermeasures/${id}/preview`)).rows;

  connectors = async (signal?: AbortSignal) => (await this.request<{ rows: Connector[] }>('GET', '/api/v1/connectors', { signal })).rows;

  testConnector = (name: string) => this.request<Order>('POST', `/api/v1/connectors/${encodeURIComponent(name)}/test`, { body: {} });

  retryOrder = (id: number) => this.request<Order>('POST', `/api/v1/orders/${id}/retry`, { body: {} });

  sources = async (signal?: AbortSignal) => (await this.request<{ rows: Source[] }>('GET', '/api/v1/sources', { signal })).rows;

  saveSource = (id: string | number, source: Pick<Source, 'name' | 'parser' | 'timezone' | 'registered'>) =>
    this.request<void>('PUT', `/api/v1/sources/${encodeURIComponent(String(id))}`, { body: source });

  balance = (from: string, to: string, signal?: AbortSignal) =>
    this.request<Balance>('GET', path('/api/v1/balance', { from, to }), { signal });

  rules = (signal?: AbortSignal) => this.request<Rules>('GET', '/api/v1/rules', { signal });

  indicators = (signal?: AbortSignal) => this.request<IndicatorSources>('GET', '/api/v1/indicators', { signal });

  indicatorHits = async (source = '', signal?: AbortSignal) =>
    (await this.request<{ rows: IndicatorHit[] }>('GET', path('/api/v1/indicators/hits', { source, limit: 500 }), { signal })).rows;

  lookUpIndicator = async (value: string) =>
    (await this.request<{ rows: IndicatorMatch[] }>('GET', path('/api/v1/indicators/lookup', { value }))).rows;

  importIndicators = (source: string, content: string, confidence: number | null) =>
    this.request<IndicatorImport>('POST', '/api/v1/indicators', { body: confidence === null ? { source, content } : { source, content, confidence } });

  removeIndicators = (source: string) => this.request<void>('DELETE', `/api/v1/indicators/${encodeURIComponent(source)}`);

  reloadRules = () => this.request<{ loaded: number; refused: number }>('POST', '/api/v1/rules/reload');

  coverage = (signal?: AbortSignal) => this.request<Coverage>('GET', '/api/v1/coverage', { signal });

  fleet = (signal?: AbortSignal) => this.request<Fleet>('GET', '/api/v1/fleet', { signal });

  posture = () => this.request<PostureView>('GET', '/api/v1/posture');

  overridePosture = (body: { level: PostureLevel; reason: string; approver: string; expires: string }) =>
    this.request<PostureView>('POST', '/api/v1/posture/override', { body });

  withdrawPosture = () => this.request<PostureView>('DELETE', '/api/v1/posture/override');

  confirmPosture = () => this.request<PostureView>('POST', '/api/v1/posture/confirm');

  addNotice = (body: { issuer: string; trend: string; tlp: string; time: string; port?: number }) =>
    this.request<PostureView>('POST', '/api/v1/posture/notices', { body });

  confirmNotice = (id: number) => this.request<PostureView>('POST', `/api/v1/posture/notices/${id}/confirm`);

  instruments = (signal?: AbortSignal) => this.request<{ instruments: Instrument[] }>('GET', '/api/v1/instruments', { signal });

  instrumentList = (name: string, signal?: AbortSignal) => this.request<{ rows: InstrumentRow[] }>('GET', `/api/v1/instruments/${encodeURIComponent(name)}/list`, { signal });

  host = (name: string, signal?: AbortSignal) => this.request<Host>('GET', `/api/v1/assets/hosts/${encodeURIComponent(name)}`, { signal });

  hostIdentity = (name: string) => this.request<HostIdentity>('GET', `/api/v1/assets/hosts/${encodeURIComponent(name)}/identity?limit=500`);

  fleetHosts = (question: string, state: string, limit: number, signal?: AbortSignal) =>
    this.request<FleetRows>('GET', path('/api/v1/fleet/hosts', { question, state, limit }), { signal });

  hosts = (parameters: Parameters, signal?: AbortSignal) => this.request<HostList>('GET', path('/api/v1/assets/hosts', parameters), { signal });

  reports = (signal?: AbortSignal) => this.request<Reports>('GET', '/api/v1/reports', { signal });

  makeReport = (name: string, wish: ReportWish) => this.request<Report>('POST', `/api/v1/reports/${encodeURIComponent(name)}`, { body: wish });

  signReport = (id: number, note: string) => this.request<Report>('POST', `/api/v1/reports/${id}/sign`, { body: { note } });

  record = (filter: RecordFilter, before: number | null, signal?: AbortSignal) =>
    this.request<RecordPage>('GET', path('/api/v1/record', { ...filter, before, limit: 50 }), { signal });

  recordHead = (signal?: AbortSignal) => this.request<RecordHead>('GET', '/api/v1/record/head', { signal });

  verifyRecord = () => this.request<RecordCheck>('POST', '/api/v1/record/verify');

  entityRisks = (kind: EntityKind, signal?: AbortSignal) => this.request<EntityRisks>('GET', path('/api/v1/risk/entities', { kind, limit: 100 }), { signal });

  residualRisk = (signal?: AbortSignal) => this.request<ResidualRisk>('GET', '/api/v1/risk/residual', { signal });

  exposure = (signal?: AbortSignal) => this.request<Exposure>('GET', path('/api/v1/risk/exposure', { by: 'department', limit: 200 }), { signal });

  focus = async (signal?: AbortSignal) => (await this.request<{ rows: FocusEntry[] }>('GET', path('/api/v1/focus', { ended: 'true', limit: 200 }), { signal })).rows;

  addFocus = (entry: NewFocus) => this.request<{ id: number }>('POST', '/api/v1/focus', { body: entry });

  endFocus = (id: number, reason: string) => this.request<void>('DELETE', path(`/api/v1/focus/${id}`, { reason }));

  /* Registers around incidents (vendors, partners, key figures, dossiers, library): their shapes are in improve.ts. */
  register = <T>(part: string, parameters: Parameters = {}) => this.request<T>('GET', path(`/api/v1/${part}`, parameters));

  changeRegister = (method: 'POST' | 'PATCH' | 'DELETE', part: string, body?: unknown) => this.request<unknown>(method, `/api/v1/${part}`, { body });

  addContact = (body: Record<string, unknown>) => this.request<Contact>('POST', '/api/v1/contacts', { body });

  changeContact = (id: number, body: Record<string, unknown>) => this.request<Contact>('PATCH', `/api/v1/contacts/${id}`, { body });

  removeContact = (id: number) => this.request<void>('DELETE', `/api/v1/contacts/${id}`);

  contacts = async (signal?: AbortSignal) => (await this.request<{ rows: Contact[] }>('GET', '/api/v1/contacts', { signal })).rows;

  authorityMatrix = (signal?: AbortSignal) => this.request<AuthorityMatrix>('GET', '/api/v1/authority', { signal });

  playbooks = async (signal?: AbortSignal) => (await this.request<{ rows: Playbook[] }>('GET', '/api/v1/playbooks', { signal })).rows;

  /* Without log-in: an answer of 401 is none of these. */
  reportForm = () => this.request<ReportForm>('GET', '/api/v1/report', { quiet401: true });

  sendReport = (report: NewReport) => this.request<ReportReceipt>('POST', '/api/v1/report', { body: report, quiet401: true });

  tickReport = (tick: { number: number; key: string; step: string }) =>
    this.request<{ ticks: ReportTick[] }>('POST', '/api/v1/report/ticks', { body: tick, quiet401: true });

  countReading = () => this.request<void>('POST', '/api/v1/report/read', { body: {}, quiet401: true });

  intake = (state: 'open' | 'all', incident: number | null = null, signal?: AbortSignal) =>
    this.request<IntakeList>('GET', path('/api/v1/intake', { state, incident }), { signal });

  intakeItem = (id: string, signal?: AbortSignal) => this.request<IntakeDetail>('GET', `/api/v1/intake/${encodeURIComponent(id)}`, { signal });

  enterReport = (report: NewReport) => this.request<IntakeDetail>('POST', '/api/v1/intake', { body: report });

  changeReport = (id: number, change: Record<string, unknown>) => this.request<IntakeDetail>('PATCH', `/api/v1/intake/${id}`, { body: change });

  tickIntake = (id: number, step: string) => this.request<IntakeDetail>('POST', `/api/v1/intake/${id}/ticks`, { body: { step } });

  lookAgain = (id: number) => this.request<IntakeDetail>('POST', `/api/v1/intake/${id}/looks`);

  proof = (signal?: AbortSignal) => this.request<Proof>('GET', '/api/v1/proof', { signal });

  proveNow = () => this.request<{ started: boolean }>('POST', '/api/v1/proof/run');

  exceptions = async (signal?: AbortSignal) => (await this.request<{ rows: RuleException[] }>('GET', '/api/v1/exceptions', { signal })).rows;

  addException = (exception: Pick<RuleException, 'rule_id' | 'condition' | 'owner' | 'reason' | 'expires'>) =>
    this.request<{ id: number }>('POST', '/api/v1/exceptions', { body: exception });

  withdrawException = (id: number) => this.request<void>('DELETE', `/api/v1/exceptions/${id}`);

  ruleText = (id: string) => this.request<RuleText>('GET', path('/api/v1/rules/text', { id }));

  checkRule = (text: string) => this.request<RuleCheck>('POST', '/api/v1/rules/check', { body: { text } });

  saveRule = (name: string, text: string) =>
    this.request<{ loaded: number; refused: number }>('PUT', `/api/v1/rules/own/${encodeURIComponent(name)}`, { body: { text } });

  removeRule = (name: string) => this.request<void>('DELETE', `/api/v1/rules/own/${encodeURIComponent(name)}`);

  startPreview = (preview: PreviewRequest) => this.request<{ id: string }>('POST', '/api/v1/rules/preview', { body: preview });

  preview = (id: string, signal?: AbortSignal) => this.request<Preview>('GET', `/api/v1/rules/preview/${encodeURIComponent(id)}`, { signal });
}

export const api = new Client();
