//! The open conversation: followed live, marked as read when it is read, and what came between a writer and the hub.

import { batch, computed, effect, signal, ticker, untracked, withEntry } from './lib.js';
import { prefs } from './prefs.js';
import { route } from './route.js';
import { client, isSupervisor, marks, me } from './store.js';

/** @import {Conversation} from '../sdk/conversation.js' */
/** @import {EventEntry} from '../sdk/types/protocol.js' */
/** @typedef {{then?: 'pending' | 'resolved', at?: string}} How In which state a reply leaves its conversation, and when it goes out if not at once. */
/** @typedef {{missed: EventEntry[], seen: number, how: How}} Guard */
/** @typedef {{by?: string, reason: string, at: number}} Lost */

const READ_AFTER_MS = 600;
/** Rows that follow one another faster than this are passed, not opened. */
const RUNNING_MS = 120;

/** @type {import('./lib.js').Signal<Conversation | null>} */
export const talk = signal(/** @type {Conversation | null} */ (null));
/** Grows with every change of it. */
export const talkTick = signal(0);
/** What is under way, by conversation. @type {import('./lib.js').Signal<Map<string, string>>} */
export const doing = signal(new Map());
/** Drafts on their way: `<conversation>:<kind>`. @type {import('./lib.js').Signal<Map<string, true>>} */
export const sending = signal(new Map());
/** Replies that the hub held back, by conversation. @type {import('./lib.js').Signal<Map<string, Guard>>} */
export const guards = signal(new Map());
/** Claims that were lost and not called again since. @type {import('./lib.js').Signal<Map<string, Lost>>} */
export const losses = signal(new Map());
/** Which tab of the composer is open, by conversation. @type {import('./lib.js').Signal<Map<string, 'reply' | 'note'>>} */
export const tabs = signal(new Map());

/** Whether one looks without being seen. */
export const silent = computed(
  () => isSupervisor.value && (prefs.value.silent || route.value.view === 'wall'),
);
/** The one to follow: at once, but while one runs through the list only where one stops. */
const openId = signal(route.value.id);
let ranAt = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let running;
effect(() => {
  const { id } = route.value;
  const wait = Date.now() - ranAt < RUNNING_MS ? RUNNING_MS : 0;
  ranAt = Date.now();
  clearTimeout(running);
  if (!wait || !id) openId.value = id;
  else
    running = setTimeout(() => {
      openId.value = id;
    }, wait);
});
const mine = computed(() => me.value?.id);

/** What was in front of the reader's eyes long enough to be read: the highest `seq`, by conversation. @type {Map<string, number>} */
const shown = new Map();
/** What has just come in front of them. @type {Map<string, number>} */
const glimpsed = new Map();

effect(() => {
  const [dibs, id] = [client.value, openId.value];
  if (!dibs || !mine.value || !id) {
    untracked(() => {
      talk.value = null;
    });
    return;
  }
  const it = dibs.watch(id, { limit: 50, ...(silent.value && { silent: true }) });
  const { tick, bump } = ticker();
  for (const what of /** @type {const} */ (['change', 'gone'])) it.on(what, bump);
  const end = tick.subscribe(() => {
    talkTick.value = talkTick.peek() + 1;
  });
  untracked(() =>
    batch(() => {
      talk.value = it;
      talkTick.value = talkTick.peek() + 1;
    }),
  );
  return () => {
    end();
    it.typing(false, 'reply');
    it.typing(false, 'note');
    it.close();
  };
});

/** The newest entries are in front of the reader's eyes; after a moment they count as read. */
export function inSight() {
  const it = talk.peek();
  const version = it?.version ?? 0;
  if (!it || document.hidden || version <= (glimpsed.get(it.id) ?? 0)) return;
  glimpsed.set(it.id, version);
  setTimeout(() => {
    if (talk.peek() !== it || document.hidden || it.status !== 'live') glimpsed.delete(it.id);
    else read(it, version);
  }, READ_AFTER_MS);
}

/** @param {Conversation} it @param {number} version */
function read(it, version) {
  shown.set(it.id, Math.max(version, seenUpTo(it.id)));
  if (silent.peek() || version <= (marks.peek().get(it.id) ?? 0)) return;
  marks.value = withEntry(marks.peek(), it.id, version);
  it.markRead(version).catch(() => {}); // It is marked with the next entry.
}

/** Up to where a person has seen it: here, or before a reload or elsewhere, as their own read mark says. @param {string} id */
export const seenUpTo = (id) => Math.max(shown.get(id) ?? 0, marks.peek().get(id) ?? 0);

/** @param {string} id @param {string | undefined} by @param {string} reason */
export function lostClaim(id, by, reason) {
  losses.value = withEntry(losses.value, id, { reason, at: Date.now(), ...(by && { by }) });
}

/** @param {string} id @param {string | null} what */
export const setDoing = (id, what) => {
  doing.value = withEntry(doing.value, id, what);
};

/** @param {string} id @param {'reply' | 'note'} tab */
export const setTab = (id, tab) => {
  tabs.value = withEntry(tabs.value, id, tab);
};
