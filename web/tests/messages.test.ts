/* Both languages have the same messages with the same parameters, the sources use every one of them and no other, and no
 * text for people is written past them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (language: string) => JSON.parse(readFileSync(join(root, 'messages', `${language}.json`), 'utf8')) as Record<string, string>;
const en = read('en');
const ja = read('ja');

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(svelte|ts)$/.test(name) && !name.startsWith('paraglide'))
  .map((name) => ({ name, text: readFileSync(join(root, 'src', name), 'utf8') }));
const used = new Set(
  sources.filter(({ text }) => text.includes('paraglide/messages')).flatMap(({ text }) => [...text.matchAll(/\bm\.([a-z0-9_]+)/g)].map((match) => match[1]!))
);
const parameters = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe('messages', () => {
  it('have the same keys in both languages', () => {
    expect(Object.keys(ja).sort()).toEqual(Object.keys(en).sort());
  });

  it('have the same parameters in both languages', () => {
    for (const key of Object.keys(en)) expect(parameters(ja[key]!), key).toEqual(parameters(en[key]!));
  });

  it('are all used, and all that are used exist', () => {
    expect([...used].filter((key) => !(key in en))).toEqual([]);
    expect(Object.keys(en).filter((key) => !used.has(key))).toEqual([]);
  });

  it('are not empty, and Japanese is Japanese', () => {
    const untranslated = new Set(['query_placeholder']);
    for (const [key, text] of Object.entries(ja)) {
      expect(text.trim(), key).not.toBe('');
      if (!untranslated.has(key)) expect(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text) || text === en[key], `${key}: ${text}`).toBe(true);
    }
  });

  it('leave no Japanese text in the sources', () => {
    const allowed = /日本語|分前|分 前|秒|時間|[日分]'|水|\(月\)/;
    for (const { name, text } of sources) {
      for (const line of text.split('\n')) {
        if (/[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(line)) expect(allowed.test(line), `${name}: ${line.trim()}`).toBe(true);
      }
    }
  });

  it('leave no plain English between tags', () => {
    for (const { name, text } of sources.filter((source) => source.name.endsWith('.svelte'))) {
      const markup = text.replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->/g, '').replace(/\{[^{}]*\}/g, '');
      const words = [...markup.matchAll(/>\s*([A-Z][a-z]+(?: [a-z]+)+)\s*</g)].map((match) => match[1]);
      expect(words, name).toEqual([]);
    }
  });
});
