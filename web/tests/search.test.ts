import { describe, expect, it } from 'vitest';
import { flatten, groups, rawLine, summary, valuesOf } from '../src/lib/search/document';
import { toCsv, toNdjson } from '../src/lib/search/export';
import { addCondition, completions, condition, fieldWordAt, hasPipe, quoteValue, splitAtPosition } from '../src/lib/search/filter';
import { rangeFromUrl, rangeToUrl, resolve } from '../src/lib/search/range';
import { barsOf, seriesOf } from '../src/lib/search/timechart';

describe('filter expressions', () => {
  it('quotes what needs it', () => {
    expect(quoteValue('10.20.30.31')).toBe('10.20.30.31');
    expect(quoteValue('営業部')).toBe('営業部');
    expect(quoteValue('two words')).toBe('"two words"');
    expect(quoteValue('say "hi"')).toBe('"say \\"hi\\""');
    expect(quoteValue('C:\\Windows\\Temp')).toBe('"C:\\\\Windows\\\\Temp"');
    expect(quoteValue('and')).toBe('"and"');
    expect(quoteValue('mail*')).toBe('"mail*"');
    expect(quoteValue('')).toBe('""');
    expect(quoteValue('-5')).toBe('"-5"');
    expect(quoteValue('2001:db8::1')).toBe('"2001:db8::1"');
    expect(quoteValue('http://a.example/b')).toBe('"http://a.example/b"');
    expect(quoteValue('10.0.0.0/8')).toBe('"10.0.0.0/8"');
    expect(condition('winlog.event_data.Threat Name', 'EICAR', true)).toBe('not "winlog.event_data.Threat Name":EICAR');
  });

  it('adds conditions before the pipes', () => {
    expect(addCondition('', 'a.b', 'x', false)).toBe('a.b:x');
    expect(addCondition('c:d', 'a.b', 'x', true)).toBe('c:d and not a.b:x');
    expect(addCondition('c:d | count by e', 'a', 'x', false)).toBe('c:d and a:x | count by e');
    expect(addCondition('| count by e', 'a', 'x', false)).toBe('a:x | count by e');
  });

  it('keeps the meaning of "or"', () => {
    expect(addCondition('a:1 or b:2', 'c', '3', false)).toBe('(a:1 or b:2) and c:3');
    expect(addCondition('a:(1 or 2)', 'c', '3', false)).toBe('a:(1 or 2) and c:3');
    expect(addCondition('"this or that"', 'c', '3', false)).toBe('"this or that" and c:3');
    expect(addCondition('color:red and order:1', 'c', '3', false)).toBe('color:red and order:1 and c:3');
  });

  it('does not add the same condition twice', () => {
    expect(addCondition('a:1 and b:2', 'a', '1', false)).toBe('a:1 and b:2');
  });

  it('sees pipes only outside quotes', () => {
    expect(hasPipe('a | count')).toBe(true);
    expect(hasPipe('"a | b"')).toBe(false);
    expect(hasPipe('"a \\" | b" c')).toBe(false);
  });

  it('finds the field name being typed', () => {
    expect(fieldWordAt('source.i', 8)).toEqual({ start: 0, end: 8, text: 'source.i' });
    expect(fieldWordAt('a:1 and dest', 12)?.text).toBe('dest');
    expect(fieldWordAt('not (host.na', 12)?.text).toBe('host.na');
    expect(fieldWordAt('host.name:PC', 12)).toBeNull();
    expect(fieldWordAt('"source.i', 9)).toBeNull();
    expect(fieldWordAt('a ', 2)).toBeNull();
  });

  it('ranks completions', () => {
    const names = ['user.name', 'source.ip', 'source.port', 'resource.id', 'host.source.x'];
    expect(completions(names, 'source')).toEqual(['source.ip', 'source.port', 'host.source.x', 'resource.id']);
    expect(completions(names, 'source.ip')).toEqual([]);
  });

  it('points at characters, not bytes or surrogates', () => {
    expect(splitAtPosition('端末:)', 3)).toEqual({ before: '端末:', at: ')', after: '' });
    expect(splitAtPosition('😀a)', 2)).toEqual({ before: '😀a', at: ')', after: '' });
    expect(splitAtPosition('ab', 9)).toEqual({ before: 'ab', at: '', after: '' });
  });
});

const document = { _id: '9', '@timestamp': '2025-11-10T00:00:00Z', event: { original: 'raw <b>', action: 'deny' }, source: { ip: '10.0.0.1' }, 'destination.ip': '10.0.0.2', related: { ip: ['10.0.0.1', '10.0.0.2'] }, tags: [], deep: [{ a: 1 }, { a: 2 }] };

