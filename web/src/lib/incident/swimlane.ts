/* Geometry of the timeline: one lane per system, findings placed by time. Gaps without findings are folded so that a burst of
 * seconds and a detection two hours later both stay readable; the fold is drawn, never hidden. */

export interface Mark {
  id: string;
  lane: string;
  first: number; /* ms */
  last: number;
}

export interface Placed {
  id: string;
  lane: number;
  x: number; /* 0–1 */
  x2: number;
  stack: number; /* 0 = on the lane's line; others are moved aside because of overlap */
}

export interface Segment {
  from: number;
  to: number;
  x: number;
  x2: number;
  folded: boolean;
}

export interface Layout {
  lanes: string[];
  placed: Placed[];
  segments: Segment[];
  ticks: { x: number; time: number }[];
}

const FOLDED_WIDTH = 0.05;
const LEAST_WIDTH = 0.07; /* of a segment, before scaling */
const INSET = 0.015; /* marks keep off the folds */
const MAX_SEGMENTS = 6;
const LEAST_GAP_MS = 60_000;
const LARGE_GAP = 0.4; /* of the episode it lies in */

interface Episode {
  from: number;
  to: number;
}

/* The largest gap of sorted times, as the index behind it. */
function largestGap(times: number[]): { at: number; size: number } {
  let at = 0;
  let size = 0;
  for (let i = 1; i < times.length; i++) {
    if (times[i]! - times[i - 1]! > size) {
      size = times[i]! - times[i - 1]!;
      at = i;
    }
  }
  return { at, size };
}

/* Episodes of activity: cut at a gap that is long and takes a large part of its episode, largest first. */
export function segmentsOf(times: number[]): Episode[] {
  const sorted = [...new Set(times)].sort((a, b) => a - b);
  if (sorted.length === 0) return [];
  const episodes: number[][] = [sorted];
  while (episodes.length < MAX_SEGMENTS) {
    const candidates = episodes
      .map((episode, index) => ({ index, span: episode.at(-1)! - episode[0]!, ...largestGap(episode) }))
      .filter((gap) => gap.size >= LEAST_GAP_MS && gap.size >= LARGE_GAP * gap.span)
      .sort((a, b) => b.size - a.size);
    const cut = candidates[0];
    if (!cut) break;
    const episode = episodes[cut.index]!;
    episodes.splice(cut.index, 1, episode.slice(0, cut.at), episode.slice(cut.at));
  }
  return episodes.map((episode) => ({ from: episode[0]!, to: episode.at(-1)! }));
}

function scaleSegments(bare: Episode[]): Segment[] {
  const folds = bare.length - 1;
  const room = 1 - folds * FOLDED_WIDTH;
  // Square root, so that a short burst is not squeezed to nothing beside a long episode.
  const roots = bare.map(({ from, to }) => Math.sqrt(Math.max(1, to - from)));
  const sum = roots.reduce((a, b) => a + b, 0);
  const weights = roots.map((root) => Math.max(root / sum, LEAST_WIDTH));
  const total = weights.reduce((a, b) => a + b, 0);
  const out: Segment[] = [];
  let x = 0;
  bare.forEach((segment, i) => {
    const width = (room * weights[i]!) / total;
    out.push({ ...segment, x, x2: x + width, folded: false });
    x += width;
    const next = bare[i + 1];
    if (next) {
      out.push({ from: segment.to, to: next.from, x, x2: x + FOLDED_WIDTH, folded: true });
      x += FOLDED_WIDTH;
    }
  });
  return out;
}

/* Where a time lies, 0–1. A fold shares its ends with the episodes beside it: what happens there belongs to them. */
export function position(segments: Segment[], time: number): number {
  const holds = (s: Segment) => time >= s.from && time <= s.to;
  const segment = segments.find((s) => !s.folded && holds(s)) ?? segments.find(holds);
  if (!segment) return segments.length > 0 && time > segments[0]!.from ? 1 : 0;
  const { from, to, x, x2, folded } = segment;
  if (to === from) return (x + x2) / 2;
  const inset = folded ? 0 : Math.min(INSET, (x2 - x) / 4);
  return x + inset + ((time - from) / (to - from)) * (x2 - x - 2 * inset);
}

/* `gap` is the least distance between two marks on a lane, as a share of the width. */
export function layout(marks: Mark[], gap: number): Layout {
  const lanes = [...new Set([...marks].sort((a, b) => a.first - b.first).map((mark) => mark.lane))];
  const segments = scaleSegments(segmentsOf(marks.flatMap((mark) => [mark.first])));
  const taken: number[][] = lanes.map(() => []);
  const placed = [...marks].sort((a, b) => a.first - b.first).map((mark) => {
    const lane = lanes.indexOf(mark.lane);
    const x = position(segments, mark.first);
    const rows = taken[lane]!;
    let stack = rows.findIndex((right) => x - right >= gap);
    if (stack < 0) stack = rows.length < 3 ? rows.length : 2;
    rows[stack] = x;
    return { id: mark.id, lane, x, x2: Math.max(x, position(segments, Math.max(mark.first, mark.last))), stack };
  });
  return { lanes, placed, segments, ticks: ticksOf(segments) };
}

function ticksOf(segments: Segment[]): { x: number; time: number }[] {
  const out: { x: number; time: number }[] = [];
  for (const s of segments) {
    if (s.folded) continue;
    out.push({ x: position([s], s.from), time: s.from });
    if (s.x2 - s.x > 0.22 && s.to > s.from) out.push({ x: position([s], s.to), time: s.to });
  }
  return out;
}
