/* The time range of a search: a preset that moves with now, or two fixed times. */

export const PRESETS = ['15m', '1h', '4h', '24h', '7d', '30d'] as const;
export type Preset = (typeof PRESETS)[number];

export type Range = { kind: 'preset'; preset: Preset } | { kind: 'absolute'; from: Date; to: Date };

const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

export function presetMs(preset: Preset): number {
  return Number(preset.slice(0, -1)) * UNIT_MS[preset.slice(-1)]!;
}

export function resolve(range: Range, now: Date): { from: Date; to: Date } {
  if (range.kind === 'absolute') return { from: range.from, to: range.to };
  return { from: new Date(now.getTime() - presetMs(range.preset)), to: now };
}

export function isPreset(text: string | null): text is Preset {
  return PRESETS.some((preset) => preset === text);
}

export function rangeFromUrl(parameters: URLSearchParams): Range {
  const from = new Date(parameters.get('from') ?? '');
  const to = new Date(parameters.get('to') ?? '');
  if (!Number.isNaN(from.getTime()) && !Number.isNaN(to.getTime()) && from < to) return { kind: 'absolute', from, to };
  const last = parameters.get('last');
  return { kind: 'preset', preset: isPreset(last) ? last : '24h' };
}

export function rangeToUrl(range: Range, parameters: URLSearchParams): void {
  if (range.kind === 'preset') parameters.set('last', range.preset);
  else {
    parameters.set('from', range.from.toISOString());
    parameters.set('to', range.to.toISOString());
  }
}
