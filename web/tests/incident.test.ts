import { describe, expect, it } from 'vitest';
import { dueAt, orderDisagrees, slaFor } from '../src/lib/incident/sla';
import { layout, segmentsOf } from '../src/lib/incident/swimlane';
import { passwordStrength } from '../src/lib/password';
import { targetWord } from '../src/lib/record-target';

describe('words of the record', () => {
  it('name what an entry is about, and leave alone what has no word', () => {
    expect(targetWord('task/46')).toMatch(/^(task|作業) 46$/);
    expect(targetWord('login/mori')).toMatch(/^(login|ログイン) mori$/);
    for (const target of ['state.baseline', 'user.add/mori', 'asset.import//srv/a/b', 'unheard_of/7', '']) expect(targetWord(target)).toBe(target);
  });
});

describe('service levels', () => {
  it('follow the table', () => {
    expect(slaFor(4, 4)).toEqual({ label: 'P1', minutes: 15, callExecutive: true });
    expect(slaFor(4, 1)).toMatchObject({ label: 'P1', callExecutive: false });
    expect(slaFor(3, 2)).toMatchObject({ label: 'P2', minutes: 60 });
    expect(slaFor(3, 3)).toMatchObject({ label: 'P1', minutes: 15 });
    expect(slaFor(2, 1)).toMatchObject({ label: 'P3', minutes: 1440 });
    expect(slaFor(2, 2)).toMatchObject({ label: 'P3', minutes: 240 });
    expect(slaFor(1, 4)).toMatchObject({ label: 'P3', minutes: 1440 });
    expect(slaFor(1, 1)).toMatchObject({ label: 'P4', minutes: 4320 });
  });

  it('take numbers out of range', () => {
    expect(slaFor(9, 0).label).toBe('P1');
    expect(slaFor(NaN, NaN).label).toBe('P4');
  });

  it('say when the order and the deadline disagree', () => {
    const queue = [{ urgency: 3, importance: 1 }, { urgency: 3, importance: 1 }, { urgency: 2, importance: 1 }, { urgency: 2, importance: 4 }];
    expect(orderDisagrees(queue)).toEqual([false, false, true, false]);
    expect(orderDisagrees([])).toEqual([]);
  });

  it('count from the opening', () => {
    expect(dueAt(new Date(0), slaFor(4, 1)).getTime()).toBe(900_000);
  });
});

describe('swim lanes', () => {
  const minute = 60_000;
  const mark = (id: string, lane: string, first: number, last = first) => ({ id, lane, first, last });

  it('fold long quiet stretches', () => {
    expect(segmentsOf([0, 1000, 2000, 140 * minute])).toEqual([{ from: 0, to: 2000 }, { from: 140 * minute, to: 140 * minute }]);
    expect(segmentsOf([0, 1000, 30_000])).toHaveLength(1);
    expect(segmentsOf([])).toEqual([]);
  });

  it('limit the folds', () => {
    expect(segmentsOf(Array.from({ length: 40 }, (_, i) => 2 ** i * minute)).length).toBeLessThanOrEqual(6);
  });

  it('keep time order and stay inside', () => {
    const marks = [mark('c', 'Defender', 150 * minute), mark('a', 'BIND', 0), mark('b', 'Squid', 5000, 9000), mark('d', 'BIND', 30_000)];
    const { lanes, placed, segments } = layout(marks, 0.02);
    expect(lanes).toEqual(['BIND', 'Squid', 'Defender']);
    expect(placed.map((p) => p.id)).toEqual(['a', 'b', 'd', 'c']);
    for (let i = 1; i < placed.length; i++) expect(placed[i]!.x).toBeGreaterThan(placed[i - 1]!.x);
    expect(placed.every((p) => p.x >= 0 && p.x2 >= p.x && p.x2 <= 1)).toBe(true);
    expect(segments.at(-1)!.x2).toBeCloseTo(1);
  });

  it('never put a mark on a fold', () => {
    const { placed, segments } = layout([0, 1000, 100 * minute, 300 * minute, 301 * minute].map((at, i) => mark(String(i), 'x', at)), 0.01);
    for (const { x } of placed) expect(segments.some((s) => s.folded && x >= s.x && x <= s.x2), String(x)).toBe(false);
  });

  it('stack marks that would overlap', () => {
    const { placed } = layout([mark('a', 'x', 0), mark('b', 'x', 10), mark('c', 'x', 20), mark('d', 'y', 10_000)], 0.05);
    expect(placed.slice(0, 3).map((p) => p.stack)).toEqual([0, 1, 2]);
  });

  it('take a single moment and nothing at all', () => {
    expect(layout([mark('a', 'x', 5)], 0.02).placed[0]!.x).toBeCloseTo(0.5);
    expect(layout([], 0.02)).toMatchObject({ lanes: [], placed: [], segments: [], ticks: [] });
  });
});

describe('password hint', () => {
  it('wants length first', () => {
    expect(passwordStrength('Ab1!Ab1!', 'sato')).toBe('short');
    expect(passwordStrength('aaaaaaaaaaaaaaaa', 'sato')).toBe('weak');
    expect(passwordStrength('satosan-no-himitsu', 'satosan')).toBe('weak');
    expect(passwordStrength('password1234567', 'sato')).toBe('weak');
    expect(passwordStrength('mountain river', 'sato')).toBe('fair');
    expect(passwordStrength('correct horse battery staple', 'sato')).toBe('strong');
    expect(passwordStrength('百葉箱の温度計は白い箱です', 'sato')).not.toBe('short');
  });
});
