/* The shapes of the HTTP API (docs/api.md). Times are ISO 8601 UTC strings; levels of judgement are 1–4. */

export type Language = 'ja' | 'en';
export type Text = { en: string; ja: string };
export type Posture = 'green' | 'yellow' | 'orange' | 'red' | 'unknown';
export type Level = 'informational' | 'low' | 'medium' | 'high' | 'critical';
export type IncidentState =
  | 'new' | 'triage' | 'investigating' | 'containing' | 'eradicating' | 'recovering' | 'monitoring' | 'review' | 'closed'
  | 'on_hold' | 'false_positive' | 'merged' | 'duplicate' | 'exercise' | 'reopened';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/* What the server's roles allow (src/console/roles.h). */
export type Permission =
  | 'see_status' | 'search' | 'see_incidents' | 'work_incidents' | 'see_sources' | 'manage_sources' | 'see_rules' | 'manage_rules' | 'ingest'
  | 'see_metrics' | 'see_persons' | 'use_own_session' | 'propose' | 'approve' | 'see_record' | 'erase_record' | 'manage_channels';

export interface Session {
  user: string;
  roles: string[];
  permissions: Permission[];
  language: Language;
  csrf: string;
}

export interface Status {
  version: string;
  started: string;
  now: string;
  posture: Posture;
  rules: { loaded: number; refused: number };
  parsers: { loaded: number; refused: number };
  events_per_second: number;
  stored: number;
  queue: { depth: number; capacity: number };
  memory_bytes: number;
  lags: { source: number; name: string; events: number; p95_seconds: number; late_since: string | null }[];
  warnings: Text[];
}

export interface Rate {
  time: string;
  received_per_second: number;
  stored_per_second: number;
  findings_per_second: number;
}

export interface SearchResult {
  columns: string[];
  rows: JsonObject[];
  next: string | null;
  took_ms: number;
  parts_read: number;
  parts_total: number;
  warnings?: (string | Text)[];
}

export interface Histogram {
  from: string;
  to: string;
  step_seconds: number;
  counts: number[];
  total: number;
}

export interface FieldInfo {
  name: string;
  type: string;
  array: boolean;
}

export interface IncidentSummary {
  id: string | number;
  state: IncidentState;
  title: Text;
  opened: string;
  first: string;
  last: string;
  hosts: string[];
  outside: string[];
  department: string;
  user: string;
  urgency: number;
  importance: number;
  confidence: number;
  confidence_level: number;
  finding_count: number;
  systems: string[];
  system_names: Text[];
}

export interface IncidentFinding {
  id: string | number;
  rule_id: string;
  rule: Text;
  level: Level;
  first: string;
  last: string;
  count: number;
  system: string;
  system_name: Text;
  entities: { host?: string; ip?: string; outside?: boolean; user?: string; department?: string };
  peer?: string;
  techniques?: string[];
  matched?: JsonObject;
  stage?: string;
  evidence_group?: string;
  likelihood_ratio?: number;
  event_ids?: string[];
}

export interface StateChange {
  time: string;
  user?: string;
  from?: IncidentState;
  to: IncidentState;
  note?: string;
}

export interface IncidentDetail extends IncidentSummary {
  urgency_band?: [number, number];
  reason?: JsonObject;
  findings: IncidentFinding[];
  history?: StateChange[]; /* oldest first */
  next_states: IncidentState[]; /* what the server would accept from here */
}

export interface Source {
  id: number | string;
  name: string;
  sender: string;
  transport: string;
  parser: string;
  timezone: string;
  registered: boolean;
  first_seen: string;
  last_seen: string;
  events_today: number;
  per_second: number;
  parse_failures_today: number;
  silent: boolean;
}

export interface BalanceRow {
  source?: string;
  hour?: string;
  received: number;
  stored: number;
  filtered: number;
  rejected: number;
  lost: number;
  difference: number;
}

export interface Balance {
  rows: BalanceRow[];
  total: BalanceRow;
}

export interface Rule {
  id: string;
  title: string;
  title_ja?: string;
  level: Level;
  status: string;
  file: string;
  proved: boolean;
  last_fired?: string | null;
  fired: number;
  cost_ns: number;
  cost_share: number;
  is_dear: boolean;
}

export interface Rules {
  loaded: number;
  refused: number;
  rows: Rule[];
  refusals: { file: string; line: number; column: number; reason: string }[];
}

