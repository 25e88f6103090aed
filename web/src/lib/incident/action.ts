/* Questions that move an improvement on: carried out with something to show for it, done with its effect, or dropped with the reason. */
import { m } from '../../paraglide/messages.js';
import { api } from '../api/client';
import type { Improvement } from '../api/improve';
import type { Ask } from './pane.svelte';

const verbs = { carried_out: m.improve_carry_out, done: m.improve_measure, dropped: m.work_action_drop };

export function actionAsk(action: Pick<Improvement, 'id' | 'incident' | 'title'>, to: keyof typeof verbs): Ask {
  const told = to === 'carried_out' ? { name: 'evidence', label: m.improve_evidence() } : { name: 'effect', label: m.work_effect() };
  return {
    title: action.title, verb: verbs[to](), said: m.work_review_saved(),
    fields: [{ ...told, kind: 'long', required: true, most: 4000 }, ...(to === 'carried_out' ? [{ name: 'measure_due', label: m.improve_measure_due(), kind: 'time' as const }] : [])],
    submit: (body) => api.changeWork('PATCH', String(action.incident), `review/actions/${action.id}`, { ...body, status: to })
  };
}
