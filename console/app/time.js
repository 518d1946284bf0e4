//! Times as the reader's zone and language write them, and how long ago things are by the hub's clock.

import { signal } from './lib.js';
import { client } from './store.js';
import { t } from './strings.js';

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const MOMENT = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

/** The hub's time, as well as it is known; moves on every five seconds. */
export const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now() + (client.peek()?.clockOffsetMs ?? 0);
}, 5_000);

/** @param {string} at */
export const clock = (at) => CLOCK.format(new Date(at));
/** @param {string} at */
export const day = (at) => DAY.format(new Date(at));
/** @param {string} at */
export const full = (at) => FULL.format(new Date(at));

/** Day and clock, for what is to come. @param {string} at */
export const moment = (at) => MOMENT.format(new Date(at));

/** The clock today, the day before that. @param {string} at */
export function brief(at) {
  const date = new Date(at);
  return date.toDateString() === new Date(now.value).toDateString()
    ? CLOCK.format(date)
    : SHORT_DAY.format(date);
}

/** How long since: short, as lists have it. @param {string} at */
export function since(at) {
  const seconds = Math.max(0, (now.value - Date.parse(at)) / 1000);
  if (seconds < 60) return t('now');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t('minutes', { n: minutes });
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? t('hours', { n: hours, m: minutes % 60 }) : t('days', { n: Math.floor(hours / 24) });
}

/** How long until, or how long ago: as short. @param {string} at */
export function until(at) {
  const left = Date.parse(at) - now.value;
  const there = new Date(now.value - Math.abs(left)).toISOString();
  return t(left < 0 ? 'late_by' : 'due_in', {
    time: Math.abs(left) < 60_000 ? t('under_minute') : since(there),
  });
}

/** How urgent a wait is, for its colour. @param {string | null} at @returns {'' | 'warm' | 'hot'} */
export function heat(at) {
  const minutes = at ? (now.value - Date.parse(at)) / 60_000 : 0;
  return minutes > 15 ? 'hot' : minutes > 5 ? 'warm' : '';
}
