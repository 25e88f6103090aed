/* Shapes of the everyday trends: /api/v1/trends. */
import type { Text } from './types';

export interface TrendDimension {
  name: string;
  title: Text;
  by: string[];
}

export interface Trends {
  days: number;
  keys: number;
  first_day: string | null;
  out_of_range: number;
  dimensions: TrendDimension[];
}

export interface TrendTop {
  from: string;
  to: string;
  title: Text;
  by: string[];
  total: number;
  keys: number;
  other: number;
  short_by: number;
  query: string;
  rows: { key: string; values: string[]; count: number; query: string }[];
}

export interface TrendBin {
  time: string;
  count: number;
  expected: number | null;
  low: number | null;
  high: number | null;
}

export interface TrendSeries {
  query: string;
  bins: TrendBin[];
}
