/* What the query bars share: the field names of this installation and the queries of this browser. */
import { api } from '../api/client';
import { store } from './preferences.svelte';

const HISTORY_LIMIT = 30;

let names = $state.raw<string[]>([]);
let loading: Promise<void> | null = null;

export function fieldNames(): string[] {
  return names;
}

export function loadFields(): Promise<void> {
  loading ??= api.fields().then(
    (fields) => void (names = fields.map((field) => field.name)),
    () => void (loading = null) // completion is a convenience: the next focus tries again
  );
  return loading;
}

class QueryHistory {
  list = $state<string[]>(QueryHistory.read());

  private static read(): string[] {
    try {
      const kept: unknown = JSON.parse(localStorage.getItem('hyakuyo.queries') ?? '[]');
      return Array.isArray(kept) ? kept.filter((item): item is string => typeof item === 'string').slice(0, HISTORY_LIMIT) : [];
    } catch {
      return [];
    }
  }

  add(expression: string): void {
    const text = expression.trim();
    if (text === '') return;
    this.list = [text, ...this.list.filter((kept) => kept !== text)].slice(0, HISTORY_LIMIT);
    store('queries', JSON.stringify(this.list));
  }
}

export const queryHistory = new QueryHistory();
