/* The questions of the page of the daily work: what each asks before it changes something. */
import { m } from '../paraglide/messages.js';
import { api } from './api/client';
import type { Handover, Retrospect, Snooze, WorkItem } from './api/worklist';
import { toLocalInput } from './format/time';
import type { Ask } from './incident/pane.svelte';
import { whomItReaches } from './mentions';

const DAY_MS = 86_400_000;
const tomorrow = () => toLocalInput(new Date(Date.now() + DAY_MS)).slice(0, 16);

/* The computer's own name for an item of the list is never shown: its title is. */
export function snoozeAsk(item: WorkItem, title: string): Ask {
  return {
    title: m.worklist_snooze_title({ title }), hint: m.worklist_snooze_hint(), verb: m.worklist_snooze(), said: m.worklist_snoozed_said(),
    fields: [
      { name: 'reason', label: m.reason(), kind: 'long', required: true, most: 1000 },
      { name: 'until', label: m.risk_focus_until(), kind: 'time', required: true, value: tomorrow() }
    ],
    submit: (body) => api.changeRegister('POST', 'worklist/snoozes', { ...body, item: item.item })
  };
}

export function handoverAsk(): Ask {
  return {
    title: m.worklist_handover_add(), verb: m.save(), said: m.worklist_handover_said(),
    fields: [
      { name: 'note', label: m.worklist_handover_note(), kind: 'long', required: true, most: 4000, hint: m.mention_hint() },
      { name: 'to', label: m.worklist_handover_to(), most: 100 },
      { name: 'until', label: m.risk_focus_until(), kind: 'time', required: true, value: tomorrow(), hint: m.worklist_handover_until_hint() }
    ],
    more: whomItReaches,
    submit: (body) => api.changeRegister('POST', 'worklist/handovers', body)
  };
}

/* A note or a snooze ends with a reason; nothing is deleted. */
export function endAsk(register: 'handovers' | 'snoozes', entry: Handover | Snooze): Ask {
  const title = register === 'handovers' ? m.worklist_handover_end() : m.worklist_wake();
  return {
    title, verb: title, said: m.worklist_ended_said(),
    fields: [{ name: 'reason', label: m.risk_focus_end_reason(), required: true, most: 1000 }],
    submit: (body) => api.changeRegister('DELETE', `worklist/${register}/${entry.id}?${new URLSearchParams({ reason: String(body.reason) })}`)
  };
}

export const changeRetrospect = (row: Retrospect, body: Record<string, unknown>) => api.changeRegister('PATCH', `retrospects/${row.id}`, body);

export function retrospectAsk(row: Retrospect, title: string, to: 'done' | 'waived'): Ask {
  const done = to === 'done';
  return {
    title: done ? title : m.work_waive_title({ task: title }), verb: done ? m.work_mark_done() : m.work_waive(), said: m.work_task_saved(),
    fields: [done ? { name: 'result', label: m.retrospect_result(), kind: 'long', required: true, most: 4000 } : { name: 'reason', label: m.reason(), kind: 'long', required: true, most: 4000 }],
    submit: (body) => changeRetrospect(row, { ...body, status: to })
  };
}
