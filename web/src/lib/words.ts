/* Words for the fixed values of the API, in the user's language. Functions, not tables of strings: the language may change
 * while the page is open. */
import { m } from '../paraglide/messages.js';
import type { IncidentState, Language, Level, Posture, Text } from './api/types';
import { Problem } from './api/problem';
import { preferences } from './state/preferences.svelte';

const judgements = [m.level_unknown, m.level_1, m.level_2, m.level_3, m.level_4];

export function judgementWord(value: number): string {
  return (judgements[value] ?? m.level_unknown)();
}

/* Addresses of others, which an incident may be about. */
export function outsideOf(addresses: string[]): string {
  return addresses.length > 0 ? m.outside_named({ addresses: addresses.join(', ') }) : '';
}

const findingLevels: Record<Level, { rank: number; word: () => string }> = {
  informational: { rank: 0, word: m.finding_informational },
  low: { rank: 1, word: m.finding_low },
  medium: { rank: 2, word: m.finding_medium },
  high: { rank: 3, word: m.finding_high },
  critical: { rank: 4, word: m.finding_critical }
};

export function levelRank(level: Level): number {
  return findingLevels[level]?.rank ?? 0;
}

export function levelWord(level: Level): string {
  return (findingLevels[level]?.word ?? m.level_unknown)();
}

const postures: Record<Posture, { rank: number; word: () => string; long: () => string }> = {
  green: { rank: 1, word: m.posture_green, long: m.posture_green_long },
  yellow: { rank: 2, word: m.posture_yellow, long: m.posture_yellow_long },
  orange: { rank: 3, word: m.posture_orange, long: m.posture_orange_long },
  red: { rank: 4, word: m.posture_red, long: m.posture_red_long },
  unknown: { rank: 0, word: m.unknown, long: m.posture_unknown_long }
};

export function postureRank(posture: Posture | undefined): number {
  return posture === undefined ? 0 : (postures[posture]?.rank ?? 0);
}

export function postureWord(posture: Posture | undefined): string {
  return (posture === undefined ? m.not_measured : (postures[posture]?.word ?? m.not_measured))();
}

export function postureLong(posture: Posture | undefined): string {
  return (posture === undefined ? m.not_measured : (postures[posture]?.long ?? m.not_measured))();
}

const stateWords: Record<IncidentState, () => string> = {
  new: m.state_new, triage: m.state_triage, investigating: m.state_investigating, containing: m.state_containing,
  eradicating: m.state_eradicating, recovering: m.state_recovering, monitoring: m.state_monitoring, review: m.state_review,
  closed: m.state_closed, on_hold: m.state_on_hold, false_positive: m.state_false_positive, merged: m.state_merged,
  duplicate: m.state_duplicate, exercise: m.state_exercise, reopened: m.state_reopened
};

/* The way of an incident, in order; the side states come last. */
const stateOrder = Object.keys(stateWords) as IncidentState[];

/* The step most likely wanted: the next one along the way, else the first that is allowed. */
export function likelyNext(from: IncidentState, allowed: IncidentState[]): IncidentState | undefined {
  const along = stateOrder.filter((state) => allowed.includes(state));
  return along.find((state) => stateOrder.indexOf(state) > stateOrder.indexOf(from)) ?? along[0];
}

/* Candidates are no incidents yet: they appear in histories only. */
export function stateWord(state: IncidentState | 'candidate'): string {
  return state === 'candidate' ? m.state_candidate() : (stateWords[state] ?? (() => state))();
}

/* A value of the response record: states by their words, nothing as a sign. */
export function recordedWord(table: string, field: string, value: string): string {
  if (value === '') return '∅';
  const isState = (table === 'incident' && field === 'state') || (table === 'incident_change' && (field === 'from_state' || field === 'to_state'));
  return isState ? stateWord(value as IncidentState) : value;
}

const recordStages: Record<string, () => string> = {
  'stage:intended': m.record_stage_intended, 'stage:done': m.record_stage_done, 'stage:withdrawn': m.record_stage_withdrawn,
  'origin:command-line': m.record_origin_command
};

export function recordEvidence(evidence: string): string {
  return (recordStages[evidence] ?? (() => evidence))();
}

const stages: Record<string, () => string> = {
  exposure: m.stage_exposure, stopped: m.stage_stopped, executed: m.stage_executed, c2_suspected: m.stage_c2_suspected,
  c2_denied: m.stage_c2_denied, c2_allowed: m.stage_c2_allowed, outward_attack: m.stage_outward_attack,
  mail_denied: m.stage_mail_denied, outward_mail: m.stage_outward_mail,
  spreading: m.stage_spreading, exfiltration: m.stage_exfiltration, encryption: m.stage_encryption, harm: m.stage_harm, unknown: m.stage_unknown
};