export interface IndicatorSource {
  name: string;
  kind: 'indicators' | 'allow';
  format: string;
  kept: number;
  allowed: number;
  repeated: number;
  refused: number;
  expired: number;
  imported: string | null;
  searched: string | null;
  origin: string;
  details: { refused?: { reason: string; count: number; sample: string; line: number }[]; types?: Record<string, number> };
  fired: number;
  last_fired: string | null;
}

export interface IndicatorSources {
  total: number;
  rows: IndicatorSource[];
}

export interface IndicatorImport {
  kept: number;
  refused: number;
  repeated: number;
  allowed: number;
  new: number;
}

export interface IndicatorHit {
  source: string;
  indicator: string;
  type: string;
  patient_zero: string;
  first: string | null;
  last: string | null;
  count: number;
  host_count: number;
  field: string;
  value: string;
  before_valid: number;
  allowed_by: string;
  description: string;
  hosts: { host?: string; ip?: string; user?: string; first: string; last: string; count: number }[];
  searched: string | null;
}

export interface IndicatorMatch {
  indicator: string;
  type: string;
  source: string;
  confidence: number | null;
  tlp: string;
  valid_from: string | null;
  valid_until: string | null;
  allowed_by: string;
  description: string;
  labels: string;
  reference: string;
}

export type CoverageStatus = 'live' | 'drifting' | 'silent' | 'fields' | 'unmapped' | 'unknown';

export interface CoveredRule {
  id: string;
  title: string;
  title_ja: string;
  level: Level;
  logsource: string;
  status: CoverageStatus;
  missing: string[];
  sources: string[];
  last_seen: string | null;
  last_fired: string | null;
  last_proven: string | null;
  proof_failed: boolean;
  fired: number;
  suppressed: number;
}

export interface SourceHealth {
  id: number;
  name: string;
  last_event: string | null;
  per_hour: number;
  usual_gap_seconds: number | null;
  silent_after_seconds: number | null;
  silent: boolean;
  failures_now: number | null;
  failures_before: number | null;
  failing: boolean;
  drifting_fields: number;
}

export interface Coverage {
  counts: Record<CoverageStatus, number>;
  incomplete: boolean;
  rows: CoveredRule[];
  techniques: { id: string; live: number; total: number }[];
  sources: SourceHealth[];
}

export type PostureLevel = 'green' | 'yellow' | 'orange' | 'red';

export interface PostureView {
  level: PostureLevel;
  computed: PostureLevel;
  criteria: string;
  since?: string;
  awaits_confirmation: boolean;
  keys: { key: string; level: PostureLevel; rule_id: string; first: string; last: string }[];
  duties: Text[];
  notices: { id: number; issuer: string; trend: string; tlp: string; time: string; is_confirmed: boolean; port?: number; confirmed_by?: string; until?: string }[];
  override?: { level: PostureLevel; reason: string; by: string; approver: string; since: string; expires: string };
}

export interface Instrument {
  name: string;
  title: Text;
  description: Text;
  seen: number;
  told: number;
  excepted: number;
  late: number;
  entries: number;
  dropped: number;
  bytes: number;
  has_list: boolean;
  parameters: { name: string; value: number; unit: string; description: Text }[];
  findings: { id: string; title: Text; level: Level; evidence_group: string; likelihood_ratio: number }[];
}
export type InstrumentRow = Record<string, unknown>;

export type FleetColour = 'grey' | 'green' | 'amber' | 'red';
export type FleetAnswer = 'unknown' | 'no' | 'yes';

export interface FleetQuestion {
  question: string;
  reference: string;
  total: number;
  good: number;
  percent: number | null;
  colour: FleetColour;
  states: { state: string; colour: FleetColour; count: number }[];
}

export interface FleetSpread {
  department: string;
  reached: number;
  behind: number;
  hours_50: number | null;
  hours_90: number | null;
  hours_95: number | null;
  hours_99: number | null;
  usual_hours_90: number | null;
  judgement: 'unknown' | 'in_time' | 'delayed';
}

export interface FleetProduct {
  product: string;
  vendor: string;
  hosts: number;
  alarms: number;
  last: string | null;
  paths: ('mail' | 'web' | 'server' | 'client')[];
  arriving: FleetAnswer;
  updates_current: FleetAnswer;
  policy_of_our_own: FleetAnswer;
  acknowledged: FleetAnswer;
  reviewed: FleetAnswer;
  tested: FleetAnswer;
  score: number;
  installed_only: boolean;
}

