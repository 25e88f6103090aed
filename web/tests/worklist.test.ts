import { afterEach, describe, expect, it, vi } from 'vitest';
import { api } from '../src/lib/api/client';
import type { Retrospect, WorkItem } from '../src/lib/api/worklist';
import { endAsk, handoverAsk, retrospectAsk, snoozeAsk } from '../src/lib/worklist';

const item: WorkItem = { item: 'rule:a', title: 'A', title_ja: 'あ', urgency: 3, importance: 2, confidence: 0.5, count: 4, findings: 9, focus_watch: false, exercise: false, incidents: [7] };
const row = { id: 5, work: { title: { en: 'Look at PC-1', ja: 'PC-1 を見る' } } } as Retrospect;

describe('the work list', () => {
  const sent = vi.spyOn(api, 'changeRegister').mockResolvedValue(undefined);
  afterEach(() => sent.mockClear());

  it('lets an item sleep with a reason and an end ahead', async () => {
    const ask = snoozeAsk(item, 'A');
    const until = ask.fields.find(({ name }) => name === 'until')!;
    expect(ask.fields.every(({ required }) => required)).toBe(true);
    expect(new Date(until.value!).getTime()).toBeGreaterThan(Date.now());
    await ask.submit({ reason: 'later', until: '2030-01-01T00:00:00.000Z' });
    expect(sent).toHaveBeenCalledWith('POST', 'worklist/snoozes', { item: 'rule:a', reason: 'later', until: '2030-01-01T00:00:00.000Z' });
  });

  it('leaves a note for anybody or somebody, and ends it with its reason in the address', async () => {
    expect(handoverAsk().fields.filter(({ required }) => !required).map(({ name }) => name)).toEqual(['to']);
    await endAsk('handovers', { id: 3, note: 'n', to: '', by: 'a', at: '', until: '' }).submit({ reason: 'seen & done' });
    expect(sent).toHaveBeenCalledWith('DELETE', 'worklist/handovers/3?reason=seen+%26+done');
  });

  it('ends the task of a retrospect with what was found, or waives it with a reason', async () => {
    expect(retrospectAsk(row, 'Look at PC-1', 'done').fields.map(({ name, required }) => [name, required])).toEqual([['result', true]]);
    expect(retrospectAsk(row, 'Look at PC-1', 'waived').fields.map(({ name, required }) => [name, required])).toEqual([['reason', true]]);
    await retrospectAsk(row, 'Look at PC-1', 'done').submit({ result: 'rebuilt' });
    expect(sent).toHaveBeenCalledWith('PATCH', 'retrospects/5', { result: 'rebuilt', status: 'done' });
  });
});
