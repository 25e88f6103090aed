import { describe, expect, it } from 'vitest';
import { dialled, isoOf, itemText, newestLooks, type IntakeLook } from '../src/lib/api/intake';

const look = (id: number, name: string, hits: number): IntakeLook => ({
  id, look: name, title: { en: name, ja: name }, status: hits > 0 ? 'found' : 'nothing', query: '', begins: null, ends: null, hits, found: [], sha256: '', looked: null
});

describe('reports of users', () => {
  it('dial what is a number and nothing of what is written behind it', () => {
    expect(dialled('0120-000-110')).toBe('0120000110');
    expect(dialled('+81 3 0000 0000')).toBe('+81300000000');
    expect(dialled('03-0000-0000 (ext. 5)')).toBe('0300000000');
    expect(dialled('(03) 0000-0000')).toBe('0300000000');
    expect(dialled('javascript:alert(1)')).toBe('');
    expect(dialled('')).toBe('');
  });

  it('show the newest answer of each question, in the order of the first', () => {
    const shown = newestLooks([look(1, 'mails', 0), look(2, 'pages', 3), look(3, 'mails', 2)]);
    expect(shown.map(({ look: name, hits }) => [name, hits])).toEqual([['mails', 2], ['pages', 3]]);
  });

  it('send a local time as UTC, and nothing when it is empty or none', () => {
    expect(isoOf('')).toBeUndefined();
    expect(isoOf('yesterday')).toBeUndefined();
    expect(isoOf('2025-11-10T09:27')).toBe(new Date('2025-11-10T09:27').toISOString());
  });

  it('say what an id means, and the id itself when the list has changed since', () => {
    const items = [{ id: 'a', text: { en: 'A', ja: 'あ' } }];
    expect(itemText(items, 'a')).toEqual({ en: 'A', ja: 'あ' });
    expect(itemText(items, 'gone')).toBe('gone');
  });
});
