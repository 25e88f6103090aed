/* Times as people read them: the browser's zone in tables, UTC on hover. Japanese writes 2025/11/10(月) 09:13:07, English the
 * ISO order. A zone can be given for tests; undefined means the browser's. */
import type { Language } from '../api/types';

interface Parts {
  year: string;
  month: string;
  day: string;
  hour: string;
  minute: string;
  second: string;
  weekday: string;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(language: Language, zone?: string): Intl.DateTimeFormat {
  const key = `${language} ${zone ?? ''}`;
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(language === 'ja' ? 'ja-JP' : 'en-GB', {
      timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', weekday: 'short',
      year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit'
    });
    formatters.set(key, found);
  }
  return found;
}

function parts(date: Date, language: Language, zone?: string): Parts {
  const out: Record<string, string> = {};
  for (const { type, value } of formatter(language, zone).formatToParts(date)) out[type] = value;
  return out as unknown as Parts;
}

export function parseTime(text: string | null | undefined): Date | null {
  if (!text) return null;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}

function fraction(date: Date): string {
  return '.' + String(date.getMilliseconds()).padStart(3, '0');
}

/* 2025/11/10(月) 09:13:07 or 2025-11-10 09:13:07 */
export function dateTime(date: Date, language: Language, zone?: string): string {
  return `${day(date, language, zone)} ${clock(date, language, zone)}`;
}

/* 2025/11/10(月) or 2025-11-10 */
export function day(date: Date, language: Language, zone?: string): string {
  const p = parts(date, language, zone);
  return language === 'ja' ? `${p.year}/${p.month}/${p.day}(${p.weekday})` : `${p.year}-${p.month}-${p.day}`;
}

/* 09:13:07, with .259 when asked */
export function clock(date: Date, language: Language, zone?: string, milliseconds = false): string {
  const p = parts(date, language, zone);
  return `${p.hour}:${p.minute}:${p.second}${milliseconds ? fraction(date) : ''}`;
}

/* 11/10 09:13 or 11-10 09:13: chart axes */
export function shortDateTime(date: Date, language: Language, zone?: string): string {
  const p = parts(date, language, zone);
  const separator = language === 'ja' ? '/' : '-';
  return `${p.month}${separator}${p.day} ${p.hour}:${p.minute}`;
}

/* The text shown on hover: exact UTC. */
export function utc(date: Date): string {
  return date.toISOString();
}

const relativeUnits: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]
];

/* 3 分前, 3 min ago */
export function relative(date: Date, now: Date, language: Language): string {
  const seconds = Math.round((date.getTime() - now.getTime()) / 1000);
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' });
  for (const [unit, size] of relativeUnits) {
    if (Math.abs(seconds) >= size || unit === 'second') {
      // Japanese is read better with a space between number and unit, as in the rest of the console.
      return format.format(Math.trunc(seconds / size), unit).replace(/^(\d[\d,]*)(?=[^\d\s])/, '$1 ');
    }
  }
  return '';
}

/* Length of time in its largest unit and the next smaller one: 2 h 21 min, 2 時間 21 分 */
export function duration(milliseconds: number, language: Language): string {
  const units: [number, string, string][] = [
    [86_400_000, 'd', '日'], [3_600_000, 'h', '時間'], [60_000, 'min', '分'], [1000, 's', '秒']
  ];
  const whole = Math.max(0, Math.round(milliseconds / 1000) * 1000);
  const found = units.findIndex(([size]) => whole >= size);
  const largest = found < 0 ? units.length - 1 : found;
  let rest = whole;
  const out: string[] = [];
  for (const [size, en, ja] of units.slice(largest, largest + 2)) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0 || out.length === 0) out.push(`${n} ${language === 'ja' ? ja : en}`);
  }
  return out.join(' ');
}

/* For <input type="datetime-local" step="1">, in the browser's zone. */
export function toLocalInput(date: Date): string {
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}
