/* Language and theme: kept in the browser, and the language also with the user at the server. */
import { overwriteGetLocale } from '../../paraglide/runtime.js';
import type { Language } from '../api/types';

export type Theme = 'system' | 'light' | 'dark';

function stored(name: string): string | null {
  try {
    return localStorage.getItem(`hyakuyo.${name}`);
  } catch {
    return null;
  }
}

export function store(name: string, value: string): void {
  try {
    localStorage.setItem(`hyakuyo.${name}`, value);
  } catch {
    /* private mode: the choice lasts as long as the page */
  }
}

function firstLanguage(): Language {
  const kept = stored('language');
  if (kept === 'ja' || kept === 'en') return kept;
  return navigator.language.toLowerCase().startsWith('ja') ? 'ja' : 'en';
}

function firstTheme(): Theme {
  const kept = stored('theme');
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

const systemDark = window.matchMedia('(prefers-color-scheme: dark)');

class Preferences {
  language = $state<Language>(firstLanguage());
  theme = $state<Theme>(firstTheme());
  private systemIsDark = $state(systemDark.matches);

  constructor() {
    systemDark.addEventListener('change', (event) => (this.systemIsDark = event.matches));
  }

  get dark(): boolean {
    return this.theme === 'dark' || (this.theme === 'system' && this.systemIsDark);
  }

  setLanguage(language: Language): void {
    this.language = language;
    store('language', language);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    store('theme', theme);
  }
}

export const preferences = new Preferences();

// Messages read the language through reactive state, so switching needs no reload.
overwriteGetLocale(() => preferences.language);
