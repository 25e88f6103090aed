/* What the registers of the console hold: reports, the response record, risk, contacts, authority, playbooks. */
import type { FleetRows, IncidentState, IncidentSummary, Language, Text } from './types';

export interface HostList {
  facets: Record<'department' | 'network' | 'role' | 'type' | 'control', { value: string; hosts: number }[]>;
  all: number;
  total: number;
  rows: {
    host: string; ip: string; department: string; network: string; type: string; roles: string[]; importance: number; registered: boolean; control: string; patches: string;
    risk: number; risk_level: string; watched: boolean; last_seen: string | null;
  }[];
}

export type ReportPeriod = 'none' | 'day' | 'week' | 'month';
export type ReportFormat = 'pdf' | 'html' | 'csv' | 'zip';

export interface ReportForm {
  name: string;
  title_en: string;
  title_ja: string;
  period: ReportPeriod;
  needs_incident: boolean;
  is_pack: boolean;
  sections: string[];
}

export interface Report {
  id: number;
  name: string;
  language: Language;
  format: ReportFormat;
  section: string;
  from: string | null;
  to: string | null;
  incident: number;
  seed: number;
  built: string | null;
  built_by: string;
  bytes: number;
  sha256: string;
  sign_until: string | null;
  signed: string | null;
  signed_by: string;
  note: string;
}

export interface Reports {
  forms: ReportForm[];
  overdue: number;
  rows: Report[];
}

/* An absent period is the whole day, week or month before now. */
export interface ReportWish {
  from?: string;
  to?: string;
  incident?: number;
  language: Language;
  format: ReportFormat;
}

export interface RecordChange {
  table: string;
  id: number;
  field: string;
  old: string;
  new: string;
}

export interface RecordEntry {
  seq: number;
  ts_recorded: string;
  ts_event: string | null;
  clock_back_ns: number;
  tz: string;
  action: string;
  actor: string;
  role: string;
  on_behalf: string;
  target: string;
  instructed_by: string;
  approved_by: string;
  reported_to: string;
  evidence: string;
  criteria_version: string;
  incident: number;
  incident_seq: number;
  erased: boolean;
  text: string | null;
  prev_hash: string;
  payload_hash: string;
  entry_hash: string;
  change_count: number;
  changes: RecordChange[];
}

export interface RecordFilter {
  incident: string;
  actor: string;
  from: string;
  to: string;
}

export interface RecordPage {
  rows: RecordEntry[];
  next_before: number;
}

export interface RecordHead {
  seq: number;
  entry_hash: string;
  ts_recorded: string | null;
}

export interface RecordCheck {
  problems: { seq: number; reason: string }[];
  entries: number;
  checkpoints: number;
  compared: number;
  not_compared: number;
}

export type EntityKind = 'host' | 'user' | 'department';

export interface RiskSource {
  rule_id: string;
  rule: string;
  rule_ja: string;
  product: string;
  score: number;
  sum_24h: number;
  counted_24h: number;
  findings: number;
  last: string | null;
}

export interface EntityRisk {
  name: string;
  risk: number;
  level: 'unknown' | 'low' | 'moderate' | 'high' | 'critical';
  sum: number;
  weight: number;
  importance: number | null;
  half_life_days: number;
  watched: boolean;
  capped_24h: number;
  systems_24h: number;
  alert: boolean;
  last: string | null;
  sources: RiskSource[];
}

export interface EntityRisks {
  kind: EntityKind;
  criteria: string;
  as_of: string | null;
  promotion: number;
  total: number;
  dropped_entities: number;
  dropped_sources: number;
  rows: EntityRisk[];
}

/* With its 95 % interval. */
export interface Estimate {
  value: number;
  low: number;
  high: number;
}

export interface ResidualRow {
  category: string;
  reference: string;
  known: boolean;
  missing: string | null;
  a_month: Estimate | null;
  inputs: { input: string; estimate: Estimate }[];
}

export interface ResidualRisk {
  version: string;
  window_days: number;
  rows: ResidualRow[];
  missed: Estimate | null;
  gap_median_hours: number | null;
  gap_p90_hours: number | null;
  gap_months: { month: string; objects: number; median_hours: number; p90_hours: number }[];
  new_names_share: number | null;
  parameters: { name: string; value: number; owner: string; text: string; text_ja: string }[];
}

export interface ExposureRow {
  name: string;
  department: string;
  detections: number;
  months: number;
  rate_a_month: Estimate;
  launch_control: Estimate | null;
  known: boolean;
  risk_per_1000_days: Estimate | null;
  would_be?: { lever: string; a_month: number }[];
  lowers_most?: string;
}

export interface Exposure {
  reference: string;
  total: number;
  population_known: boolean;
  missed: Estimate | null;
  rows: ExposureRow[];
}

export interface FocusEntry {
  id: number;
  state: 'active' | 'expired' | 'ended';
  kind: string;
  subject: string;
  reason: string;
  owner: string;
  approver: string;
  created_by: string;
  created: string | null;
  until: string | null;
  ended_by: string;
  ended_reason: string;
  ended: string | null;
}

export type NewFocus = Pick<FocusEntry, 'kind' | 'subject' | 'reason' | 'owner' | 'approver'> & { until: string };

export interface Contact {
  id: number;
  role: string;
  position: string;
  person: string;
  account: string;
  phone: string;
  mail: string;
  out_of_band: string;
  hours: string;
  verified: string | null;
}

export interface Authority {
  version: string;
  decision_minutes: number;
  roles: { role: string; title: Text }[];
  rows: {
    action: string;
    scope: string;
    title: Text;
    urgency_least: number;
    approvers: string[];
    notice: string[];
    check: boolean;
    subject: string;
    preauthorised_from_confidence: number;
    hours: number;
  }[];
}

export interface Playbook {
  type: string;
  version: string;
  owner: string;
  review: string;
  title: Text;
  tasks: { id: string; stage: IncidentState; title: Text; minutes: number; action: string; scope: string }[];
}

export interface Registration {
  from: string | null;
  to: string | null;
  hostname: string;
  ip: string[];
  department: string;
  owner: string;
  importance: number;
  roles: string[];
  type: string;
  approved_applications: string[];
}

export interface Host {
  host: string;
  registrations: Registration[];
  registered: boolean;
  watched: boolean;
  risk: EntityRisks;
  controls: FleetRows[];
  incidents: IncidentSummary[];
}

/* Who or what was there, in event time. */
export interface IdentityInterval {
  ip: string;
  mac?: string;
  user?: string;
  weak?: boolean;
  from: string;
  to: string;
  by: string;
}

export interface HostIdentity {
  host: string;
  registered: boolean;
  owner: string;
  department: string;
  addresses: IdentityInterval[];
  users: IdentityInterval[];
}
