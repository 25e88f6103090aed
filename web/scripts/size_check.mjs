// Fails the build when the JavaScript that the first page needs outgrows its budget: every script named by index.html and
// everything those import statically. Lazily loaded charts do not count. Also refuses anything a strict CSP would block.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 250 * 1024;
const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const html = readFileSync(join(dist, 'index.html'), 'utf8');

if (/<script(?![^>]*\bsrc=)/.test(html)) throw new Error('index.html holds an inline script, which the content security policy blocks');
if (/(?:src|href)="https?:/.test(html)) throw new Error('index.html names another host');

const seen = new Set();
function visit(path) {
  if (seen.has(path)) return;
  seen.add(path);
  const text = readFileSync(path, 'utf8');
  for (const [, specifier] of text.matchAll(/(?:from|import)\s*"(\.\/[^"]+\.js)"/g)) visit(join(dirname(path), specifier));
}
for (const [, path] of html.matchAll(/(?:src|href)="\.\/([^"]+\.js)"/g)) visit(join(dist, path));

const bytes = [...seen].reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
console.log(`initial JavaScript: ${seen.size} files, ${(bytes / 1024).toFixed(1)} KiB gzip (budget ${BUDGET_BYTES / 1024} KiB)`);
if (bytes > BUDGET_BYTES) process.exit(1);
