/* The shown rows as CSV (with a byte order mark, so that spreadsheets read the UTF-8) or NDJSON. */
import type { JsonObject } from '../api/types';
import { valuesOf } from './document';

/* A cell that a spreadsheet would run as a formula is made text with a leading apostrophe. */
function cell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) && !/^-?\d+(\.\d+)?$/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

export function toCsv(columns: string[], rows: JsonObject[]): string {
  // Field names can come from what was logged; only this one is known to be harmless.
  const lines = [columns.map((name) => (name === '@timestamp' ? name : cell(name))).join(',')];
  for (const row of rows) lines.push(columns.map((column) => cell(valuesOf(row, column).join('; '))).join(','));
  return `\uFEFF${lines.join('\r\n')}\r\n`;
}

export function toNdjson(rows: JsonObject[]): string {
  return rows.map((row) => JSON.stringify(row) + '\n').join('');
}

export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
