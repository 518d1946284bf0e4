//! The list that is shown: its pages, its sort, what is selected in it, and moving through it by keys.

import { computed, effect, signal, untracked } from './lib.js';
import { Pages } from './pages.js';
import { go, queue, route, search } from './route.js';
import { client, features, me } from './store.js';
import { filterOf, viewOf, views } from './views.js';

/** @import {Sort, Summary} from '../sdk/types/protocol.js' */

/** @type {Sort[]} */
const ALWAYS = ['waiting', 'newest', 'oldest', 'priority', 'last_activity'];
export const sorts = computed(() =>
  features.value.has('sla') ? [...ALWAYS, /** @type {const} */ ('due')] : ALWAYS,
);
/** Screens of their own. */
const NOT_LISTS = new Set(['mentions', 'wall', 'workspace']);
const TYPING_MS = 150;
/** So many rows are looked through for what is selected. */
const KNOWN = 5_000;

/** Chosen for a view, in this tab. @type {import('./lib.js').Signal<Record<string, Sort>>} */
export const chosenSort = signal({});
export const sort = computed(() => chosenSort.value[route.value.view] ?? viewOf(route.value.view).sort);

/** @type {import('./lib.js').Signal<Pages | null>} */
export const pages = signal(/** @type {Pages | null} */ (null));

/** The selected rows; null while nothing is being selected. @type {import('./lib.js').Signal<Set<string> | null>} */
export const selection = signal(/** @type {Set<string> | null} */ (null));

/** Where the open conversation is, or was last, in the list. */
export const cursor = { index: -1 };
/** Brings a row into sight; the list puts itself here. */
export const sight = { show: (/** @type {number} */ _index) => {} };

const viewName = computed(() => route.value.view);
const text = signal('');
/** @type {ReturnType<typeof setTimeout> | undefined} */
let typed;
effect(() => {
  const wanted = search.value.trim();
  clearTimeout(typed);
  if (!wanted) text.value = '';
  else
    typed = setTimeout(() => {
      text.value = wanted;
    }, TYPING_MS);
});

effect(() => {
  const dibs = client.value;
  if (!dibs || !me.value) return;
  if (NOT_LISTS.has(viewName.value)) {
    untracked(() => {
      pages.value = null;
      selection.value = null;
    });
    return;
  }
  const filter = filterOf({ base: viewName.value, text: text.value, queue: queue.value });
  const open = new Pages(dibs, filter, sort.value);
  pages.value = open;
  untracked(() => {
    selection.value = null;
    cursor.index = -1;
  });
  return () => open.close();
});

/** @param {string} id */
export function toggle(id) {
  const next = new Set(selection.value);
  if (!next.delete(id)) next.add(id);
  selection.value = next;
}

/** What is known of the selected rows. @returns {Summary[]} */
export function selectedRows() {
  const list = pages.peek();
  const found = [];
  for (let index = 0; list && index < list.total && index < KNOWN; index += 1) {
    const row = list.row(index);
    if (row && selection.peek()?.has(row.id)) found.push(row);
  }
  return found;
}

/** To the next row, or the one before: from where the open one is, or was. @param {1 | -1} by */
export function step(by) {
  const list = pages.value;
  if (!list?.total) return;
  const at = list.indexOf(route.value.id);
  const from = at >= 0 ? at + by : cursor.index < 0 ? 0 : by > 0 ? cursor.index : cursor.index - 1;
  const index = Math.min(Math.max(from, 0), list.total - 1);
  const row = list.row(index);
  if (!row) return sight.show(index);
  cursor.index = index;
  sight.show(index);
  go({ id: row.id });
}

/** The names of all views, for keys and the palette. */
export const viewNames = () => views.value.map((it) => it.name);
