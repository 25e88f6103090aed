/* Reports of users: the form without log-in, and the help desk's side. */
import type { JsonObject, Text } from './types';

export interface IntakeItem {
  id: string;
  text: Text;
}

export interface ReportPhone {
  phone: string;
  hours: string;
}

export interface ReportForm {
  pc: string;
  symptoms: IntakeItem[];
  steps: IntakeItem[];
  deviations: IntakeItem[];
  phones: ReportPhone[];
}

export interface ReportTick {
  id: number;
  report: number;
  step: string;
  ticked: string | null;
  entered: string | null;
  who: string;
}

export interface ReportReceipt {
  number: number;
  key: string;
  received: string | null;
  phones: ReportPhone[];
  ticks: ReportTick[];
}

/* What is sent; lists are ids separated by ";". */
export interface NewReport {
  symptoms: string;
  done: string;
  text: string;
  pc: string;
  reporter: string;
  contact: string;
  location: string;
  noticed?: string;
}

export type IntakeStatus = 'new' | 'taken' | 'linked' | 'closed';
export const CLOSE_REASONS = ['harmless', 'handled', 'duplicate', 'unreachable', 'exercise'] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

export interface IntakeRow {
  id: number;
  incident: number;
  status: IntakeStatus;
  channel: 'form' | 'phone';
  received: string | null;
  noticed: string | null;
  symptoms: string[];
  pc: string | null;
  host: string;
  ip: string;
  department: string;
  address: string | null;
  reporter: string | null;
  contact: string | null;
  location: string | null;
  text: string | null;
  entered_by: string;
  taken_by: string;
  taken: string | null;
  closed_by: string;
  closed: string | null;
  reason: CloseReason | '';
  note: string | null;
  looked: string | null;
  answer_due: string | null;
  is_late: boolean;
}

export interface IntakeLook {
  id: number;
  look: string;
  title: Text;
  status: 'found' | 'nothing' | 'unknown' | 'failed';
  query: string | null;
  begins: string | null;
  ends: string | null;
  hits: number;
  found: JsonObject[];
  sha256: string;
  looked: string | null;
}

export interface IntakeDetail extends IntakeRow {
  last_seen: string | null;
  seconds_to_silence: number | null;
  ticks: ReportTick[];
  looks: IntakeLook[];
}

export interface IntakeList {
  form_is_on: boolean;
  rows: IntakeRow[];
  symptoms: IntakeItem[];
  steps: IntakeItem[];
  deviations: IntakeItem[];
  script: IntakeItem[];
  read: { id: number; department: string; count: number; first: string | null; last: string | null }[];
}

/* The lists of the form, once for a page that needs only the words. */
export function itemText(items: IntakeItem[], id: string): Text | string {
  return items.find((item) => item.id === id)?.text ?? id;
}

/* Each look may have been asked again: only its newest answer counts. */
export function newestLooks(looks: IntakeLook[]): IntakeLook[] {
  const newest = new Map<string, IntakeLook>();
  for (const look of looks) newest.set(look.look, look);
  return [...newest.values()];
}

/* What a telephone dials: the number at the beginning, without what is written behind it. */
export function dialled(phone: string): string {
  return (phone.match(/^[\d\s+.-]*(?:\(\d+\)[\d\s.-]*)?/)?.[0] ?? '').replace(/[^\d+]/g, '');
}

/* A local datetime-local value as ISO; nothing when it is empty. */
export function isoOf(local: string): string | undefined {
  const time = local === '' ? Number.NaN : new Date(local).getTime();
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
