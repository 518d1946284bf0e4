//! Somebody's initials, in one of six quiet colours that are always the same for the same id.

import { html } from '../lib.js';

const HUES = 6;

/** @param {string} id */
const hue = (id) =>
  Array.from(id).reduce((sum, it) => (sum * 31 + (it.codePointAt(0) ?? 0)) % 9973, 7) % HUES;

/** @param {string} name */
function initials(name) {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const firsts = words.flatMap((word) => /^[\p{L}\p{N}]/u.exec(word)?.[0].toUpperCase() ?? []);
  return firsts.length > 1 ? `${firsts[0]}${firsts[firsts.length - 1]}` : (firsts[0] ?? '?');
}

/** @param {{id: string, name: string, small?: boolean}} props */
export const Avatar = ({ id, name, small = false }) =>
  html`<span class=${small ? 'avatar small' : 'avatar'} data-hue=${hue(id)} aria-hidden="true">${initials(name)}</span>`;
