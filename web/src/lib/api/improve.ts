/* Shapes of the registers around incidents: vendors, partners, consultations, key figures, improvements, dossiers, the library of cases. */
import type { IncidentState, Text } from './types';

type When = string | null;

export interface Invocation {
  id: number; incident: number; vendor: number; vendor_name: string; task: string; asked: When; asked_by: string; approved_by: string; respond_by: When;
  resolve_by: When; responded: When; resolved: When; result: string; effort_minutes: number; cost: number; response_minutes: number | null;
  responded_in_time: boolean | null; resolved_in_time: boolean | null;
}

export interface Vendor {
  id: number; name: string; service: string; contract: string; contract_until: When; scope: string; hours: string; respond_hours: number;
  resolve_hours: number; price_cap: number; nda_until: When; access: string; accounts: string[]; invoked_by: string; contact: string; phone: string;
  mail: string; reviewed: When; review_due: When; ended: When; warnings: ({ code: string } & Text)[];
  measured: { invocations: number; responded_in_time: number; responded_late: number; resolved_in_time: number; resolved_late: number; effort_minutes: number; cost: number };
}

export interface Partner {
  id: number; name: string; kind: string; tlp: string; redaction: string; forms: string[]; contact: string; phone: string; mail: string; address: string;
  note: string; verified: When; ended: When;
}

export interface Consultation {
  id: number; incident: number; partner: number; partner_name: string; assessment: string; plan: string; question: string; tlp: string; redaction: string;
  asked: When; asked_by: string; receipt: string; answer: string; answered: When; adopted: string; reason: string; decided_by: string; decided: When;
}

export interface Shared {
  id: number; incident: number; partner: number; partner_name: string; direction: string; item: string; description: string; tlp: string; redaction: string;
  receipt: string; usefulness: string; happened: When; who: string;
}

export interface Improvement {
  id: number; incident: number; title: string; owner: string; due: When; status: string; ended: When; effect: string; evidence: string; carried_out: When;
  carried_out_by: string; measure_due: When; kpi: string; kpi_before: string; kpi_after: string; is_late: boolean; measure_is_late: boolean;
}

export interface Improvements {
  counts: { open: number; carried_out: number; done: number; dropped: number; late: number; measure_late: number };
  rows: Improvement[];
}

export interface Figure { value: number | null; count: number; missed: number; pending: number }

export interface KpiAbout { kpi: string; unit: 'percent' | 'minutes' | 'hours' | 'currency'; more_is_better: boolean; title: Text; formula: Text }

export interface Kpis {
  from: string; to: string; is_cut: boolean;
  rows: (KpiAbout & { months: (Figure & { month: string })[]; actions: number; open_actions: number })[];
}

export interface Kpi extends KpiAbout, Figure {
  month: string;
  rows: { incident: number; title: Text; state: IncidentState; time: string; value: number | null; is_missed: boolean; first: string; last: string; events: number[] }[];
  actions: Improvement[];
}

export interface Dossier {
  id: number; title: string; status: string; category: string; owner: string; purpose: string; risks: string; alternatives: string; adequacy: string;
  residual: string; acceptance_reason: string; operation: string; acceptance: number; action: number; approval: number; created: When; created_by: string;
  submitted: When; introduced: When; review_due: When; state: string; missing: Text[]; review_is_due: boolean;
  signatures: { id: number; role: string; user: string; signed: When }[];
}

export interface ReadinessItem {
  item: string; kind: string; requirement: string; page: string; title: Text; todo: Text; status: 'met' | 'missed' | 'unknown'; weight: number;
  good: number; all: number; months: number; since: When; until: When; last_met: When; lacks: string[];
}

export interface Readiness {
  version: string; score: number; items: ReadinessItem[];
  attestations: { id: number; item: string; checked: When; is_good: boolean; result: string; attested_by: string; entered: When }[];
  history: { noted: When; score: number; met: number; missed: number; unknown: number }[];
}

export interface PolicyDocument {
  id: number; kind: string; title: string; owner: string; version: string; approved_by: string; approved: When; review_due: When; location: string;
  note: string; entered: When; entered_by: string; ended: When; is_due: boolean;
}

export interface Documents { kinds: { kind: string; title: Text }[]; rows: PolicyDocument[] }

export interface LibraryCase {
  id: number; incident: number; type: string; title: Text; urgency: number; importance: number; confidence_level: number; evidence_groups: string[];
  techniques: string[]; lesson: string; failure: string; created: When; created_by: string; content: LibraryContent;
}

export interface LibraryContent {
  findings?: { minute: number; rule_id: string; title: Text; host: string; user: string; count: number; peers: string[] }[];
  history?: { minute: number; who: string; from: IncidentState; to: IncidentState; note: string }[];
  failures?: ({ code: string; count: number } & Text)[];
  summary?: string; causes?: string; worked?: string; improve?: string; vector?: string; root_cause?: string;
}

export interface Reference { id: string; kind: string; url: string; title: Text; use: Text; checked: When; due: When; is_stale: boolean }

export interface Similar {
  rows: { id: number; title: Text; state: IncidentState; score: number; worked: string }[];
  library: { case: number; title: Text; score: number; lesson: string; failure: string }[];
}