describe('documents', () => {
  it('flattens nested, dotted and repeated values', () => {
    const flat = flatten(document);
    expect(flat.get('related.ip')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(flat.get('destination.ip')).toEqual(['10.0.0.2']);
    expect(flat.get('deep.a')).toEqual(['1', '2']);
  });

  it('reads one field however it is written', () => {
    expect(valuesOf(document, 'source.ip')).toEqual(['10.0.0.1']);
    expect(valuesOf(document, 'destination.ip')).toEqual(['10.0.0.2']);
    expect(valuesOf(document, 'related.ip')).toHaveLength(2);
    expect(valuesOf(document, 'no.such')).toEqual([]);
    expect(valuesOf({ a: { 'b.c': 5 } }, 'a.b.c')).toEqual(['5']);
    expect(valuesOf({ a: null }, 'a')).toEqual([]);
  });

  it('groups fields and keeps the raw line apart', () => {
    expect(rawLine(document)).toBe('raw <b>');
    expect(groups(document).map((g) => g.name)).toEqual(['', 'deep', 'destination', 'event', 'related', 'source']);
    expect(groups(document).find((g) => g.name === 'event')!.fields.map((f) => f.name)).toEqual(['event.action']);
  });

  it('says what an event is', () => {
    expect(summary(document)).toBe('deny  10.0.0.1 → 10.0.0.2');
    expect(summary({ message: 'hello' })).toBe('hello');
  });
});

describe('downloads', () => {
  it('writes CSV that spreadsheets open and do not run', () => {
    const csv = toCsv(['a', 'b.c'], [{ a: '=1+1', b: { c: 'x,"y"' } }, { a: '-5', b: { c: ['p', 'q'] } }, {}]);
    expect(csv).toBe('\uFEFFa,b.c\r\n\'=1+1,"x,""y"""\r\n-5,p; q\r\n,\r\n');
  });

  it('guards column names too, but keeps @timestamp', () => {
    expect(toCsv(['@timestamp', '@SUM(1)'], [])).toBe("\uFEFF@timestamp,'@SUM(1)\r\n");
  });

  it('writes one JSON document a line', () => {
    expect(toNdjson([{ a: 1 }, { b: '\n' }])).toBe('{"a":1}\n{"b":"\\n"}\n');
  });
});

describe('ranges', () => {
  it('survive the URL', () => {
    const parameters = new URLSearchParams();
    rangeToUrl({ kind: 'absolute', from: new Date('2025-11-10T00:00:00Z'), to: new Date('2025-11-10T01:00:00Z') }, parameters);
    expect(rangeFromUrl(parameters)).toEqual({ kind: 'absolute', from: new Date('2025-11-10T00:00:00Z'), to: new Date('2025-11-10T01:00:00Z') });
    expect(rangeFromUrl(new URLSearchParams('last=7d'))).toEqual({ kind: 'preset', preset: '7d' });
  });

  it('fall back to a day', () => {
    for (const text of ['', 'last=99y', 'from=x&to=y', 'from=2025-11-10T01:00:00Z&to=2025-11-10T00:00:00Z']) {
      expect(rangeFromUrl(new URLSearchParams(text))).toEqual({ kind: 'preset', preset: '24h' });
    }
  });

  it('move with now', () => {
    const now = new Date('2025-11-10T12:00:00Z');
    expect(resolve({ kind: 'preset', preset: '15m' }, now).from.toISOString()).toBe('2025-11-10T11:45:00.000Z');
  });
});

describe('charts from rows', () => {
  const rows = [{ time: '2025-11-10T00:00:00Z', name: 'a', count: 1 }, { time: '2025-11-10T00:00:00Z', name: 'b', count: 5 }, { time: '2025-11-10T01:00:00Z', name: 'a', count: 2 }];

  it('reads the long and the wide form', () => {
    expect(seriesOf(['time', 'name', 'count'], rows)?.map((s) => [s.name, s.points.length])).toEqual([['b', 1], ['a', 2]]);
    expect(seriesOf(['t', 'x', 'y'], [{ t: '2025-11-10 00:00:00Z', x: 1, y: null }, { t: '2025-11-10 01:00:00Z', x: 3, y: 4 }])?.map((s) => s.name).sort()).toEqual(['x', 'y']);
  });

  it('leaves tables alone', () => {
    expect(seriesOf(['port', 'count'], [{ port: 25, count: 3 }])).toBeNull();
    expect(seriesOf([], [])).toBeNull();
    expect(barsOf(['a'], [{ a: 1 }, { a: 2 }])).toBeNull();
  });

  it('takes count as the measure of bars', () => {
    expect(barsOf(['count', 'port'], [{ port: 25, count: 3 }, { port: 80, count: 9 }])).toEqual([{ name: '25', value: 3 }, { name: '80', value: 9 }]);
  });
});
