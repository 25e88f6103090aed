// Fails the build when the JavaScript that a page needs at first outgrows its budget: every script named by index.html (the
// console) or report.html (the page for users with a phone) and everything those import statically. Lazily loaded charts do
// not count. Also refuses anything a strict CSP would block.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const BUDGETS = { 'index.html': 250 * 1024, 'report.html': 60 * 1024 };
const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');

function sizeOf(name) {
  const html = readFileSync(join(dist, name), 'utf8');
  if (/<script(?![^>]*\bsrc=)/.test(html)) throw new Error(`${name} holds an inline script, which the content security policy blocks`);
  if (/(?:src|href)="https?:/.test(html)) throw new Error(`${name} names another host`);
  const seen = new Set();
  const visit = (path) => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*"(\.\/[^"]+\.js)"/g)) visit(join(dirname(path), specifier));
  };
  for (const [, path] of html.matchAll(/(?:src|href)="\.\/([^"]+\.js)"/g)) visit(join(dist, path));
  return { files: seen.size, bytes: [...seen].reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0) };
}

for (const [name, budget] of Object.entries(BUDGETS)) {
  const { files, bytes } = sizeOf(name);
  console.log(`${name}: initial JavaScript ${files} files, ${(bytes / 1024).toFixed(1)} KiB gzip (budget ${budget / 1024} KiB)`);
  if (bytes > budget) process.exitCode = 1;
}
