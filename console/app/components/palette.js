//! Every possible command by its name: type, choose, done.

import { possible } from '../commands.js';
import { cx, html, useMemo, useSignal } from '../lib.js';
import { prefs } from '../prefs.js';
import { t } from '../strings.js';
import { close, Modal } from './modal.js';

export function Palette() {
  const typed = useSignal('');
  const at = useSignal(0);
  const all = useMemo(possible, []);
  const words = typed.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
  const run = (/** @type {typeof all[number] | undefined} */ it) => {
    if (!it) return;
    close();
    // After the dialog has given the focus back, so that a command may take it.
    requestAnimationFrame(() => it.when() && it.run());
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by && found.length) {
      at.value = (at.value + by + found.length) % found.length;
      requestAnimationFrame(() =>
        document.getElementById(`palette-${at.value}`)?.scrollIntoView({ block: 'nearest' }),
      );
    } else if (event.key === 'Enter') run(found[at.value]);
    else return;
    event.preventDefault();
  };
  return html`
    <${Modal} title=${t('palette')} plain>
      <input class="palette-input" role="combobox" data-first aria-label=${t('palette')} placeholder=${t('palette_hint')} autocomplete="off"
        aria-expanded="true" aria-controls="palette-list" aria-activedescendant=${found.length ? `palette-${at.value}` : undefined}
        onInput=${(/** @type {any} */ event) => {
          typed.value = event.currentTarget.value;
          at.value = 0;
        }} onKeyDown=${keys} />
      <ul id="palette-list" class="palette-list" role="listbox" aria-label=${t('palette')}>
        ${found.map(
          (
            it,
            index,
          ) => html`<li id=${`palette-${index}`} key=${it.label} role="option" aria-selected=${index === at.value} class=${cx(index === at.value && 'active')}
            onClick=${() => run(it)}>${it.label}${it.name && html`<kbd>${prefs.value.keys[it.name]}</kbd>`}</li>`,
        )}
      </ul>
      ${found.length === 0 && html`<p class="faint pad" role="status">${t('palette_none')}</p>`}
    <//>`;
}
