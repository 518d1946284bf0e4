//! Moments that people mean when they put something off, by the hub's clock and in the reader's zone.

import { client } from './store.js';

const HOUR_MS = 3_600_000;
/** When a day at work begins. */
const MORNING = 9;
const DAYS = 7;

/** @typedef {[name: string, at: Date][]} Moments */

const now = () => new Date(Date.now() + (client.peek()?.clockOffsetMs ?? 0));

/** @param {Date} from @param {number} hours */
export const inHours = (from, hours) => new Date(from.getTime() + hours * HOUR_MS);

/** The morning so many days on. @param {Date} from @param {number} days */
export function morning(from, days) {
  const date = new Date(from);
  date.setDate(date.getDate() + days);
  date.setHours(MORNING, 0, 0, 0);
  return date;
}

/** How many days until the next Monday: seven on a Monday. @param {Date} from */
export const untilMonday = (from) => (DAYS + 1 - from.getDay()) % DAYS || DAYS;

/** When a reply may go out. On a Sunday, tomorrow is Monday and is not said twice. @param {Date} from @returns {Moments} */
export function laterMoments(from = now()) {
  const monday = untilMonday(from);
  /** @type {Moments} */
  const all = [
    ['later_1h', inHours(from, 1)],
    ['later_tomorrow', morning(from, 1)],
    ['later_monday', morning(from, monday)],
  ];
  return monday === 1 ? all.slice(0, -1) : all;
}

/** Until when something may be put off. @param {Date} from @returns {Moments} */
export const snoozeMoments = (from = now()) => [
  ['snooze_1h', inHours(from, 1)],
  ['snooze_3h', inHours(from, 3)],
  ['snooze_tomorrow', morning(from, 1)],
  ['snooze_week', morning(from, untilMonday(from))],
];

/** As a field for date and time has it: the reader's zone, to the minute. @param {Date} date */
export function fieldOf(date) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
