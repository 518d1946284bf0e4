//! The views: what each of them lists, in which order, and how many there are in each, live.

import { computed, effect, signal, ticker } from './lib.js';
import { prefs } from './prefs.js';
import { client, features, me } from './store.js';

/** @import {Filter, Sort} from '../sdk/types/protocol.js' */
/** @import {View} from '../sdk/view.js' */
/** @typedef {{name: string, icon: string, filter: Filter, sort: Sort}} ViewKind */
/** @typedef {{name: string, base: string, text: string, queue: string | null, sort?: Sort}} Saved One's own: what of the view `base`. */

/** @type {import('./lib.js').Signal<ViewKind[]>} */
export const views = /** @type {any} */ (
  computed(() => {
    const teams = me.value?.teams ?? [];
    /** @type {ViewKind[]} */
    const all = [
      { name: 'mine', icon: 'hand', filter: { claimed_by: 'me' }, sort: 'waiting' },
      {
        name: 'unclaimed',
        icon: 'inbox',
        filter: { claimed: false, status: ['new', 'open'] },
        sort: 'priority',
      },
      {
        // Who said thank you to what is resolved waits for nobody.
        name: 'waiting',
        icon: 'clock',
        filter: { waiting_longer_than_s: 1, status: ['new', 'open'] },
        sort: 'waiting',
      },
      {
        name: 'assigned',
        icon: 'flag',
        filter: { assignee: 'me', claimed: false, status: ['new', 'open'] },
        sort: 'waiting',
      },
      { name: 'mentions', icon: 'at', filter: { mentions_me: true }, sort: 'last_activity' },
      { name: 'team', icon: 'people', filter: { team: teams }, sort: 'waiting' },
      { name: 'all', icon: 'stack', filter: {}, sort: 'last_activity' },
      { name: 'pending', icon: 'pause', filter: { status: ['pending'], snoozed: false }, sort: 'oldest' },
      { name: 'snoozed', icon: 'moon', filter: { snoozed: true }, sort: 'oldest' },
    ];
    if (features.value.has('sla'))
      all.splice(
        3,
        0,
        { name: 'risk', icon: 'alarm', filter: { sla_at_risk: true }, sort: 'due' },
        { name: 'late', icon: 'alert', filter: { sla_breached: true }, sort: 'due' },
      );
    return teams.length ? all : all.filter((it) => it.name !== 'team');
  })
);

/** @param {string} name */
export const viewOf = (name) => views.value.find((it) => it.name === name) ?? views.value[1];

/** What a view lists when a text is searched in it, or one queue is wanted. @param {Omit<Saved, 'name' | 'sort'>} wanted @returns {Filter} */
export const filterOf = ({ base, text, queue }) => ({
  ...viewOf(base).filter,
  ...(text && { text }),
  ...(queue && { queue: [queue] }),
});

/** Under which name the number of one's own view stands in `counts`. @param {Saved} it */
export const savedCount = (it) => `saved:${it.name}`;

/** How many each view has. @type {import('./lib.js').Signal<Map<string, number>>} */
export const counts = signal(new Map());

/** As many of one's own views are counted: a session has 32, and each view above takes one. */
const SAVED_COUNTED = 4;
const saved = computed(() => prefs.value.saved);

/** Counts live until the answer is called. @param {[string, Filter, Sort][]} wanted */
function count(wanted) {
  const dibs = client.value;
  if (!dibs || !me.value) return;
  const { tick, bump } = ticker();
  /** @type {[string, View][]} */
  const open = wanted.map(([name, filter, sort]) => [name, dibs.openView({ filter, sort, limit: 0 })]);
  for (const [, view] of open) view.on('change', bump);
  const end = tick.subscribe((ticks) => {
    if (!ticks) return;
    const known = new Map(counts.peek());
    for (const [name, { total }] of open) known.set(name, total);
    counts.value = known;
  });
  return () => {
    end();
    for (const [, view] of open) view.close();
  };
}

effect(() =>
  count(
    views.value.filter((it) => it.name !== 'mentions').map(({ name, filter, sort }) => [name, filter, sort]),
  ),
);
effect(() =>
  count(saved.value.slice(0, SAVED_COUNTED).map((it) => [savedCount(it), filterOf(it), 'oldest'])),
);
