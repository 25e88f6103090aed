/* Which states of an incident still ask for work. */
import type { IncidentState } from '../api/types';

const ENDED: ReadonlySet<IncidentState> = new Set(['closed', 'false_positive', 'merged', 'duplicate', 'exercise']);

export function isOpen(state: IncidentState): boolean {
  return !ENDED.has(state);
}
