/* Words for the fixed values of the registers around incidents, and figures with their unit. */
import { m } from '../paraglide/messages.js';
import type { KpiAbout } from './api/improve';
import { figure, integer } from './format/number';

type Words = Record<string, () => string>;

export const PARTNER_KIND: Words = {
  public_body: m.partner_public_body, police: m.partner_police, expert: m.partner_expert, peer: m.partner_peer, vendor: m.partner_vendor
};
export const REDACTION: Words = { none: m.redaction_none, internal: m.redaction_internal, anonymous: m.redaction_anonymous };
export const DIRECTION: Words = { given: m.shared_given, received: m.shared_received };
export const ITEM: Words = { indicators: m.shared_indicators, sample: m.shared_sample, report: m.shared_report, advice: m.shared_advice, other: m.shared_other };
export const USEFULNESS: Words = { useful: m.shared_useful, partly: m.shared_partly, useless: m.shared_useless, unknown: m.shared_not_yet };
export const ADOPTED: Words = { yes: m.consultation_yes, partly: m.consultation_partly, no: m.consultation_no };
export const CATEGORY: Words = {
  known: m.dossier_known, mail: m.dossier_mail, web: m.dossier_web, vulnerability: m.dossier_vulnerability, zero_day: m.dossier_zero_day, targeted: m.dossier_targeted
};
export const DOSSIER_STATE: Words = {
  draft: m.dossier_draft, submitted: m.dossier_submitted, approved: m.dossier_approved, rejected: m.dossier_rejected, withdrawn: m.dossier_withdrawn,
  operating: m.dossier_operating, ended: m.dossier_ended
};
export const REFERENCE_KIND: Words = {
  law: m.reference_law, guide: m.reference_guide, form: m.reference_form, body: m.reference_body, advisory: m.reference_advisory, standard: m.reference_standard
};
export const READINESS: Words = { met: m.ready_met, missed: m.ready_missed, unknown: m.ready_unknown };
export const TLP = ['CLEAR', 'GREEN', 'AMBER', 'AMBER+STRICT', 'RED'].map((value) => ({ value, label: value }));

/* What was not measured says so. */
export function kpiFigure(about: Pick<KpiAbout, 'unit'>, value: number | null): string {
  if (value === null) return m.not_measured();
  if (about.unit === 'percent') return `${figure(value)} %`;
  if (about.unit === 'currency') return integer(value);
  return (about.unit === 'hours' ? m.kpi_hours : m.kpi_minutes)({ value: figure(value) });
}
