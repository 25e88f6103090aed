/* Words for the fixed values of the work on an incident, in the user's language. */
import { m } from '../paraglide/messages.js';
import { api } from './api/client';
import type { Approval, Authority } from './api/work';
import { preferences } from './state/preferences.svelte';
import { local, roleWord, stateWord } from './words';
import type { IncidentState } from './api/types';

type Words = Record<string, () => string>;

export const TASK_STATUS: Words = { open: m.work_task_open, doing: m.work_task_doing, done: m.work_task_done, waived: m.work_task_waived };
export const APPROVAL_STATUS: Words = {
  proposed: m.work_approval_proposed, checked: m.work_approval_checked, approved: m.work_approval_approved, rejected: m.work_approval_rejected,
  withdrawn: m.work_approval_withdrawn, emergency: m.work_approval_emergency, expired: m.work_ran_out
};
export const HOST_STATUS: Words = {
  detected: m.work_host_detected, acted: m.work_host_acted, contained: m.work_host_contained, verified_clean: m.work_host_clean, closed: m.work_host_closed
};
export const EVIDENCE_TYPE: Words = {
  disk: m.work_evidence_disk, memory: m.work_evidence_memory, log: m.work_evidence_log, pcap: m.work_evidence_pcap, mail: m.work_evidence_mail,
  photo: m.work_evidence_photo, device: m.work_evidence_device, file: m.work_evidence_file
};
export const CUSTODY_KIND: Words = { receive: m.custody_receive, hold: m.custody_hold, release: m.custody_release, retain: m.custody_retain, disposal: m.custody_disposal,
  ask_release: m.custody_ask_release, ask_dispose: m.custody_ask_dispose
};
export const CUSTODY_ENTRY: Words = {
  transfer: m.custody_entry_transfer, receive: m.custody_entry_receive, access: m.custody_entry_access, hold: m.custody_entry_hold,
  release: m.custody_entry_release, retain: m.custody_entry_retain, disposal: m.custody_entry_disposal
};
export const VECTOR: Words = {
  mail: m.vector_mail, web: m.vector_web, download: m.vector_download, network_exploit: m.vector_network_exploit, removable_media: m.vector_removable_media,
  brought_in_pc: m.vector_brought_in_pc, supply_chain: m.vector_supply_chain, remote_access: m.vector_remote_access, unknown: m.vector_unknown
};
export const EVIDENCE_PURPOSE: Words = { examination: m.work_purpose_examination, eradication: m.work_purpose_eradication, false_alarm: m.work_purpose_false_alarm, offline_scan: m.work_purpose_offline_scan, rebuild: m.work_purpose_rebuild };
export const DEVICE: Words = { firewall: m.work_device_firewall, proxy: m.work_device_proxy, dns: m.work_device_dns, access: m.work_device_access };
export const BLOCK_STATUS: Words = {
  requested: m.work_block_requested, approved: m.work_approval_approved, active: m.work_block_active, verified: m.work_block_verified,
  removed: m.work_block_removed, expired: m.work_ran_out
};
export const ORDER_STATUS: Words = {
  waiting: m.order_waiting, done: m.order_done, failed: m.order_failed, refused: m.order_refused, withdrawn: m.order_withdrawn
};
export const ORDER_ACT: Words = { carry_out: m.order_act_carry_out, undo: m.order_act_undo, test: m.order_act_test };
export const CONNECTOR_KIND: Words = { webhook: m.connect_kind_webhook, command: m.connect_kind_command, radius: m.connect_kind_radius };
export const ORDER_LEVEL: Record<string, number> = { waiting: 2, done: 1, failed: 4, refused: 3, withdrawn: 0 };
export const ACTION_STATUS: Words = { open: m.work_task_open, carried_out: m.improve_carried_out, done: m.work_task_done, dropped: m.work_action_dropped };
export const HOLD_REASON: Words = { user: m.work_hold_user, approval: m.work_hold_approval, vendor: m.work_hold_vendor, evidence: m.work_hold_evidence };
export const RECORD_ACTION: Words = {
  observe: m.work_record_observe, judge: m.work_record_judge, instruct: m.work_record_instruct, execute: m.work_record_execute,
  approve: m.work_record_approve, reject: m.work_record_reject, report: m.work_record_report, contact: m.work_record_contact, correct: m.work_record_correct, close: m.work_record_close
};

export const TASK_STAGES: IncidentState[] = ['triage', 'investigating', 'containing', 'eradicating', 'recovering', 'monitoring', 'review'];
export const stageOfTask = (stage: string): string => stateWord(stage as IncidentState);

/* A value this console does not know is shown as it is. */
export function word(words: Words, value: string): string {
  return (words[value] ?? (() => value.replaceAll('_', ' ')))();
}

export function choices(words: Words): { value: string; label: string }[] {
  return Object.entries(words).map(([value, label]) => ({ value, label: label() }));
}

let asked: Promise<Authority> | null = null;

/* Who may decide what; read once. */
export function authority(): Promise<Authority> {
  asked ??= api.authority().catch((problem) => {
    asked = null;
    throw problem;
  });
  return asked;
}

export function deciderWord(known: Authority | null, role: string): string {
  return local(known?.roles.find((row) => row.role === role)?.title) || role;
}

export function decisionTitle(known: Authority | null, row: Pick<Approval, 'action' | 'scope'>): string {
  return local(known?.rows.find(({ action, scope }) => action === row.action && scope === row.scope)?.title) || `${row.action} ${row.scope}`;
}

/* Roles of an entry of the record ("approver;lead"): those of the accounts, and those of the authority matrix. */
export function rolesWord(known: Authority | null, roles: string): string {
  return roles.split(';').map((role) => (known?.roles.some((row) => row.role === role) ? deciderWord(known, role) : roleWord(role))).join(', ');
}

/* Decisions that still can be signed. */
export function isWaiting({ status }: Approval): boolean {
  return status === 'proposed' || status === 'checked' || status === 'emergency';
}

/* Sentences of the server in the record are in both languages, "English / Japanese": the half that is read here. What people
 * wrote is left alone. */
export function spoken(text: string): string {
  const [, en, ja] = /^([\x20-\x7e]+) \/ (\S*[\u3040-\u30ff\u3400-\u9fff].*)$/s.exec(text) ?? [];
  return en === undefined || ja === undefined ? text : preferences.language === 'ja' ? ja : en;
}
