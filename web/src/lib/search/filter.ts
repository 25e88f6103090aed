/* Editing filter expressions without understanding all of them: where the pipes begin, quoting values, adding a condition,
 * and finding the word under the cursor for completion. The server has the only parser. */

/* Index of the first "|" outside quotes, or the length. */
export function pipeAt(expression: string): number {
  let quoted = false;
  for (let i = 0; i < expression.length; i++) {
    const c = expression[i];
    if (c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (c === '|' && !quoted) return i;
  }
  return expression.length;
}

export function hasPipe(expression: string): boolean {
  return pipeAt(expression) < expression.length;
}

/* Values and field names that mean themselves without quotes: no operator, wildcard, network or range in them. */
const BARE = /^[\p{L}\p{N}_.@-]+$/u;
const WORDS = /^(and|or|not|to|by)$/i;

export function quoteValue(value: string): string {
  if (BARE.test(value) && !WORDS.test(value) && !value.startsWith('-')) return value;
  return `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
}

export function condition(field: string, value: string, negate: boolean): string {
  return `${negate ? 'not ' : ''}${quoteValue(field)}:${quoteValue(value)}`;
}

function hasTopLevelOr(filter: string): boolean {
  let quoted = false;
  let depth = 0;
  for (let i = 0; i < filter.length; i++) {
    const c = filter[i];
    if (c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && c === '(') depth++;
    else if (!quoted && c === ')') depth--;
    else if (!quoted && depth === 0 && /^\bor\b/i.test(filter.slice(i)) && (i === 0 || /[\s)]/.test(filter[i - 1]!))) return true;
  }
  return false;
}

/* The expression with one more condition; pipes stay behind it, a top-level "or" is put in parentheses first. */
export function addCondition(expression: string, field: string, value: string, negate: boolean): string {
  const cut = pipeAt(expression);
  const filter = expression.slice(0, cut).trim();
  const pipes = expression.slice(cut).trim();
  const added = condition(field, value, negate);
  if (filter.split(/\s+and\s+/i).includes(added)) return expression;
  const kept = filter === '' ? '' : `${hasTopLevelOr(filter) ? `(${filter})` : filter} and `;
  return `${kept}${added}${pipes === '' ? '' : ` ${pipes}`}`;
}

export interface WordAtCursor {
  start: number;
  end: number;
  text: string;
}

/* The beginning of a field name that ends at the cursor, or null inside quotes and after a colon. */
export function fieldWordAt(expression: string, cursor: number): WordAtCursor | null {
  let quoted = false;
  for (let i = 0; i < cursor; i++) {
    if (expression[i] === '\\') i++;
    else if (expression[i] === '"') quoted = !quoted;
  }
  if (quoted) return null;
  let start = cursor;
  while (start > 0 && /[\p{L}\p{N}_.@]/u.test(expression[start - 1]!)) start--;
  if (start > 0 && expression[start - 1] === ':') return null;
  if (start === cursor) return null;
  let end = cursor;
  while (end < expression.length && /[\p{L}\p{N}_.@]/u.test(expression[end]!)) end++;
  return { start, end, text: expression.slice(start, cursor) };
}

/* Names that start with the word first, then names whose later part does, then names that contain it. */
export function completions(names: string[], word: string, limit = 12): string[] {
  const needle = word.toLowerCase();
  const rank = (name: string): number => {
    const lower = name.toLowerCase();
    if (lower === needle) return -1;
    if (lower.startsWith(needle)) return 0;
    if (lower.includes(`.${needle}`)) return 1;
    return lower.includes(needle) ? 2 : 3;
  };
  return names
    .map((name) => ({ name, rank: rank(name) }))
    .filter((candidate) => candidate.rank >= 0 && candidate.rank < 3)
    .sort((a, b) => a.rank - b.rank || a.name.length - b.name.length || a.name.localeCompare(b.name))
    .slice(0, limit)
    .map((candidate) => candidate.name);
}

/* Splits an expression around the character (code point) a syntax error points at. */
export function splitAtPosition(expression: string, position: number): { before: string; at: string; after: string } {
  const characters = Array.from(expression);
  const at = Math.min(position, characters.length);
  return { before: characters.slice(0, at).join(''), at: characters[at] ?? '', after: characters.slice(at + 1).join('') };
}
