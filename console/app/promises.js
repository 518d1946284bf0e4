//! Promises about time, as a summary has them: which one is due next, and how it stands.

import { now } from './time.js';

/** @import {Summary} from '../sdk/types/protocol.js' */
/** @typedef {'' | 'warm' | 'hot'} Tone */

export const TARGETS = /** @type {const} */ (['first_response', 'next_response', 'resolution']);

/** @param {{warned: boolean, breached: boolean}} it @returns {Tone} */
export const toneOf = (it) => (it.breached ? 'hot' : it.warned ? 'warm' : '');

/**
 * The one that calls for attention: what is broken, else what is due next. Null when nothing is promised, or all is paused.
 * @param {Summary} summary
 * @returns {{target: typeof TARGETS[number], at: string, tone: Tone} | null}
 */
export function dueOf({ sla }) {
  if (!sla) return null;
  const all = TARGETS.flatMap((target) => {
    const it = sla[target];
    return it?.due_at ? { target, at: it.due_at, tone: toneOf(it) } : [];
  });
  const rank = (/** @type {{tone: Tone}} */ { tone }) => ({ hot: 0, warm: 1, '': 2 })[tone];
  return all.sort((one, other) => rank(one) - rank(other) || one.at.localeCompare(other.at))[0] ?? null;
}

/** Minutes until then, by the hub's clock; below zero when it is over. @param {string} at */
export const minutesTo = (at) => Math.floor((Date.parse(at) - now.value) / 60_000);
