/* Shapes of the work on an incident: tasks, hearing, decisions, hosts, evidence, countermeasures, review, record. */
import type { Improvement } from './improve';
import type { IncidentState, Text } from './types';

type When = string | null;

export interface Task {
  id: number; key: string; stage: string; title: Text; script: Text; checklist: Text[]; is_first: boolean;
  status: string; assignee: string; opened: When; due: When; started: When; ended: When; minutes: number; watch_until: When;
  action: string; scope: string; result: string; instructed_by: string; approved_by: string; reported_to: string;
  done_by: string; reason: string; is_late: boolean;
}

export interface Tasks { rows: Task[]; first_task: Task | null }

export interface Missing { guard: string; en: string; ja: string }

export interface WorkCase {
  state: IncidentState; vector: string; vector_kind: string; vector_by: string; root_cause: string; unknown_reason: string; hold_reason: string; open_tasks: number;
  incomplete_entries: number; steps: { to: IncidentState; missing: Missing[] }[];
}

export interface Signature { id: number; role: string; user: string; signed: When; is_deputy: boolean; note: string }

export interface Approval {
  id: number; incident: number; action: string; scope: string; urgency: number; question: string; options: string; impact: string;
  recommendation: string; status: string; proposed_by: string; proposed: When; deadline: When; escalated: When; checked_by: string;
  checked: When; decided: When; decided_by: string; expires: When; is_emergency: boolean; approve_before: When; reason: string;
  dossier: number; approvers: string[]; deputies: string[]; signatures: Signature[]; is_late: boolean; may_decide?: boolean;
}

export interface Authority {
  decision_minutes: number;
  roles: { role: string; title: Text }[];
  rows: { action: string; scope: string; title: Text; urgency_least: number; approvers: string[]; notice: string[]; check: boolean; subject: string; hours: number }[];
}

export interface Hearing {
  confidence: number; confidence_level: number;
  rows: {
    question: string; text: Text; answers: { answer: string; text: Text; likelihood_ratio: number }[];
    given: { answer: string; note: string; answered: When; asked_by: string } | null;
  }[];
}

export interface InfectedHost {
  id: number; host: string; ip: string; status: string; detected: When; acted: When; contained: When; verified_clean: When; closed: When;
  residual_reason: string; accepted_by: string;
}

export interface RecordEntry {
  seq: number; ts_recorded: string; action: string; actor: string; role: string; target: string; instructed_by: string; approved_by: string;
  reported_to: string; erased: boolean; text: string | null;
}

export interface Evidence {
  id: number; number: string; type: string; purpose: string; description: string; source_host: string; sha256: string; size: number; location: string;
  acquired: When; acquired_by: string; holder: string; legal_hold: boolean; retention_until: When; entered_by: string; entered: When; disposed: When;
}

/* `file_most`: bytes of the largest file that is taken in, 0 = none are; `zip_password` opens the ZIP in which files are given out. */
export interface EvidenceList { file_most: number; zip_password: string; rows: Evidence[] }

export interface Custody {
  id: number; kind: string; from_person: string; to_person: string; happened: When; reason: string; signed_by: string; approved_by: string; how: string; until: When;
}

export interface EvidenceItem extends Evidence { on_its_way_to: string; has_file: boolean; custody: Custody[] }

export interface Countermeasure {
  id: number; device: string; target: string; reason: string; status: string; requested_by: string; requested: When; approved_by: string;
  seen_after: number; expires: When; removed: When;
  approvers?: string[]; needs_check?: boolean; signatures?: { kind: string; role: string; user: string }[]; orders?: Order[];
}

/* What a connector was told to do, and what came of it. */
export interface Order {
  id: number; incident: number; countermeasure: number; connector: string; kind: string; act: string; key: string; status: string; approved_by: string;
  entered: When; attempts: number; ended: When; request: string; answer: string; failure: string;
}

export interface OrderPreview { connector: string; kind: string; act: string; request: string; problem: string }

export interface Connector { name: string; kind: string; on: boolean; serves: string[]; undo: boolean; last: Order | null }

export interface Review {
  review: { summary: string; causes: string; worked: string; improve: string; signed_by: string; signed: When; held: When } | null;
  actions: Improvement[];
}

/* Duties to report to the outside: clocks, what they depend on, forms and the ledger of what was made of them. */
export interface Deadline {
  clock: string; title: string; title_ja: string; to: string; to_ja: string; note: string; note_ja: string; source: string; state: string; met_late: boolean;
  start: When; start_assumed: boolean; known_by: string; due: When; missing: string[]; mark: { at: string; who?: string; reason?: string; receipt?: string } | null;
}

export interface DeadlineQuestion { fact: string; title: string; title_ja: string; kind: 'answer' | 'number' | 'text' }

export interface Deadlines { note: string; note_ja: string; rows: Deadline[]; questions: DeadlineQuestion[]; facts: Record<string, string> }

export interface OutsideForm { form: string; title: string; title_ja: string; to?: string; to_ja?: string; missing: string }

export interface OutsideReport {
  report: number; form: string; state: string; copy: string; drafted_by: string; drafted: When; approved_by?: string; approved?: When; sent_by?: string; sent?: When; receipt?: string; missing?: string;
}

export interface OutsideForms { forms: OutsideForm[]; reports: OutsideReport[] }

export interface FilledForm { form: string; fields: { id: string; label: string; label_ja: string; required: boolean; value: string }[] }
