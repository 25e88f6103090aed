// Chromium for the console tests: playwright-core from web/node_modules, the browser from Debian.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');

export const SIZES = { desktop: { width: 1280, height: 800 }, wall: { width: 1920, height: 1080 }, phone: { width: 390, height: 844 } };

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--headless', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run']
  });
}

// What must never happen on any page: script errors, blocked resources, requests to another host.
export function watch(page, base) {
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`script error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) complaints.push(`request to another host: ${request.url()}`);
  });
  return complaints;
}

// Elements that stick out of the page to the right, and text cut off without an ellipsis: empty when the layout is sound.
export function overflow(page) {
  return page.evaluate(() => {
    const out = [];
    if (document.documentElement.scrollWidth > innerWidth + 1) out.push(`the page is ${document.documentElement.scrollWidth} px wide`);
    const main = document.querySelector('main');
    if (main && main.scrollWidth > main.clientWidth + 1) {
      const edge = main.getBoundingClientRect().left + main.clientWidth;
      const past = [...main.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > edge + 1 && !e.closest('.table-wrap, .incident-strip')).map((e) => `${e.tagName.toLowerCase()}.${e.getAttribute('class') ?? ''}`);
      out.push(`main is ${main.scrollWidth} px wide in ${main.clientWidth}: ${past.slice(0, 6).join(', ')}`);
    }
    for (const element of document.querySelectorAll('button, .chip, h1, h2, th, label, nav a')) {
      if (element.closest('.visually-hidden') || element.offsetParent === null) continue;
      const style = getComputedStyle(element);
      if (element.scrollWidth > element.clientWidth + 2 && style.overflowX !== 'visible' && style.textOverflow !== 'ellipsis' && element.clientWidth > 1) out.push(`${element.tagName} "${element.textContent.trim().slice(0, 40)}" is cut off`);
      const box = element.getBoundingClientRect();
      if (box.right > innerWidth + 1 && !element.closest('.table-wrap, .incident-strip, footer')) out.push(`${element.tagName} "${element.textContent.trim().slice(0, 40)}" ends at ${Math.round(box.right)}`);
    }
    return out;
  });
}

// WCAG contrast of the visible text, as far as plain background colours tell.
export function contrastFailures(page) {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (css) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = css;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = (top, bottom) => [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);
    const background = (element) => {
      const layers = [];
      for (let e = element; e; e = e.parentElement) {
        layers.push(rgba(getComputedStyle(e).backgroundColor));
        if (layers.at(-1)[3] === 1) break;
      }
      return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
    };
    const luminance = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => sum + w * (c[i] / 255 <= 0.03928 ? c[i] / 255 / 12.92 : ((c[i] / 255 + 0.055) / 1.055) ** 2.4), 0);
    const bad = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.textContent.trim() || !element || element.closest('.visually-hidden, .skip, noscript, script, svg, :disabled, .actions') || element.getClientRects().length === 0) continue;
      const behind = background(element);
      const ink = over(rgba(getComputedStyle(element).color), behind);
      const [a, b] = [luminance(ink), luminance(behind)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      const style = getComputedStyle(element);
      const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) bad.add(`${ratio.toFixed(2)} "${walker.currentNode.textContent.trim().slice(0, 30)}" ${style.color} on rgb(${behind.slice(0, 3).map(Math.round)})`);
    }
    return [...bad];
  });
}

// Text of the interface in the wrong language: a whole message of the other language, or Japanese script in the English
// console outside of what people and systems wrote.
export function untranslated(page, language) {
  const messages = Object.fromEntries(['ja', 'en'].map((tag) => [tag, JSON.parse(readFileSync(new URL(`../../web/messages/${tag}.json`, import.meta.url), 'utf8'))]));
  const wrong = language === 'ja' ? 'en' : 'ja';
  const foreign = Object.entries(messages[wrong]).filter(([name, text]) => text !== messages[language][name] && !text.includes('{')).map(([, text]) => text);
  const own = Object.values(messages[language]);
  return page.evaluate(({ foreign, language }) => {
    const bad = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent.trim();
      const element = walker.currentNode.parentElement;
      if (text === '' || !element || element.closest('noscript, script, style, pre, code, .mono, textarea, button[lang]')) continue;
      if (foreign.includes(text) || (language === 'en' && /[\u3040-\u30ff\u3400-\u9fff]/.test(text))) bad.add(text.slice(0, 60));
    }
    return [...bad];
  }, { foreign: foreign.filter((text) => !own.includes(text)), language });
}
