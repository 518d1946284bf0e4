//! Completing `@name` in a note: agents first, then teams.

import { cx, html } from '../lib.js';
import { roster } from '../roster.js';
import { t } from '../strings.js';
import { Avatar } from './avatar.js';

/** @typedef {{id: string, name: string, never: boolean}} Named */
/** @typedef {{from: number, to: number, names: Named[], at: number}} Found */

const MOST = 6;
const BEFORE = /(?:^|[^\p{L}\p{N}._-])@([a-zA-Z0-9._-]*)$/u;

/** Who may be meant by what stands before the caret; null when nothing is begun. @param {string} text @param {number} caret @returns {Found | null} */
export function candidates(text, caret) {
  const begun = BEFORE.exec(text.slice(0, caret))?.[1]?.toLowerCase();
  if (begun === undefined) return null;
  const { agents, teams } = roster.peek();
  const known = agents.filter((it) => !it.never);
  const all = [...known, ...teams.map((it) => ({ ...it, never: false })), ...agents.filter((it) => it.never)];
  const names = all
    .filter(({ id, name }) => id.startsWith(begun) || name.toLowerCase().startsWith(begun))
    .slice(0, MOST)
    .map(({ id, name, never }) => ({ id, name, never }));
  return names.length ? { from: caret - begun.length, to: caret, names, at: 0 } : null;
}

/** The text with a name put in, and where the caret is then. @param {string} text @param {Found} found @param {string} name @returns {[string, number]} */
export function insert(text, { from, to }, name) {
  return [`${text.slice(0, from)}${name} ${text.slice(to)}`, from + name.length + 1];
}

/** @param {{found: Found, pick(id: string): void}} props */
export const MentionList = ({ found, pick }) => html`
  <ul id="mention-list" class="mention-list" role="listbox" aria-label=${t('mention_list')}>
    ${found.names.map(
      ({ id, name, never }, at) => html`
        <li id=${`mention-${at}`} key=${id} role="option" aria-selected=${at === found.at} class=${cx(at === found.at && 'active')}
          onMouseDown=${(/** @type {MouseEvent} */ event) => {
            event.preventDefault();
            pick(id);
          }}><${Avatar} id=${id} name=${name} small />${name} <span class="faint">@${id}${never && `, ${t('never_here')}`}</span></li>`,
    )}
  </ul>`;
