/* The service level of spec/4-triage.md §4.3: which P label, how soon. The label never changes the queue's order. */

export interface Sla {
  label: 'P1' | 'P2' | 'P3' | 'P4';
  minutes: number;
  callExecutive: boolean;
}

const P1: Sla = { label: 'P1', minutes: 15, callExecutive: false };
const P2: Sla = { label: 'P2', minutes: 60, callExecutive: false };
const P3_HOURS: Sla = { label: 'P3', minutes: 240, callExecutive: false };
const P3_DAY: Sla = { label: 'P3', minutes: 1440, callExecutive: false };
const P4: Sla = { label: 'P4', minutes: 4320, callExecutive: false };

/* rows: urgency 1–4, columns: importance 1–4 */
export const SLA_TABLE: readonly (readonly Sla[])[] = [
  [P4, P4, P3_DAY, P3_DAY],
  [P3_DAY, P3_HOURS, P2, P2],
  [P2, P2, P1, P1],
  [P1, P1, P1, { ...P1, callExecutive: true }]
];

function clamp(n: number): number {
  return Math.min(4, Math.max(1, Math.round(n) || 1));
}

export function slaFor(urgency: number, importance: number): Sla {
  return SLA_TABLE[clamp(urgency) - 1]![clamp(importance) - 1]!;
}

export function dueAt(opened: Date, sla: Sla): Date {
  return new Date(opened.getTime() + sla.minutes * 60_000);
}

/* True where an incident further down the queue has the stricter label: the page then says that the order is meant. */
export function orderDisagrees(queue: { urgency: number; importance: number }[]): boolean[] {
  let strictestBelow = Infinity;
  const out = new Array<boolean>(queue.length).fill(false);
  for (let i = queue.length - 1; i >= 0; i--) {
    const { minutes } = slaFor(queue[i]!.urgency, queue[i]!.importance);
    out[i] = strictestBelow < minutes;
    strictestBelow = Math.min(strictestBelow, minutes);
  }
  return out;
}
