//! Views of one's own: a search, a queue and an order under a name, with how many there are, live.

import { html } from '../lib.js';
import { chosenSort, sort } from '../list.js';
import { prefer, prefs } from '../prefs.js';
import { go, queue, route, search } from '../route.js';
import { t } from '../strings.js';
import { counts, savedCount } from '../views.js';
import { Icon, IconButton } from './icon.js';
import { FormModal } from './modal.js';

/** @typedef {import('../views.js').Saved} Saved */

/** Where one is, as a view of one's own would have it. @returns {Omit<Saved, 'name'>} */
const here = () => ({
  base: route.value.view,
  text: search.value.trim(),
  queue: queue.value,
  sort: sort.value,
});

/** @param {Saved} it */
function open(it) {
  go({ view: it.base, id: null }, true);
  search.value = it.text;
  queue.value = it.queue;
  if (it.sort) chosenSort.value = { ...chosenSort.value, [it.base]: it.sort };
}

export function SavedViews() {
  const all = prefs.value.saved;
  const now = here();
  return html`
    <h2 class="label">${t('saved')}</h2>
    <ul class="views">
      ${all.map(
        (it) => html`
          <li class="saved" key=${it.name}>
            <button type="button" class="view" onClick=${() => open(it)}
              aria-current=${it.base === now.base && it.text === now.text && it.queue === now.queue ? 'page' : undefined}>
              <${Icon} name="save" /><span class="view-name" dir="auto">${it.name}</span><span class="count">${counts.value.get(savedCount(it)) ?? ''}</span></button>
            <${IconButton} name="close" label=${t('remove_view', { name: it.name })}
              onClick=${() => prefer({ saved: all.filter((other) => other !== it) })} />
          </li>`,
      )}
    </ul>`;
}

export function SaveDialog() {
  const now = here();
  const name = [now.text, now.queue].filter(Boolean).join(' · ') || t(now.base);
  const run = (/** @type {FormData} */ data) => {
    const given = String(data.get('name')).trim() || name;
    const others = prefs.peek().saved.filter((it) => it.name !== given);
    prefer({ saved: [...others, { ...now, name: given }] });
  };
  return html`
    <${FormModal} title=${t('save_view')} go=${t('save')} run=${run}>
      <label for="view-name">${t('save_view_name')}</label>
      <input id="view-name" name="name" required maxlength="60" value=${name} dir="auto" data-first autocomplete="off" />
    <//>`;
}
