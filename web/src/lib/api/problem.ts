/* A failed request as a person should read it. The server answers RFC 9457 problem JSON with both languages; anything else
 * (no connection, a proxy's page) becomes a problem of our own with status 0 or the HTTP status. */
import type { Language } from './types';

export interface ProblemBody {
  type?: string;
  title?: string;
  title_ja?: string;
  detail?: string;
  detail_ja?: string;
  status?: number;
  position?: number;
}

export class Problem extends Error {
  readonly status: number;
  readonly body: ProblemBody;
  readonly retryAfterSeconds: number | null;

  constructor(status: number, body: ProblemBody, retryAfterSeconds: number | null = null) {
    super(body.detail ?? body.title ?? `HTTP ${status}`);
    this.name = 'Problem';
    this.status = status;
    this.body = body;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /* 0-based character (code point) of a syntax error in a filter expression. */
  get position(): number | null {
    const { position } = this.body;
    return typeof position === 'number' && Number.isInteger(position) && position >= 0 ? position : null;
  }

  title(language: Language): string {
    return (language === 'ja' ? this.body.title_ja : this.body.title) ?? this.body.title ?? '';
  }

  detail(language: Language): string {
    return (language === 'ja' ? this.body.detail_ja : this.body.detail) ?? this.body.detail ?? '';
  }

  /* No answer at all: the server is down or the network is. */
  get isOffline(): boolean {
    return this.status === 0;
  }
}

export function problemFromBody(status: number, text: string, retryAfter: string | null): Problem {
  const seconds = retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null;
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return new Problem(status, body as ProblemBody, seconds);
  } catch {
    /* not JSON: fall through */
  }
  return new Problem(status, {}, seconds);
}
