//! What a person has chosen for this browser: theme, shortcuts, alerts. Kept in localStorage; never a token, never a text.

import { effect, signal } from './lib.js';

/** Which key does what, unless it was changed. Single keys work only outside of fields. */
export const DEFAULT_KEYS = {
  next: 'j',
  previous: 'k',
  claim: 'c',
  release: 'x',
  reply: 'r',
  note: 'n',
  resolve: 'e',
  snooze: 'z',
  takeOver: 'o',
  transfer: 't',
  priority: 'p',
  tags: 'l',
  details: 'i',
  search: '/',
  help: '?',
};

const NAME = 'dibs.prefs';
const DEFAULTS = {
  theme: /** @type {'system' | 'light' | 'dark'} */ ('system'),
  singleKeys: true,
  keys: /** @type {Record<string, string>} */ ({ ...DEFAULT_KEYS }),
  notify: false,
  sound: false,
  details: true,
  silent: false,
  /** The supervisors' wall: `limit` is how long somebody may wait, in minutes; without a `team` all are shown. */
  wall: { kiosk: false, limit: 10, list: 'waiting', team: '' },
  saved: /** @type {import('./views.js').Saved[]} */ ([]),
};

/** @returns {typeof DEFAULTS} */
function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? '{}');
    return {
      ...DEFAULTS,
      ...kept,
      keys: { ...DEFAULT_KEYS, ...kept.keys },
      wall: { ...DEFAULTS.wall, ...kept.wall },
    };
  } catch {
    return DEFAULTS;
  }
}

export const prefs = signal(read());

/** @param {Partial<typeof DEFAULTS>} change */
export function prefer(change) {
  prefs.value = { ...prefs.value, ...change };
  try {
    localStorage.setItem(NAME, JSON.stringify(prefs.value));
  } catch {
    // A browser that keeps nothing: it holds for this page.
  }
}

/** Changes some of the wall's choices. @param {Partial<typeof DEFAULTS.wall>} change */
export const preferWall = (change) => prefer({ wall: { ...prefs.peek().wall, ...change } });

effect(() => {
  document.documentElement.dataset.theme = prefs.value.theme;
});
