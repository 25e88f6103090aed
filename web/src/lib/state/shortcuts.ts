/* Keys that work everywhere: g then a letter jumps to a page, / focuses the search, j and k walk a list, ? shows them all.
 * Lists mark what can be focused with data-row, the page's search field carries data-search. */
import { router, type Page } from './router.svelte';

export const JUMPS: Record<string, Page> = { l: 'live', s: 'search', i: 'incidents', a: 'approvals', t: 'intake', o: 'sources', r: 'rules', n: 'intel', f: 'fleet', q: 'hosts', p: 'posture', u: 'instruments', w: 'trends', c: 'coverage', e: 'exceptions', d: 'reports', h: 'record', x: 'risk', b: 'contacts', v: 'vendors', k: 'improvement', j: 'library', m: 'notifications', y: 'system' };
const SEQUENCE_MS = 1200;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function visibleRows(): HTMLElement[] {
  const root: ParentNode = document.querySelector('main') ?? document;
  return [...root.querySelectorAll<HTMLElement>('[data-row]')].filter((row) => row.offsetParent !== null);
}

function walk(step: number): boolean {
  const rows = visibleRows();
  if (rows.length === 0) return false;
  const here = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, here + step));
  rows[next]!.focus({ preventScroll: true });
  rows[next]!.scrollIntoView({ block: 'nearest' });
  return true;
}

function focusSearch(): void {
  const field = document.querySelector<HTMLElement>('main [data-search]');
  if (field) field.focus();
  else {
    router.go('search');
    requestAnimationFrame(() => setTimeout(() => document.querySelector<HTMLElement>('main [data-search]')?.focus(), 50));
  }
}

export function installShortcuts(showHelp: () => void): () => void {
  let jumpUntil = 0;
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
    if (document.querySelector('[role="dialog"][data-state="open"]')) return;
    const page = JUMPS[event.key];
    if (Date.now() < jumpUntil && page) {
      jumpUntil = 0;
      router.go(page);
    } else if (event.key === 'g') jumpUntil = Date.now() + SEQUENCE_MS;
    else if (event.key === '/') focusSearch();
    else if (event.key === '?') showHelp();
    else if (event.key !== 'j' && event.key !== 'k') return;
    else if (!walk(event.key === 'j' ? 1 : -1)) return;
    event.preventDefault();
  };
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
}
