/* /api/v1/status, asked every few seconds while the page is visible. */
import { api } from '../api/client';
import type { Status } from '../api/types';

const EVERY_MS = 5000;

class StatusState {
  current = $state.raw<Status | null>(null);
  private timer: ReturnType<typeof setInterval> | null = null;

  start(): void {
    if (this.timer !== null) return;
    void this.refresh();
    this.timer = setInterval(() => {
      if (!document.hidden) void this.refresh();
    }, EVERY_MS);
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  async refresh(): Promise<void> {
    try {
      this.current = await api.status();
    } catch {
      /* the header shows the lost connection; the last status stays, with its own time */
    }
  }
}

export const status = new StatusState();
