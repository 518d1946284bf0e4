//! What people wrote. Text is only ever text: the only things made of it are links to http(s) addresses, which open apart and
//! tell nobody where they came from, and the names that a note mentions.

import { html } from '../lib.js';
import { me } from '../store.js';

const LINK = /https?:\/\/[^\s<>"'`]+/gi;
const TAIL = /[.,;:!?)\]}]+$/;
const NAME = /(^|[^\p{L}\p{N}._-])@([a-zA-Z0-9._-]+)/gu;

/** An address that may be followed, or null. @param {string} text */
export function safeLink(text) {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}

/** @param {string} text @param {Set<string>} names @returns {unknown[]} */
function mentions(text, names) {
  if (!names.size) return [text];
  /** @type {unknown[]} */
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(NAME)) {
    const said = found[2].toLowerCase();
    const name = names.has(said) ? said : said.replace(/[._-]+$/, '');
    if (!names.has(name)) continue;
    const at = found.index + found[1].length;
    const end = at + 1 + name.length;
    parts.push(
      text.slice(from, at),
      html`<span class=${name === me.value?.id ? 'at to-me' : 'at'}>${text.slice(at, end)}</span>`,
    );
    from = end;
  }
  return [...parts, text.slice(from)];
}

/** @param {{text: string, names?: string[]}} props `names`: who is mentioned. */
export function Text({ text, names = [] }) {
  const known = new Set(names);
  /** @type {unknown[]} */
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    const shown = found[0].replace(TAIL, '');
    const href = safeLink(shown);
    if (!href) continue;
    parts.push(...mentions(text.slice(from, found.index), known));
    parts.push(html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow">${shown}</a>`);
    from = found.index + shown.length;
  }
  return html`<p class="text" dir="auto">${[...parts, ...mentions(text.slice(from), known)]}</p>`;
}
