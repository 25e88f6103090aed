import { describe, expect, it } from 'vitest';
import type { IncidentSummary } from '../src/lib/api/types';
import { toFinding } from '../src/lib/stream/finding';
import { emptyState, LIMITS, Pending, queueOrder, reduce, type Message } from '../src/lib/stream/reducer';

const finding = (n: number): Message => ({ kind: 'finding', data: { rule_id: `r${n}`, rule: { en: `Rule ${n}`, ja: `ルール ${n}` }, level: 'high', time: `2025-11-10T00:00:${String(n % 60).padStart(2, '0')}Z` } });
const event = (n: number, sampled = 0): Message => ({ kind: 'event', data: { '@timestamp': '2025-11-10T00:00:00Z', _id: String(n), _sampled: sampled } });
const incident = (id: number, state: IncidentSummary['state'], urgency = 2, importance = 2, confidence = 0.5, opened = '2025-11-10T00:00:00Z'): Message => ({
  kind: 'incident',
  data: { id, state, title: { en: '', ja: '' }, opened, first: '', last: '', hosts: [], outside: [], department: '', user: '', urgency, importance, confidence, confidence_level: 2, finding_count: 1, systems: [], system_names: [] }
});

describe('findings', () => {
  it('reads both shapes: the stream and the incident', () => {
    const f = toFinding({ rule_id: 'x', rule: 'Outbound IRC', rule_ja: 'IRC通信', level: 'critical', time: 't', entities: { host: 'PC-1', ip: '10.0.0.1' }, product: 'Suricata', sequence: 42 }, 1);
    expect(f).toMatchObject({ title: { en: 'Outbound IRC', ja: 'IRC通信' }, level: 'critical', host: 'PC-1', system: { en: 'Suricata', ja: 'Suricata' }, eventId: '42' });
    expect(toFinding({ rule_id: 'x', rule: { en: 'E', ja: 'J' }, system: 'Zeek', system_name: { en: 'Zeek sensor', ja: 'Zeek センサー' }, event_ids: ['7', '9'], last: 'l' }, 2)).toMatchObject({ title: { en: 'E', ja: 'J' }, system: { en: 'Zeek sensor', ja: 'Zeek センサー' }, eventId: '7', time: 'l' });
  });

  it('shows a finding whatever it lacks', () => {
    expect(toFinding({}, 1)).toMatchObject({ title: { en: '', ja: '' }, level: 'informational', host: '', eventId: '' });
    expect(toFinding({ rule_id: 'only-id', level: 'nonsense', entities: [1, 2] }, 1)).toMatchObject({ title: { en: 'only-id', ja: 'only-id' }, level: 'informational' });
  });
});

describe('reducer', () => {
  it('puts the newest first and keeps the old state untouched', () => {
    const one = reduce(emptyState(), [finding(1), finding(2)]);
    const two = reduce(one, [finding(3)]);
    expect(two.findings.map((f) => f.ruleId)).toEqual(['r3', 'r2', 'r1']);
    expect(one.findings.map((f) => f.ruleId)).toEqual(['r2', 'r1']);
    expect(new Set(two.findings.map((f) => f.key)).size).toBe(3);
  });

  it('is bounded: a flood leaves the newest rows and a true count', () => {
    const state = reduce(emptyState(), Array.from({ length: 5000 }, (_, i) => finding(i)));
    expect(state.findings).toHaveLength(LIMITS.findings);
    expect(state.findings[0]!.ruleId).toBe('r4999');
    expect(state.findingsSeen).toBe(5000);
    const events = reduce(state, Array.from({ length: 500 }, (_, i) => event(i, 3)));
    expect(events.events).toHaveLength(LIMITS.events);
    expect(events.eventsSkipped).toBe(1500);
    expect(events.events.length + events.findings.length).toBeLessThanOrEqual(300);
  });

  it('keeps rates in time order, bounded', () => {
    const rates: Message[] = Array.from({ length: 400 }, (_, i) => ({ kind: 'rate', data: { time: String(i), received_per_second: i, stored_per_second: 0, findings_per_second: 0 } }));
    const state = reduce(reduce(emptyState(), rates.slice(0, 200)), rates.slice(200));
    expect(state.rates).toHaveLength(LIMITS.rates);
    expect(state.rates.at(-1)!.received_per_second).toBe(399);
  });

  it('replaces an incident and drops a closed one', () => {
    const opened = reduce(emptyState(), [incident(1, 'new'), incident(2, 'new'), incident(1, 'triage')]);
    expect([...opened.incidents.values()].map((i) => i.state)).toEqual(['triage', 'new']);
    const closed = reduce(opened, [incident(1, 'closed')]);
    expect([...closed.incidents.keys()]).toEqual(['2']);
    expect(reduce(opened, [incident(1, 'false_positive'), incident(2, 'merged')]).incidents.size).toBe(0);
    expect(reduce(opened, [incident(1, 'on_hold')]).incidents.size).toBe(2);
    expect(opened.incidents.size).toBe(2);
  });

  it('orders by urgency, importance, confidence, then the oldest', () => {
    const all = [incident(1, 'new', 2, 4), incident(2, 'new', 3, 1), incident(3, 'new', 3, 1, 0.9), incident(4, 'new', 3, 1, 0.9, '2025-11-09T00:00:00Z')];
    const state = reduce(emptyState(), all);
    expect([...state.incidents.values()].sort(queueOrder).map((i) => i.id)).toEqual([4, 3, 2, 1]);
  });

  it('counts what was missed', () => {
    expect(reduce(emptyState(), [{ kind: 'lagged', data: { missed: 12 } }, { kind: 'lagged', data: {} }]).missed).toBe(13);
  });
});

describe('pending', () => {
  it('gives everything once', () => {
    const pending = new Pending();
    pending.push(finding(1));
    expect(pending.take()).toHaveLength(1);
    expect(pending.take()).toHaveLength(0);
  });

  it('gives up sampled events before findings, and says so', () => {
    const pending = new Pending();
    for (let i = 0; i < 10; i++) pending.push(event(i));
    for (let i = 0; i < LIMITS.pending; i++) pending.push(finding(i));
    expect(pending.size).toBe(LIMITS.pending);
    const taken = pending.take();
    expect(taken.filter((m) => m.kind === 'finding')).toHaveLength(LIMITS.pending);
    expect(taken.at(-1)).toEqual({ kind: 'lagged', data: { missed: 10 } });
    expect(reduce(emptyState(), taken).missed).toBe(10);
  });
});