export interface FleetScanFigures { scans: number; hosts: number; long: number; median_hours: number | null; p95_hours: number | null }

export interface Fleet {
  as_of: string | null;
  hosts: { known: number; present: number; registered: number; servers: number };
  questions: FleetQuestion[];
  matrix: { threats: { name: string; title: string; title_ja: string }[]; departments: { department: string; hosts: number; covered: number[] }[] };
  propagation: (FleetSpread & { product: string; version: string; released: string | null; curve: { hours: number; hosts: number }[]; departments: FleetSpread[] })[];
  scans: { limit_hours: number; window_days: number; products: (FleetScanFigures & { product: string })[]; weeks: (FleetScanFigures & { from: string })[] };
  products: FleetProduct[];
  paths: { path: 'mail' | 'web' | 'server' | 'client'; vendors: string[]; one_vendor: boolean; same_as_hosts: boolean }[];
  gateways: { source: string; last: string | null; silent_minutes: number; down_after_minutes: number; state: 'up' | 'down' }[];
  classes: { name: string; title: string; title_ja: string; missing: string[]; detectable: boolean }[];
}

/* What a row was judged by; which members there are depends on the question. */
export interface FleetDetail {
  version?: string;
  newest?: string;
  versions_behind?: number;
  hours_behind?: number | null;
  hours_are_least?: boolean;
  line_allowed?: string;
  line_by?: string;
  line_date?: string;
  line_reason?: string;
  last_heartbeat?: string | null;
  last_completed?: string | null;
  unended_since?: string | null;
  took_hours?: number | null;
  cancelled?: number;
  failed?: number;
  policy?: string;
  assigned_policy?: string;
  contradictions?: number;
  contradicted_port?: number;
  contradicted_direction?: string;
  malware?: string;
  dwell_hours?: number | null;
  other_hosts?: string[];
  refusals?: number;
  refusal_reason?: string;
  missing?: string[];
}

export interface FleetRow {
  host: string;
  ip: string;
  department: string;
  server: boolean;
  registered: boolean;
  control: string;
  product: string;
  state: string;
  colour: FleetColour;
  reason: string;
  last_seen: string | null;
  detail: FleetDetail;
}

export interface FleetRows {
  as_of: string | null;
  question: string;
  total: number;
  rows: FleetRow[];
}

export type ProofOutcome = 'sent' | 'proven' | 'silent' | 'no_finding' | 'no_input' | 'unsendable';

export interface ProofRow {
  rule_id: string;
  title: string;
  title_ja: string;
  input: string;
  form: 'record' | 'event';
  outcome: ProofOutcome;
  detail: string;
  sent: string | null;
  proven: string | null;
}

export interface Proof {
  running: boolean;
  last_run: string | null;
  next_run: string | null;
  sent: number;
  proven: number;
  failed: number;
  rows: ProofRow[];
  without_samples: string[];
}

export interface RuleException {
  id: number;
  rule_id: string;
  title: string;
  title_ja: string;
  condition: string;
  owner: string;
  reason: string;
  state: 'active' | 'expired' | 'withdrawn';
  created_by: string;
  created: string;
  expires: string;
  withdrawn_by: string;
  withdrawn: string | null;
  suppressed: number;
}

export interface RuleText {
  id: string;
  file: string;
  name: string;
  own: boolean;
  text: string;
  versions: string[];
}

export interface RuleProblem {
  kind: 'refused' | 'unproved' | 'note';
  line: number;
  column: number;
  text: string;
}

export interface RuleCheck {
  loaded: number;
  refused: number;
  samples: number;
  failed: number;
  problems: RuleProblem[];
}

export interface PreviewRule {
  rule_id: string;
  title: string;
  title_ja: string;
  added: number;
  removed: number;
  hosts: string[];
  more_hosts: boolean;
  examples: { sequence: string; time: string; change: 'added' | 'removed'; host: string }[];
}

export interface Preview {
  id: string;
  state: 'waiting' | 'running' | 'done' | 'failed';
  error: string;
  events: number;
  progress: number;
  cut: boolean;
  added: number;
  removed: number;
  rules: PreviewRule[];
}

export interface PreviewRequest {
  text?: string;
  exception_rule?: string;
  exception_condition?: string;
  from: string;
}
