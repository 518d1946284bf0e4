//! What the console is built on, in one place: rendering, state, and the one way to follow what the SDK keeps live.

import htm from '../vendor/htm.mjs';
import { h } from '../vendor/preact.mjs';
import { signal } from '../vendor/signals.mjs';

/** @template T @typedef {import('../vendor/signals.mjs').Signal<T>} Signal */

export { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from '../vendor/hooks.mjs';
export { Fragment, h, render } from '../vendor/preact.mjs';
export {
  batch,
  computed,
  effect,
  signal,
  untracked,
  useComputed,
  useSignal,
  useSignalEffect,
} from '../vendor/signals.mjs';

export const html = htm.bind(h);

/**
 * A number that grows when something has changed, once a frame at most: components read it and draw anew. Hidden pages get
 * no frames, so a timer stands in for them.
 */
export function ticker() {
  const tick = signal(0);
  let due = false;
  const run = () => {
    if (!due) return;
    due = false;
    tick.value += 1;
  };
  return {
    tick,
    bump() {
      if (due) return;
      due = true;
      if (document.hidden) setTimeout(run, 100);
      else requestAnimationFrame(run);
    },
  };
}

/** A copy of a map with one entry set, or removed when the value is null. @template V @param {Map<string, V>} map @param {string} key @param {V | null} value */
export function withEntry(map, key, value) {
  const copy = new Map(map);
  if (value === null) copy.delete(key);
  else copy.set(key, value);
  return copy;
}

/** Class names that hold. @param {...(string | false | null | undefined)} names */
export const cx = (...names) => names.filter(Boolean).join(' ');
