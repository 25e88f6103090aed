/* Notes that are for somebody: "@" and the name of an account. */
import { m } from '../paraglide/messages.js';

export interface Mention { id: number; incident: number; kind: 'entry' | 'handover'; item: number; account: string; who: string; text: string; written: string; read: string | null }

export interface Told { told: string[]; unreached: string[] }

/* Whom a note that was just written reaches, and which names reach nobody. */
export function whomItReaches(answer: unknown): string {
  const { told, unreached } = answer as Told;
  return [told.length > 0 ? m.mention_told({ names: told.join(', ') }) : '', unreached.length > 0 ? m.mention_unreached({ names: unreached.join(', ') }) : ''].filter(Boolean).join(' ');
}
