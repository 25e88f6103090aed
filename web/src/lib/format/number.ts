/* Numbers as people read them, with grouping and units. */

const plain = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export function integer(n: number): string {
  return Number.isFinite(n) ? plain.format(n) : '–';
}

/* Rates: 0.4, 12.5, 1,204 */
export function rate(n: number): string {
  if (!Number.isFinite(n)) return '–';
  return n !== 0 && Math.abs(n) < 100 ? oneDigit.format(n) : plain.format(n);
}

const three = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3, maximumFractionDigits: 3 });

/* Measures and estimates: 0.497, 12.3, 1,230; what is not nought never reads as nought. */
export function figure(n: number): string {
  if (!Number.isFinite(n)) return '–';
  return n !== 0 && Math.abs(n) < 0.001 ? '< 0.001' : three.format(n);
}

/* An estimate with its 95 % interval: 0.5 (0.1–2.5) */
export function estimate(e: { value: number; low: number; high: number }): string {
  return e.low === e.high ? figure(e.value) : `${figure(e.value)} (${figure(e.low)}–${figure(e.high)})`;
}

export function percent(fraction: number): string {
  if (!Number.isFinite(fraction)) return '–';
  const value = fraction * 100;
  // 99.97 % must not read as 100 %: certainty is never claimed by rounding.
  if (value > 99 && value < 100) return `${(Math.floor(value * 10) / 10).toFixed(1)} %`;
  return `${value < 10 && value > 0 ? value.toFixed(1) : value.toFixed(0)} %`;
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(n: number): string {
  if (!Number.isFinite(n)) return '–';
  let value = n;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? plain.format(value) : value >= 100 ? plain.format(value) : oneDigit.format(value)} ${byteUnits[unit]}`;
}
