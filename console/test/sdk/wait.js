//! Waiting for what is told, never for time to pass: time only ends a test that failed.

const PATIENCE_MS = 20_000;

/**
 * The first value of an event that `wanted` accepts.
 * @template {object} E
 * @template {keyof E} K
 * @param {import('../../sdk/emitter.js').Emitter<E>} emitter
 * @param {K} name
 * @param {(value: E[K]) => unknown} [wanted]
 * @param {number} [patienceMs]
 * @returns {Promise<E[K]>}
 */
export function told(emitter, name, wanted = () => true, patienceMs = PATIENCE_MS) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      off();
      reject(new Error(`"${String(name)}" did not come`));
    }, patienceMs);
    const off = emitter.on(name, (value) => {
      if (!wanted(value)) return;
      clearTimeout(late);
      off();
      resolve(value);
    });
  });
}

/**
 * Until something holds: looked at now, and whenever `name` is told.
 * @template {object} E
 * @param {import('../../sdk/emitter.js').Emitter<E>} emitter
 * @param {keyof E} name
 * @param {() => unknown} holds
 * @param {number} [patienceMs]
 */
export async function until(emitter, name, holds, patienceMs = PATIENCE_MS) {
  if (!holds()) await told(emitter, name, holds, patienceMs);
}

/** The error of a promise that must be rejected. @param {Promise<unknown>} promise @returns {Promise<any>} */
export const refusal = (promise) =>
  promise.then(
    (value) => Promise.reject(new Error(`not refused: ${JSON.stringify(value)}`)),
    (error) => error,
  );
