import { describe, expect, it } from 'vitest';
import { bytes, integer, percent, rate } from '../src/lib/format/number';
import { clock, dateTime, duration, parseTime, relative, shortDateTime, utc } from '../src/lib/format/time';

const TOKYO = 'Asia/Tokyo';
const at = new Date('2025-11-10T00:13:07.259Z');

describe('times', () => {
  it('writes Japanese with weekday and 24 hours', () => {
    expect(dateTime(at, 'ja', TOKYO)).toBe('2025/11/10(月) 09:13:07');
    expect(dateTime(new Date('2025-11-09T15:00:00Z'), 'ja', TOKYO)).toBe('2025/11/10(月) 00:00:00');
  });

  it('writes English in ISO order', () => {
    expect(dateTime(at, 'en', TOKYO)).toBe('2025-11-10 09:13:07');
    expect(dateTime(at, 'en', 'UTC')).toBe('2025-11-10 00:13:07');
    expect(shortDateTime(at, 'en', TOKYO)).toBe('11-10 09:13');
  });

  it('keeps milliseconds when asked and exact UTC for hovering', () => {
    expect(clock(at, 'ja', TOKYO, true)).toBe('09:13:07.259');
    expect(utc(at)).toBe('2025-11-10T00:13:07.259Z');
  });

  it('says how long ago', () => {
    const now = new Date(at.getTime() + 3 * 60_000 + 5000);
    expect(relative(at, now, 'ja')).toBe('3 分前');
    expect(relative(at, now, 'en')).toBe('3 min. ago');
    expect(relative(at, at, 'ja')).toBe('今');
    expect(relative(new Date(at.getTime() + 7_200_000), at, 'ja')).toBe('2 時間後');
  });

  it('does not carry into the wrong unit', () => {
    expect(relative(new Date(at.getTime() - 59_000), at, 'en')).toBe('59 sec. ago');
    expect(relative(new Date(at.getTime() - 3_599_000), at, 'en')).toBe('59 min. ago');
    expect(relative(new Date(at.getTime() - 86_400_000), at, 'en')).toBe('yesterday');
  });

  it('writes durations in two neighbouring units', () => {
    expect(duration(8_460_000, 'en')).toBe('2 h 21 min');
    expect(duration(8_460_000, 'ja')).toBe('2 時間 21 分');
    expect(duration(3_608_000, 'en')).toBe('1 h');
    expect(duration(900_000, 'en')).toBe('15 min');
    expect(duration(0, 'en')).toBe('0 s');
    expect(duration(-5, 'ja')).toBe('0 秒');
  });

  it('refuses what is no time', () => {
    expect(parseTime('')).toBeNull();
    expect(parseTime(undefined)).toBeNull();
    expect(parseTime('yesterday-ish')).toBeNull();
    expect(parseTime('2025-11-10T00:13:07Z')?.getTime()).toBe(at.getTime() - 259);
  });
});

describe('numbers', () => {
  it('groups and rounds', () => {
    expect(integer(1234567)).toBe('1,234,567');
    expect(rate(0)).toBe('0');
    expect(rate(0.44)).toBe('0.4');
    expect(rate(1204.4)).toBe('1,204');
    expect(integer(NaN)).toBe('–');
  });

  it('never rounds up to certainty', () => {
    expect(percent(0.9997)).toBe('99.9 %');
    expect(percent(0.99999)).toBe('99.9 %');
    expect(percent(1)).toBe('100 %');
    expect(percent(0.375)).toBe('38 %');
    expect(percent(0.016)).toBe('1.6 %');
  });

  it('uses binary units for bytes', () => {
    expect(bytes(0)).toBe('0 B');
    expect(bytes(1536)).toBe('1.5 KiB');
    expect(bytes(412_000_000)).toBe('393 MiB');
  });
});
