/* A finding as the live page shows it, made from what the stream or /findings sends. Unknown members are ignored and missing
 * ones become "": a finding that arrives is shown, whatever it lacks. */
import type { Json, JsonObject, Language, Level, Text } from '../api/types';

export interface Finding {
  key: string;
  ruleId: string;
  title: Text;
  level: Level;
  time: string;
  host: string;
  ip: string;
  user: string;
  department: string;
  system: Text;
  peer: string;
  incidentId: string;
  eventId: string;
}

const levels: Level[] = ['informational', 'low', 'medium', 'high', 'critical'];

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function first(...values: (Json | undefined)[]): string {
  for (const value of values) {
    const found = text(Array.isArray(value) ? value[0] : value);
    if (found !== '') return found;
  }
  return '';
}

export function titleOf(rule: Json | undefined, japanese: Json | undefined, fallback: string): Text {
  const both = object(rule);
  const en = first(both.en, rule, both.ja, fallback);
  return { en, ja: first(both.ja, japanese, en) };
}

export function localised(title: Text, language: Language): string {
  return (language === 'ja' ? title.ja : title.en) || title.en || title.ja;
}

export function toLevel(value: Json | undefined): Level {
  return levels.find((level) => level === value) ?? 'informational';
}

/* `ordinal` keeps keys apart when the server sends no id. */
export function toFinding(raw: JsonObject, ordinal: number): Finding {
  const entities = object(raw.entities);
  const ruleId = first(raw.rule_id, raw.instrument);
  return {
    key: `${ordinal}`,
    ruleId,
    title: titleOf(raw.rule ?? raw.title, raw.rule_ja ?? raw.title_ja, ruleId),
    level: toLevel(raw.level),
    time: first(raw.time, raw.last, raw.first),
    host: first(entities.host),
    ip: first(entities.ip),
    user: first(entities.user),
    department: first(entities.department),
    system: titleOf(raw.system_name ?? raw.system, undefined, first(raw.system, raw.product)),
    peer: first(raw.peer),
    incidentId: first(raw.incident_id, raw.incident),
    eventId: first(raw.event_id, raw.event_ids, raw.sequence)
  };
}
