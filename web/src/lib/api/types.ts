/* The shapes of the HTTP API (docs/api.md). Times are ISO 8601 UTC strings; levels of judgement are 1–4. */

export type Language = 'ja' | 'en';
export type Text = { en: string; ja: string };
export type Posture = 'green' | 'yellow' | 'orange' | 'red' | 'unknown';
export type Level = 'informational' | 'low' | 'medium' | 'high' | 'critical';
export type IncidentState =
  | 'new' | 'triage' | 'investigating' | 'containing' | 'eradicating' | 'recovering' | 'monitoring' | 'review' | 'closed'
  | 'on_hold' | 'false_positive' | 'merged' | 'duplicate';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Session {
  user: string;
  roles: string[];
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
  department: string;
  user: string;
  urgency: number;
  importance: number;
  confidence: number;
  confidence_level: number;
  finding_count: number;
  systems: string[];
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
  entities: { host?: string; ip?: string; user?: string; department?: string };
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
}

export interface Rules {
  loaded: number;
  refused: number;
  rows: Rule[];
  refusals: { file: string; line: number; column: number; reason: string }[];
}
