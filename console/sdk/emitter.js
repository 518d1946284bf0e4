//! Listeners by event name. Knows nothing of Dibs.

/** @template {object} Events What is told, by name. */
export class Emitter {
  /** @type {Map<keyof Events, Set<(value: any) => void>>} */
  #listeners = new Map();

  /**
   * Listens. The answer ends it.
   * @template {keyof Events} K
   * @param {K} name
   * @param {(value: Events[K]) => void} listener
   * @returns {() => void}
   */
  on(name, listener) {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all.add(listener));
    return () => void all.delete(listener);
  }

  /**
   * Tells. A listener that throws stops neither the others nor the connection: its error is thrown on its own.
   * @template {keyof Events} K
   * @param {K} name
   * @param {Events[K]} value
   * @protected
   */
  emit(name, value) {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
