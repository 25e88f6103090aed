import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GROUPS, openTo, placesOf } from '../src/lib/navigation';

const router = readFileSync(join(import.meta.dirname, '../src/lib/state/router.svelte.ts'), 'utf8');
const PAGES = [.../PAGES = \[([^\]]*)\]/.exec(router)![1]!.matchAll(/'(\w+)'/g)].map((match) => match[1]!);

describe('the navigation', () => {
  it('has a place for each page that is not reached from another or before login', () => {
    const elsewhere = ['events', 'setup', 'login'];
    expect(PAGES.length).toBeGreaterThan(20);
    expect(placesOf(GROUPS).map(({ page }) => page).sort()).toEqual(PAGES.filter((page) => !elsewhere.includes(page)).sort());
  });

  it('has an icon for each page', () => {
    const icons = readFileSync(join(import.meta.dirname, '../src/components/Icon.svelte'), 'utf8');
    for (const { page } of placesOf(GROUPS)) expect(icons).toContain(`\n    ${page}: '`);
  });

  it('has one key for one page', () => {
    const keys = placesOf(GROUPS).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.every((key) => /^[a-z]$/.test(key) && key !== 'g')).toBe(true);
  });

  it('shows what one may open, and no group without a page', () => {
    const shown = openTo(['see_status', 'see_rules']);
    expect(shown.map(({ id }) => id)).toEqual(['watch', 'detection']);
    expect(placesOf(shown).map(({ page }) => page)).toEqual(['posture', 'coverage', 'system', 'rules', 'intel', 'exceptions']);
    expect(openTo([])).toEqual([]);
  });
});
