//! What is loaded when it is first looked at: most people never do.

import { h, signal } from '../lib.js';

/** @type {import('../lib.js').Signal<Map<Function, Function>>} */
const loaded = signal(new Map());

/** A component in place of one that comes later. @param {() => Promise<Function>} load @param {Function | null} [meanwhile] @returns {(props: any) => unknown} */
export function lazy(load, meanwhile = null) {
  return function Lazy(props) {
    const known = loaded.value.get(load);
    if (known) return h(/** @type {any} */ (known), props);
    // It is tried again when it is asked for again.
    load()
      .then((it) => {
        loaded.value = new Map(loaded.peek()).set(load, it);
      })
      .catch(() => {});
    return meanwhile ? h(/** @type {any} */ (meanwhile), props) : null;
  };
}
