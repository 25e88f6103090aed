/* The connection to /api/v1/stream: one EventSource, its state for the header, and a reconnection of our own when the browser
 * gives up (it does when the server answers anything but 200). */
import type { IncidentSummary, JsonObject, Rate } from '../api/types';
import { path } from '../api/client';
import type { Message } from './reducer';

export type ConnectionState = 'closed' | 'connecting' | 'open' | 'lost';

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;
/* The server sends a rate every second and a heartbeat every 15 s: silence for this long means a dead connection. */
const SILENCE_MS = 20_000;

export interface StreamHandlers {
  message: (message: Message) => void;
  state: (state: ConnectionState) => void;
  /* Called before each retry: `stop` when the session is gone, `plain` when this user or this filter may not have the
   * events, only findings, incidents and rates. */
  beforeRetry: (url: string) => Promise<'retry' | 'plain' | 'stop'>;
}

export class LiveSource {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private watchdog: ReturnType<typeof setInterval> | null = null;
  private retryMs = FIRST_RETRY_MS;
  private heardAt = 0;
  private url = '';
  private generation = 0;

  constructor(private readonly handlers: StreamHandlers) {}

  open(options: { events: boolean; q: string }): void {
    const url = path('/api/v1/stream', options.events ? { events: 1, q: options.q } : {});
    if (url === this.url && this.source !== null) return;
    this.close();
    this.url = url;
    this.retryMs = FIRST_RETRY_MS;
    this.connect();
  }

  close(): void {
    this.generation++;
    this.drop();
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.url = '';
    this.handlers.state('closed');
  }

  private drop(): void {
    this.source?.close();
    this.source = null;
    if (this.watchdog !== null) clearInterval(this.watchdog);
    this.watchdog = null;
  }

  private connect(): void {
    this.handlers.state('connecting');
    const source = new EventSource(this.url);
    this.source = source;
    this.heardAt = Date.now();
    source.onopen = () => {
      this.retryMs = FIRST_RETRY_MS;
      this.heardAt = Date.now();
      this.handlers.state('open');
    };
    source.onerror = () => this.lost();
    this.listen<JsonObject>(source, 'finding', (data) => ({ kind: 'finding', data }));
    this.listen<JsonObject>(source, 'event', (data) => ({ kind: 'event', data }));
    this.listen<IncidentSummary>(source, 'incident', (data) => ({ kind: 'incident', data }));
    this.listen<Rate>(source, 'rate', (data) => ({ kind: 'rate', data }));
    this.listen<JsonObject>(source, 'lagged', (data) => ({ kind: 'lagged', data }));
    this.watchdog = setInterval(() => {
      if (Date.now() - this.heardAt > SILENCE_MS) this.lost();
    }, 5000);
  }

  private listen<T>(source: EventSource, name: string, wrap: (data: T) => Message): void {
    source.addEventListener(name, (event) => {
      this.heardAt = Date.now();
      try {
        this.handlers.message(wrap(JSON.parse((event as MessageEvent<string>).data) as T));
      } catch {
        /* one broken message must not end the stream */
      }
    });
  }

  private lost(): void {
    const generation = ++this.generation;
    this.drop();
    this.handlers.state('lost');
    this.timer = setTimeout(async () => {
      const next = await this.handlers.beforeRetry(this.url);
      if (generation !== this.generation) return;
      if (next === 'stop') {
        this.close();
        return;
      }
      if (next === 'plain') this.url = path('/api/v1/stream');
      this.connect();
    }, this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }
}
