//! The figures that the hub tells once a second, and what they were in the last hours: a sample every ten seconds, kept in
//! this page for as long as it is open.

import { batch, computed, effect, signal, ticker, untracked } from '../lib.js';
import { client, features, link, me } from '../store.js';

/** @import {Stats} from '../../sdk/people.js' */
/** @typedef {(number | null)[]} Line */

const EVERY_S = 10;
const HOURS = 4;
const MOST = (HOURS * 3600) / EVERY_S;
/** Without a sample for longer than this, what was in between is not known. */
const GAP_S = 3 * EVERY_S;
/** A trend compares with so long ago, or with the oldest that is known if that is at least a minute old. */
const TREND_S = 300;
const TREND_LEAST_S = 60;

const SECOND_MS = 1_000;
/** Figures that come once a second come so much later at times. */
const PATIENCE_MS = 250;

/** @type {import('../lib.js').Signal<Stats | null>} */
export const stats = signal(/** @type {Stats | null} */ (null));
/** Grows when figures have changed. */
export const told = signal(0);
/** Grows with every sample. */
export const sampled = signal(0);
/** The hub's time, each second while the wall is shown. */
export const second = signal(Date.now());

/** The figures of all; null until they are told. */
export const workspace = computed(() => (told.value >= 0 ? (stats.value?.workspace ?? null) : null));
const ids = computed(() => (told.value >= 0 ? [...(stats.value?.queues.keys() ?? [])].sort().join(' ') : ''));
/** Which queues there are: another list only when one comes or goes. */
export const queueIds = computed(() => ids.value.split(' ').filter(Boolean));
/** One queue's figures: another object only when they have changed. @param {string} id */
export const rowOf = (id) => computed(() => (told.value >= 0 ? stats.value?.queues.get(id) : undefined));

const hubTime = () => Date.now() + (client.peek()?.clockOffsetMs ?? 0);

/** What the charts show: `at` in seconds; null where nothing was known. */
export const history = {
  at: /** @type {number[]} */ ([]),
  waiting: /** @type {Line} */ ([]),
  unclaimed: /** @type {Line} */ ([]),
  late: /** @type {Line} */ ([]),
  arrivals: /** @type {Line} */ ([]),
  replies: /** @type {Line} */ ([]),
  first50: /** @type {Line} */ ([]),
  first90: /** @type {Line} */ ([]),
};
/** How many waited in each queue, for its trend. @type {Map<string, [at: number, waiting: number][]>} */
const queues = new Map();

/** Whether the figures are those of this moment. */
const fresh = () => link.peek().state === 'connected' && stats.peek()?.workspace;

/** Takes a sample of now. @param {number} at In seconds. */
export function sample(at) {
  const it = fresh() ? stats.peek()?.workspace : undefined;
  const first = it?.first_response.hour;
  const before = history.at.at(-1);
  if (before !== undefined && at - before > GAP_S) interrupt(at - 1);
  const row = {
    at,
    waiting: it?.waiting ?? null,
    unclaimed: it?.unclaimed ?? null,
    late: it?.breached ?? null,
    arrivals: it?.arrivals_per_minute ?? null,
    replies: it?.replies_per_minute ?? null,
    first50: first ? first.p50_s / 60 : null,
    first90: first ? first.p90_s / 60 : null,
  };
  for (const [name, value] of Object.entries(row)) {
    const line = /** @type {any} */ (history)[name];
    line.push(value);
    while (line.length > MOST) line.shift();
  }
  if (it) sampleQueues(at);
  sampled.value += 1;
}

/** Nothing was looked at for a while: lines break there, and trends begin anew. @param {number} at */
function interrupt(at) {
  for (const [name, line] of Object.entries(history))
    line.push(/** @type {any} */ (name === 'at' ? at : null));
  queues.clear();
}

/** @param {number} at */
function sampleQueues(at) {
  for (const { id, waiting } of stats.peek()?.queues.values() ?? []) {
    const known = queues.get(id) ?? [];
    while (known.length > 1 && known[1][0] <= at - TREND_S) known.shift();
    known.push([at, waiting]);
    queues.set(id, known);
  }
}

/** How many more wait than some minutes ago; null while too little is known. @param {string} queue @param {number} waiting */
export function trend(queue, waiting) {
  const [first] = queues.get(queue) ?? [];
  if (!first || hubTime() / 1000 - first[0] < TREND_LEAST_S) return null;
  return waiting - first[1];
}

/**
 * Follows the figures while the wall is shown; the answer ends it. The clock moves on with the figures, so that a second is
 * drawn once, and by itself only while none come.
 */
export function follow() {
  let last = 0;
  const beat = () => {
    second.value = hubTime();
    const at = Math.floor(second.peek() / 1000);
    if (at - last < EVERY_S || (!last && !stats.peek()?.workspace)) return;
    last = at;
    sample(at);
  };
  const late = () => {
    beat();
    timer = setTimeout(late, SECOND_MS);
  };
  /** @type {ReturnType<typeof setTimeout>} */
  let timer = setTimeout(late, SECOND_MS);
  const end = effect(() => {
    const dibs = client.value;
    if (!dibs || !me.value || !features.value.has('stats')) return;
    const it = dibs.watchStats();
    const { tick, bump } = ticker();
    it.on('change', bump);
    const over = tick.subscribe((ticks) => {
      if (!ticks) return;
      clearTimeout(timer);
      timer = setTimeout(late, SECOND_MS + PATIENCE_MS);
      batch(() => {
        told.value = told.peek() + 1;
        beat();
      });
    });
    untracked(() => {
      stats.value = it;
    });
    return () => {
      over();
      it.close();
    };
  });
  return () => {
    clearTimeout(timer);
    end();
  };
}
