/* Reading ECS documents: nested JSON to flat dotted fields, grouped for the expanded row. */
import type { Json, JsonObject } from '../api/types';

export interface Field {
  name: string;
  values: string[];
}

export interface FieldGroup {
  name: string;
  fields: Field[];
}

function display(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function walk(prefix: string, value: Json, out: Map<string, string[]>): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(prefix, item, out);
    if (value.length === 0) out.set(prefix, out.get(prefix) ?? []);
    return;
  }
  if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) walk(prefix === '' ? name : `${prefix}.${name}`, inner, out);
    return;
  }
  const list = out.get(prefix);
  if (list) list.push(display(value));
  else out.set(prefix, [display(value)]);
}

export function flatten(document: JsonObject): Map<string, string[]> {
  const out = new Map<string, string[]>();
  walk('', document, out);
  return out;
}

/* Values of one dotted field, whether the document is nested, flat or a mixture. */
export function valuesOf(document: JsonObject, name: string): string[] {
  const direct = document[name];
  if (direct !== undefined && (typeof direct !== 'object' || direct === null || Array.isArray(direct))) {
    return (Array.isArray(direct) ? direct : [direct]).filter((v) => v !== null).map(display);
  }
  let here: Json = document;
  const names = name.split('.');
  for (let i = 0; i < names.length; i++) {
    if (typeof here !== 'object' || here === null || Array.isArray(here)) return [];
    const rest = here[names.slice(i).join('.')];
    if (rest !== undefined) {
      here = rest;
      break;
    }
    const next: Json | undefined = here[names[i]!];
    if (next === undefined) return [];
    here = next;
  }
  if (here === null) return [];
  if (Array.isArray(here)) return here.map(display);
  return [typeof here === 'object' ? JSON.stringify(here) : display(here)];
}

export function rawLine(document: JsonObject): string {
  return valuesOf(document, 'event.original')[0] ?? '';
}

/* event.original is shown by itself; members that start with "_" are the console's own. */
export function groups(document: JsonObject): FieldGroup[] {
  const byGroup = new Map<string, Field[]>();
  for (const [name, values] of flatten(document)) {
    if (name.startsWith('_') || name === 'event.original') continue;
    const group = name.includes('.') ? name.slice(0, name.indexOf('.')) : '';
    const fields = byGroup.get(group);
    if (fields) fields.push({ name, values });
    else byGroup.set(group, [{ name, values }]);
  }
  return [...byGroup]
    .map(([name, fields]) => ({ name, fields: fields.sort((a, b) => a.name.localeCompare(b.name)) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/* One line that says what the event is, from whatever it has. */
export function summary(document: JsonObject): string {
  const pick = (name: string) => valuesOf(document, name)[0] ?? '';
  const source = pick('source.ip') || pick('host.ip') || pick('host.name');
  const port = pick('destination.port');
  const target = pick('destination.ip') || pick('destination.domain') || pick('url.domain') || pick('dns.question.name');
  const who = [source, target ? `→ ${target}${port ? `:${port}` : ''}` : ''].filter(Boolean).join(' ');
  const what = pick('event.action') || pick('event.outcome') || pick('event.code');
  const text = pick('message') || rawLine(document);
  return [what, who].filter(Boolean).join('  ') || text;
}
