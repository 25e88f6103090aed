/* Who is logged in, and what to show while nobody is. */
import { api } from '../api/client';
import { Problem } from '../api/problem';
import type { Language, Permission, Session } from '../api/types';
import { preferences } from './preferences.svelte';

export type SessionPhase = 'unknown' | 'setup' | 'anonymous' | 'ready' | 'offline';

const OFFLINE_RETRY_MS = 3000;

class SessionState {
  phase = $state<SessionPhase>('unknown');
  current = $state.raw<Session | null>(null);
  /* True when a session ended by itself, so that the login page can say so. */
  expired = $state(false);

  constructor() {
    api.onUnauthorised = () => this.lost();
  }

  may(permission: Permission): boolean {
    return this.current?.permissions.includes(permission) ?? false;
  }

  async start(): Promise<void> {
    try {
      if (await api.setupNeeded()) {
        this.phase = 'setup';
        return;
      }
      this.begin(await api.session());
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.phase = 'anonymous';
      else {
        this.phase = 'offline';
        setTimeout(() => void this.start(), OFFLINE_RETRY_MS);
      }
    }
  }

  begin(session: Session): void {
    this.current = session;
    this.expired = false;
    this.phase = 'ready';
    if (session.language === 'ja' || session.language === 'en') preferences.setLanguage(session.language);
  }

  lost(): void {
    if (this.phase !== 'ready') return;
    this.current = null;
    this.expired = true;
    this.phase = 'anonymous';
  }

  async logout(): Promise<void> {
    try {
      await api.logout();
    } finally {
      this.current = null;
      this.expired = false;
      this.phase = 'anonymous';
    }
  }

  async setLanguage(language: Language): Promise<void> {
    preferences.setLanguage(language);
    if (this.phase === 'ready') await api.setLanguage(language).catch(() => {});
  }
}

export const session = new SessionState();
