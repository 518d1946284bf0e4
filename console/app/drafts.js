//! What was written and not sent. It is kept for each conversation and each tab of the composer, through reloads, lost
//! connections and whatever happens to the claim, and goes only when the hub has said that it was stored, or by hand.

import { makeKey } from '../sdk/calls.js';
import { signal } from './lib.js';

/** @typedef {'reply' | 'note'} Kind */
/** @import {Attachment} from '../sdk/types/protocol.js' */
/** @typedef {{text: string, files?: Attachment[], key?: string, sent?: string}} Draft `key` belongs to `sent`: what was tried last, to be tried again as the same. */

let owner = '';
/** Which conversations have a draft. @type {import('./lib.js').Signal<Set<string>>} */
export const drafted = signal(new Set());
/** Grows whenever a draft changed elsewhere than in its field, or is stored and gone: what shows it looks again. */
export const cleared = signal(0);

/** Whose drafts: those of another person in the same browser tab are not shown. @param {string} who */
export function draftsOf(who) {
  owner = `dibs.draft:${who}:`;
  const found = Object.keys(sessionStorage).filter((name) => name.startsWith(owner));
  drafted.value = new Set(found.map((name) => name.slice(owner.length).split(':')[0]));
}

/** @param {string} id @param {Kind} kind @returns {Draft} */
export function draft(id, kind) {
  try {
    return JSON.parse(sessionStorage.getItem(`${owner}${id}:${kind}`) ?? 'null') ?? { text: '' };
  } catch {
    return { text: '' };
  }
}

/** @param {string} id @param {Kind} kind @param {Draft} value */
function put(id, kind, value) {
  const name = `${owner}${id}:${kind}`;
  try {
    if (value.text || value.files?.length) sessionStorage.setItem(name, JSON.stringify(value));
    else sessionStorage.removeItem(name);
  } catch {
    // A browser that keeps no more: what is in the field stays there.
  }
  const has = sessionStorage.getItem(`${owner}${id}:reply`) ?? sessionStorage.getItem(`${owner}${id}:note`);
  mark(id, has !== null);
}

/** @param {string} id @param {boolean} has */
function mark(id, has) {
  if (has === drafted.value.has(id)) return;
  const next = new Set(drafted.value);
  if (has) next.add(id);
  else next.delete(id);
  drafted.value = next;
}

/** @param {string} id @param {Kind} kind @param {string} text */
export const keep = (id, kind, text) => put(id, kind, { ...draft(id, kind), text });

/** Puts a text behind what is written. @param {string} id @param {Kind} kind @param {string} text */
export function add(id, kind, text) {
  const written = draft(id, kind).text;
  keep(id, kind, written.trim() ? `${written.replace(/\s+$/, '')}\n${text}` : text);
  cleared.value += 1;
}

/** @param {string} id @param {(files: Attachment[]) => Attachment[]} change */
function file(id, change) {
  const known = draft(id, 'reply');
  put(id, 'reply', { ...known, files: change(known.files ?? []) });
  cleared.value += 1;
}

/** Adds a file to the reply. @param {string} id @param {Attachment} it */
export const attach = (id, it) => file(id, (files) => [...files, it]);
/** Takes one out. @param {string} id @param {number} at */
export const detach = (id, at) => file(id, (files) => files.toSpliced(at, 1));

/**
 * The key to send this with: the one of an earlier try of the very same, so that it is stored once whatever happened to
 * that try.
 * @param {string} id @param {Kind} kind @param {string} text @param {string} [how] What else the command says.
 */
export function keyFor(id, kind, text, how = '') {
  const known = draft(id, kind);
  const sent = `${how}\n${text}`;
  if (known.key && known.sent === sent) return known.key;
  const key = makeKey();
  put(id, kind, { ...known, text: known.text || text, key, sent });
  return key;
}

/** It is stored, with its files. What was written since stays. @param {string} id @param {Kind} kind @param {string} text What was stored. */
export function sent(id, kind, text) {
  const left = draft(id, kind).text;
  put(id, kind, { text: left.trim() === text.trim() ? '' : left });
  cleared.value += 1;
}
