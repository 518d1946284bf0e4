//! Replies that the workspace has ready: found by what is typed, put behind what is written already.

import { add } from '../drafts.js';
import { focusComposer } from '../focus.js';
import { html, useEffect, useSignal } from '../lib.js';
import { t } from '../strings.js';
import { setTab } from '../talk.js';
import { canned, readSettings } from '../workspace.js';
import { close, Modal } from './modal.js';

/** @param {{ids: string[]}} props */
export function CannedDialog({ ids: [id] }) {
  const typed = useSignal('');
  useEffect(() => void readSettings(), []);
  const words = typed.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = canned.value.filter(({ name, text }) =>
    words.every((word) => `${name} ${text}`.toLowerCase().includes(word)),
  );
  const pick = (/** @type {{text: string} | undefined} */ it) => {
    if (!it) return;
    setTab(id, 'reply');
    add(id, 'reply', it.text);
    close();
    focusComposer();
  };
  return html`
    <${Modal} title=${t('canned')}>
      <input type="search" aria-label=${t('search')} data-first autocomplete="off" dir="auto"
        onInput=${(/** @type {any} */ event) => {
          typed.value = event.currentTarget.value;
        }} onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          pick(found[0]);
        }} />
      <ul class="canned">
        ${found.map((it) => html`<li key=${it.name}><button type="button" onClick=${() => pick(it)}><b dir="auto">${it.name}</b><span class="faint" dir="auto">${it.text}</span></button></li>`)}
      </ul>
      ${found.length === 0 && html`<p class="faint" role="status">${t('canned_none')}</p>`}
    <//>`;
}
