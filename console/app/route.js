//! Where one is: the view and the open conversation, kept in the address' fragment so that a reload comes back to it.

import { signal } from './lib.js';

/** @typedef {{view: string, id: string | null}} Route */

/** @returns {Route} */
function read() {
  const [, view = 'unclaimed', id = null] = /^#\/([a-z]+)(?:\/([0-9a-f-]{36}))?$/.exec(location.hash) ?? [];
  return { view: view === 'floor' ? 'wall' : view, id: id ?? null };
}

export const route = signal(read());
/** Of the list, for this view only. */
export const search = signal('');
/** Of the list: null for all. @type {import('./lib.js').Signal<string | null>} */
export const queue = signal(/** @type {string | null} */ (null));

/** @param {Partial<Route>} change @param {boolean} [back] Whether the browser's Back returns to where one was. */
export function go(change, back = false) {
  const next = { ...route.peek(), ...change };
  const address = `#/${next.view}${next.id ? `/${next.id}` : ''}`;
  if (address === location.hash) return;
  history[back ? 'pushState' : 'replaceState'](null, '', address);
  if (change.view && change.view !== route.peek().view) {
    search.value = '';
    queue.value = null;
  }
  route.value = next;
}

addEventListener('popstate', () => {
  if (!location.hash.startsWith('#token=')) route.value = read();
});