export function stageWord(stage: string): string {
  return (stages[stage] ?? (() => stage))();
}

const roles: Record<string, () => string> = {
  analyst: m.role_analyst, lead: m.role_lead, helpdesk: m.role_helpdesk, department: m.role_department, approver: m.role_approver,
  auditor: m.role_auditor, administrator: m.role_administrator, vendor: m.role_vendor
};

export function roleWord(role: string): string {
  return (roles[role] ?? (() => role))();
}

const reasonNames: Record<string, () => string> = {
  criteria: m.reason_criteria, criteria_version: m.reason_criteria, stage: m.stage, rule_id: m.rule_id, rule: m.rule, hosts_within_hour: m.reason_hosts_within_hour,
  registered: m.reason_registered, prior: m.reason_prior, correlation: m.reason_correlation, posterior: m.reason_posterior, calibrated: m.reason_calibrated,
  likelihood_ratio: m.likelihood_ratio, evidence_group: m.evidence_group, modifiers: m.reason_modifiers, modifier: m.reason_modifier, step: m.reason_step
};

const modifiers: Record<string, () => string> = {
  ongoing_and_spreading: m.modifier_ongoing_and_spreading, orange_of_same_class: m.modifier_orange_of_same_class, isolated: m.modifier_isolated
};

/* What moves the urgency up or down (content/judgement.yml). */
export function modifierWord(modifier: string): string {
  return (modifiers[modifier] ?? (() => modifier.replaceAll('_', ' ')))();
}

/* The name of an input of a judgement; a name this console does not know is shown as it is. */
export function reasonName(name: string): string {
  return (reasonNames[name] ?? (() => name.replaceAll('_', ' ')))();
}

const evidenceGroups: Record<string, () => string> = {
  c2_flow: m.evidence_c2_flow, process: m.evidence_process, av: m.evidence_av, destination: m.evidence_destination,
  outward_attack: m.evidence_outward_attack, agent_state: m.evidence_agent_state, scan: m.evidence_scan,
  outward_exploit: m.evidence_outward_exploit, inside_exploit: m.evidence_inside_exploit, mx_query: m.evidence_mx_query, spam: m.evidence_spam, user_report: m.evidence_user_report,
  business_context: m.evidence_business_context, dns_tunnel: m.evidence_dns_tunnel, mail: m.evidence_mail, persistence: m.evidence_persistence,
  listening_port: m.evidence_listening_port, removable: m.evidence_removable, remote_access: m.evidence_remote_access, account: m.evidence_account,
  credential: m.evidence_credential, exfiltration: m.evidence_exfiltration, recovery: m.evidence_recovery, encryption: m.evidence_encryption,
  watched_port: m.evidence_watched_port, rare_port: m.evidence_rare_port, condition: m.evidence_condition, coverage: m.evidence_coverage, policy: m.evidence_policy,
  alarms: m.evidence_alarms, alarms_spread: m.evidence_alarms_spread, approached: m.evidence_approached, control_test: m.evidence_control_test,
  department: m.evidence_department, dns_bypass: m.evidence_dns_bypass, doh: m.evidence_doh, exposure: m.evidence_exposure,
  generated_names: m.evidence_generated_names, icmp_tunnel: m.evidence_icmp_tunnel, inbound_reputation: m.evidence_inbound_reputation,
  person: m.evidence_person, sequence: m.evidence_sequence, tracks: m.evidence_tracks, trend: m.evidence_trend, upload: m.evidence_upload
};

export function isEvidenceGroup(group: string): boolean {
  return group in evidenceGroups;
}

export function evidenceWord(group: string): string {
  return (evidenceGroups[group] ?? (() => group.replaceAll('_', ' ')))();
}

export function local(text: Text | string | undefined, language: Language = preferences.language): string {
  if (text === undefined) return '';
  if (typeof text === 'string') return text;
  return (language === 'ja' ? text.ja : text.en) || text.en || text.ja || '';
}

/* What went wrong and, where we know, what to do: the server's own sentence first. */
export function problemText(error: unknown): string {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error);
  if (error.isOffline) return m.error_offline();
  const said = [error.title(preferences.language), error.detail(preferences.language)].filter((part) => part !== '');
  const text = [...new Set(said)].join(': ') || m.error_http({ status: String(error.status) });
  return error.retryAfterSeconds === null ? text : `${text} ${m.error_retry_after({ seconds: String(error.retryAfterSeconds) })}`;
}
