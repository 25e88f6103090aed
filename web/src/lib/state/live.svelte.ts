/* The stream as reactive state. Signals (rates, incidents) are folded in always; rows (findings, events) wait while the
 * reader has paused the lists. */
import { api } from '../api/client';
import type { IncidentSummary, JsonObject } from '../api/types';
import { emptyState, Pending, queueOrder, reduce, type LiveState, type Message } from '../stream/reducer';
import { LiveSource, type ConnectionState } from '../stream/source';

const FRAME_MS = 100; /* at most ten renderings a second */
const SEED_FINDINGS = 100;
const SEED_HOURS = 24;

class Live {
  state = $state.raw<LiveState>(emptyState());
  connection = $state<ConnectionState>('closed');
  paused = $state(false);
  waiting = $state(0);
  /* The server gives this user, or this filter, no raw events. */
  eventsRefused = $state(false);

  private readonly rows = new Pending();
  private readonly signals = new Pending();
  private frame: ReturnType<typeof setTimeout> | null = null;
  private options = { events: false, q: '' };
  private readonly source = new LiveSource({
    message: (message) => this.receive(message),
    state: (state) => (this.connection = state),
    beforeRetry: (url) => this.beforeRetry(url)
  });

  get incidents(): IncidentSummary[] {
    return [...this.state.incidents.values()].sort(queueOrder);
  }

  async start(): Promise<void> {
    this.state = emptyState();
    this.source.open(this.options);
    await Promise.allSettled([this.seedFindings(), this.seedIncidents()]);
  }

  stop(): void {
    this.source.close();
    if (this.frame !== null) clearTimeout(this.frame);
    this.frame = null;
  }

  /* The live page wants sampled events; other pages only findings, incidents and rates. */
  subscribe(events: boolean, q: string): void {
    const filterChanged = q !== this.options.q;
    this.options = { events, q };
    this.eventsRefused = false;
    if (events && filterChanged) this.state = { ...this.state, events: [], eventsSkipped: 0 };
    this.source.open(this.options);
  }

  setPaused(paused: boolean): void {
    this.paused = paused;
    if (!paused) this.schedule();
  }

  private async seedFindings(): Promise<void> {
    const to = new Date();
    const from = new Date(to.getTime() - SEED_HOURS * 3_600_000);
    const rows = await api.findings(from.toISOString(), to.toISOString(), SEED_FINDINGS);
    const oldestFirst = [...rows].sort((a, b) => String(a.time ?? a.last).localeCompare(String(b.time ?? b.last)));
    const arrived = this.state.findings;
    const seeded = reduce({ ...this.state, findings: [] }, oldestFirst.map((data) => ({ kind: 'finding', data })));
    const fresh = arrived.filter((a) => !seeded.findings.some((s) => s.ruleId === a.ruleId && s.time === a.time && s.ip === a.ip));
    this.state = { ...seeded, findings: fresh.concat(seeded.findings), findingsSeen: this.state.findingsSeen };
  }

  private async seedIncidents(): Promise<void> {
    const rows = await api.incidents('open');
    this.state = reduce(this.state, rows.map((data) => ({ kind: 'incident', data })));
  }

  private async beforeRetry(url: string): Promise<'retry' | 'plain' | 'stop'> {
    const status = await api.probe(url);
    if (status === 401) return 'stop';
    if (status !== 400 && status !== 403) return 'retry';
    this.eventsRefused = true;
    return 'plain';
  }

  private receive(message: Message): void {
    const isRow = message.kind === 'finding' || message.kind === 'event' || message.kind === 'lagged';
    (isRow ? this.rows : this.signals).push(message);
    this.schedule();
  }

  private schedule(): void {
    this.frame ??= setTimeout(() => {
      this.frame = null;
      const messages = this.signals.take();
      if (!this.paused) messages.push(...this.rows.take());
      this.waiting = this.rows.size;
      if (messages.length > 0) this.state = reduce(this.state, messages);
    }, FRAME_MS);
  }
}

export const live = new Live();

/* Where a click on a finding leads: its incident, or the open incident of its host, or the event. */
export function incidentOf(finding: { incidentId: string; host: string; ip: string }, incidents: Map<string, IncidentSummary>): string {
  if (finding.incidentId !== '') return finding.incidentId;
  for (const [id, incident] of incidents) {
    for (const host of incident.hosts) {
      const [name, address] = splitHost(host);
      if ((finding.ip !== '' && finding.ip === address) || (finding.host !== '' && finding.host === name)) return id;
    }
  }
  return '';
}

/* "PC-1 (10.0.0.1)" → name and address; either may be missing. */
export function splitHost(host: string): [string, string] {
  const match = /^(.*?)\s*\(([^)]*)\)$/.exec(host);
  if (match) return [match[1]!, match[2]!];
  return /^[\d.]+$|:/.test(host) ? ['', host] : [host, ''];
}

export function eventId(document: JsonObject): string {
  const id = document._id;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : '';
}
