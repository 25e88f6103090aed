/* Words of the fleet page: questions, states, reasons, paths and criteria by the names of the API. An unknown name stands for itself. */
import { m } from '../paraglide/messages.js';
import type { FleetColour } from './api/types';

type Words = Record<string, () => string>;
const questions: Words = {
  coverage: m.fleet_q_coverage, unmanaged: m.fleet_q_unmanaged, agents: m.fleet_q_agents, tampering: m.fleet_q_tampering, engines: m.fleet_q_engines,
  patterns: m.fleet_q_patterns, updates: m.fleet_q_updates, full_scans: m.fleet_q_full_scans, scan_durations: m.fleet_q_scan_durations, late: m.fleet_q_late, firewall_policy:
  m.fleet_q_firewall_policy, firewall_data: m.fleet_q_firewall_data, refusals: m.fleet_q_refusals, patches: m.fleet_q_patches, functions:
  m.fleet_q_functions
};
const states: Words = {
  healthy: m.fleet_s_healthy, unhealthy: m.fleet_s_unhealthy, no_antivirus: m.fleet_s_no_antivirus, exempt: m.fleet_s_exempt, unmanaged:
  m.fleet_s_unmanaged, unregistered: m.fleet_s_unregistered, managed: m.fleet_s_managed, never_seen: m.fleet_s_never_seen, up: m.fleet_s_up, off:
  m.fleet_s_off, silent: m.fleet_s_silent, absent: m.fleet_s_absent, unknown: m.fleet_s_unknown, sign: m.fleet_s_sign, none: m.fleet_s_none, current:
  m.fleet_s_current, allowed: m.fleet_s_allowed, obsolete: m.fleet_s_obsolete, unlisted: m.fleet_s_unlisted, green: m.fleet_s_green, amber:
  m.fleet_s_amber, red: m.fleet_s_red, reached: m.fleet_s_reached, on_the_way: m.fleet_s_on_the_way, behind: m.fleet_s_behind, compliant:
  m.fleet_s_compliant, overdue: m.fleet_s_overdue, never: m.fleet_s_never, late: m.fleet_s_late, since_unknown: m.fleet_s_since_unknown, drifted:
  m.fleet_s_drifted, disabled: m.fleet_s_disabled, contradicted: m.fleet_s_contradicted, refused: m.fleet_s_refused, admitted: m.fleet_s_admitted,
  pending: m.fleet_s_pending, within: m.fleet_s_within, long: m.fleet_s_long, unended: m.fleet_s_unended, running: m.fleet_s_running
};
const reasons: Words = {
  realtime_assumed: m.fleet_r_realtime_assumed, no_agent: m.fleet_r_no_agent,
  removed: m.fleet_r_removed, stopped: m.fleet_r_stopped, realtime_off: m.fleet_r_realtime_off, disabled: m.fleet_r_disabled, silent: m.fleet_r_silent,
  never_heard: m.fleet_r_never_heard, feed_silent: m.fleet_r_feed_silent, too_little_traffic: m.fleet_r_too_little_traffic, no_heartbeats:
  m.fleet_r_no_heartbeats, realtime_not_told: m.fleet_r_realtime_not_told, exclusion_added: m.fleet_r_exclusion_added, tampered: m.fleet_r_tampered,
  not_told: m.fleet_r_not_told, unreadable: m.fleet_r_unreadable, cancelled_or_failed: m.fleet_r_cancelled_or_failed, started_not_completed:
  m.fleet_r_started_not_completed, policy_not_told: m.fleet_r_policy_not_told, nothing_assigned: m.fleet_r_nothing_assigned, enabled_not_told:
  m.fleet_r_enabled_not_told, known_exploited: m.fleet_r_known_exploited, paused: m.fleet_r_paused
};
const paths: Words = {
  mail: m.fleet_path_mail, web: m.fleet_path_web, server: m.fleet_path_server, client: m.fleet_path_client
};
const criteria: Words = {
  arriving: m.fleet_c_arriving, updates_current: m.fleet_c_updates_current, policy_of_our_own: m.fleet_c_policy_of_our_own, acknowledged:
  m.fleet_c_acknowledged, reviewed: m.fleet_c_reviewed, tested: m.fleet_c_tested
};

const word = (words: Words, name: string): string => words[name]?.() ?? name;

export const questionWord = (name: string) => word(questions, name);
export const stateWord = (name: string) => word(states, name);
export const reasonWord = (name: string) => word(reasons, name);
export const pathWord = (name: string) => word(paths, name);
export const criterionWord = (name: string) => word(criteria, name);

/* The console's levels: 0 none, 1 good, 2 look at it, 4 bad. */
export const levelOf: Record<FleetColour, number> = { grey: 0, green: 1, amber: 2, red: 4 };
