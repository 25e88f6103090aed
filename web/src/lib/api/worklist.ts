/* Shapes of the daily work: the list with its duplicates folded, what keeps people from tiring, and what was used before it was known. */
import type { Text } from './types';
import type { Task } from './work';

export interface WorkItem {
  item: string; title: string; title_ja: string; urgency: number; importance: number; confidence: number;
  count: number; findings: number; focus_watch: boolean; exercise: boolean; incidents: number[];
}

export interface Handover { id: number; note: string; to: string; by: string; at: string; until: string }

export interface Snooze { id: number; item: string; reason: string; by: string; until: string | null }

export interface WorkList {
  limit: number; rows: WorkItem[]; open_incidents: number; items: number; beyond_limit: number; snoozed: number;
  snoozes: Snooze[]; tuning: { rule_id: string; closed: number; benign_share: number }[]; checklist: Text[]; handovers: Handover[];
  load: { days: number; analyst_days: number; items_per_analyst_day: number | null; closed: number; median_handling_minutes: number | null };
}

export type HostState = 'clean' | 'found' | 'unknown';

export interface Retrospect {
  id: number; incident: number; task: number; host: string; ip: string; department: string; users: string | null; use: Text; used: string | null;
  last_used: string | null; count: number; sequence: number; object: string; name: string; basis: 'verdict' | 'indicator'; known_by: string;
  first: string | null; known: string | null; gap_hours: number; host_state: HostState; scanned: string | null; malware_found: string | null; is_late: boolean; work: Task;
}

export interface Retrospects {
  rows: Retrospect[];
  months: { month: string; objects: number; used: number; median_hours: number; p90_hours: number }[];
  counts: { open: number; late: number; ended: number };
}
