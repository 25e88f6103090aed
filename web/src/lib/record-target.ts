/* What an entry of the response record is about, in words. */
import { m } from '../paraglide/messages.js';

const TARGETS: Record<string, (inputs: { id: string }) => string> = {
  incident: m.target_incident, task: m.target_task, approval: m.target_approval, evidence: m.target_evidence, host: m.target_host, entry: m.target_entry,
  hearing: m.target_hearing, countermeasure: m.target_countermeasure, review: m.target_review, action: m.target_action, order: m.target_order,
  contact: m.target_contact, deadline: m.target_deadline, form: m.target_form, report: m.target_report, notice: m.target_notice, message: m.target_message,
  source: m.target_source, login: m.target_login, vendor: m.target_vendor, user_report: m.target_user_report
};

/* What an entry of the record is about: "task/46" in words. What this console has no word for is shown as it is. */
export function targetWord(target: string): string {
  const [, kind, id] = /^([a-z_]+)\/(.+)$/.exec(target) ?? [];
  return kind !== undefined && id !== undefined ? (TARGETS[kind]?.({ id }) ?? target) : target;
}
