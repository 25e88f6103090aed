/* Short confirmations in the corner; errors stay until closed. */

export interface Toast {
  id: number;
  text: string;
  error: boolean;
}

const SHOWN_MS = 5000;

class Toasts {
  list = $state<Toast[]>([]);
  private next = 1;

  show(text: string, error = false): void {
    const id = this.next++;
    this.list = [...this.list.slice(-3), { id, text, error }];
    if (!error) setTimeout(() => this.close(id), SHOWN_MS);
  }

  close(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
