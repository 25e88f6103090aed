/* One lazily loaded part of the work on an incident: what was read, what went wrong, and reading it again. */

export class Pane<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  private readonly read: () => Promise<T>;

  constructor(read: () => Promise<T>) {
    this.read = read;
  }

  load = async (): Promise<void> => {
    try {
      this.value = await this.read();
      this.error = null;
    } catch (problem) {
      this.error = problem;
    }
  };
}

export interface AskField {
  name: string;
  label: string;
  kind?: 'text' | 'long' | 'select' | 'time' | 'number' | 'check' | 'file';
  required?: boolean;
  value?: string;
  most?: number; /* characters, or bytes of a file */
  hint?: string;
  options?: { value: string; label: string; more?: string }[];
}

/* A question to the user before something is changed; the dialog stays open and says why when the server refuses. */
export interface Ask {
  title: string;
  hint?: string;
  fields: AskField[];
  verb: string;
  said: string;
  submit: (body: Record<string, unknown>) => Promise<unknown>;
  more?: (answer: unknown) => string; /* what else there is to say once it is done */
}
