/* The rows of a `timechart` as series. Its first column is a time; then either one number column per series, or a name column
 * and one number column (long form). Anything else is only a table. */
import type { JsonObject } from '../api/types';

export interface Series {
  name: string;
  points: [number, number][]; /* ms, value */
}

const MAX_SERIES = 12;
const MAX_BARS = 20;

function timeOf(value: unknown): number {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]/.test(value) ? Date.parse(value) : NaN;
}

export function seriesOf(columns: string[], rows: JsonObject[]): Series[] | null {
  const [time, ...rest] = columns;
  if (time === undefined || rest.length === 0 || rows.length === 0) return null;
  if (!rows.every((row) => !Number.isNaN(timeOf(row[time])))) return null;
  const numeric = rest.filter((column) => rows.every((row) => row[column] === null || row[column] === undefined || typeof row[column] === 'number')
    && rows.some((row) => typeof row[column] === 'number'));
  const names = rest.filter((column) => !numeric.includes(column));
  if (numeric.length === 0) return null;
  const found = new Map<string, [number, number][]>();
  const add = (name: string, at: number, value: unknown) => {
    const points = found.get(name) ?? [];
    points.push([at, typeof value === 'number' ? value : 0]);
    found.set(name, points);
  };
  for (const row of rows) {
    const at = timeOf(row[time]);
    if (names.length === 0) for (const column of numeric) add(column, at, row[column]);
    else add(names.map((column) => String(row[column] ?? '–')).join(' / '), at, row[numeric[0]!]);
  }
  const total = (points: [number, number][]) => points.reduce((sum, [, value]) => sum + value, 0);
  return [...found]
    .map(([name, points]) => ({ name, points: points.sort((a, b) => a[0] - b[0]) }))
    .sort((a, b) => total(b.points) - total(a.points))
    .slice(0, MAX_SERIES);
}

/* Bars for `count by field`: the measure is "count", or else the last column of numbers; the other columns name the bar. */
export function barsOf(columns: string[], rows: JsonObject[]): { name: string; value: number }[] | null {
  if (rows.length < 2) return null;
  const numeric = columns.filter((column) => rows.every((row) => typeof row[column] === 'number'));
  const measure = numeric.includes('count') ? 'count' : numeric.at(-1);
  if (measure === undefined || columns.length < 2) return null;
  const keys = columns.filter((column) => column !== measure);
  return rows.slice(0, MAX_BARS).map((row) => ({
    name: keys.map((key) => String(row[key] ?? '–')).join(' / '),
    value: row[measure] as number
  }));
}
