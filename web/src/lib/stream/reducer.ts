/* What the live page knows, as a pure function of the messages of the stream. Messages wait in `Pending` and are folded in
 * at most ten times a second, so 50 findings a second cost ten renderings, and every list has a limit. */
import type { IncidentSummary, JsonObject, Rate } from '../api/types';
import { isOpen } from '../incident/state';
import { toFinding, type Finding } from './finding';

export const LIMITS = { findings: 200, events: 100, rates: 300, pending: 2000 } as const;

export type Message =
  | { kind: 'finding'; data: JsonObject }
  | { kind: 'event'; data: JsonObject }
  | { kind: 'incident'; data: IncidentSummary }
  | { kind: 'rate'; data: Rate }
  | { kind: 'lagged'; data: JsonObject };

export interface LiveEvent {
  key: string;
  time: string;
  document: JsonObject;
}

export interface LiveState {
  findings: Finding[]; /* newest first */
  events: LiveEvent[]; /* newest first */
  rates: Rate[]; /* oldest first */
  incidents: Map<string, IncidentSummary>;
  findingsSeen: number;
  eventsSeen: number;
  eventsSkipped: number; /* by sampling at the server */
  missed: number; /* this page was too slow for, at the server or here */
  ordinal: number;
}

export function emptyState(): LiveState {
  return {
    findings: [], events: [], rates: [], incidents: new Map(),
    findingsSeen: 0, eventsSeen: 0, eventsSkipped: 0, missed: 0, ordinal: 0
  };
}

function prepend<T>(fresh: T[], old: T[], limit: number): T[] {
  return fresh.length === 0 ? old : fresh.reverse().concat(old).slice(0, limit);
}

export function reduce(state: LiveState, messages: Message[]): LiveState {
  const findings: Finding[] = [];
  const events: LiveEvent[] = [];
  const rates: Rate[] = [];
  let incidents = state.incidents;
  let { findingsSeen, eventsSeen, eventsSkipped, missed, ordinal } = state;
  for (const message of messages) {
    switch (message.kind) {
      case 'finding':
        findings.push(toFinding(message.data, ++ordinal));
        findingsSeen++;
        break;
      case 'event': {
        const time = message.data['@timestamp'];
        events.push({ key: String(++ordinal), time: typeof time === 'string' ? time : '', document: message.data });
        eventsSeen++;
        if (typeof message.data._sampled === 'number') eventsSkipped += message.data._sampled;
        break;
      }
      case 'incident':
        if (incidents === state.incidents) incidents = new Map(incidents);
        if (!isOpen(message.data.state)) incidents.delete(String(message.data.id));
        else incidents.set(String(message.data.id), message.data);
        break;
      case 'rate':
        rates.push(message.data);
        break;
      case 'lagged': {
        const n = message.data.missed ?? message.data.count ?? message.data.skipped;
        missed += typeof n === 'number' ? n : 1;
        break;
      }
    }
  }
  return {
    findings: prepend(findings, state.findings, LIMITS.findings),
    events: prepend(events, state.events, LIMITS.events),
    rates: rates.length === 0 ? state.rates : state.rates.concat(rates).slice(-LIMITS.rates),
    incidents, findingsSeen, eventsSeen, eventsSkipped, missed, ordinal
  };
}

/* Messages not folded in yet. When the page sleeps (hidden tab, paused) the oldest are dropped and counted, never kept
 * without limit. */
export class Pending {
  private messages: Message[] = [];
  private dropped = 0;

  push(message: Message): void {
    this.messages.push(message);
    if (this.messages.length > LIMITS.pending) {
      // Rates and incidents are small and matter most: give up the oldest sampled event, else the oldest message.
      const victim = this.messages.findIndex((m) => m.kind === 'event');
      this.messages.splice(Math.max(0, victim), 1);
      this.dropped++;
    }
  }

  take(): Message[] {
    const out = this.messages;
    this.messages = [];
    if (this.dropped > 0) out.push({ kind: 'lagged', data: { missed: this.dropped } });
    this.dropped = 0;
    return out;
  }

  get size(): number {
    return this.messages.length;
  }
}

/* The queue's order, as the server gives it: urgency, importance and confidence down, opened up. */
export function queueOrder(a: IncidentSummary, b: IncidentSummary): number {
  return b.urgency - a.urgency || b.importance - a.importance || b.confidence - a.confidence || a.opened.localeCompare(b.opened);
}
