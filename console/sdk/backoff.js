//! Whether, and after how long, to dial again. Pure but for its dice. Source: Marc Brooker, "Exponential Backoff And Jitter".

const STAY_AWAY = [1003, 1007, 1009, 4000, 4003, 4010];
const FLOODING = 4029;
const TOKEN = [4001, 4002];

/** Counts attempts since the last welcome. */
export class Backoff {
  attempts = 0;
  /** What the last wait is at the least, whatever the dice say. */
  leastMs = 0;

  /** @param {{firstMs?: number, mostMs?: number, random?: () => number}} [options] */
  constructor({ firstMs = 500, mostMs = 20_000, random = Math.random } = {}) {
    this.ceilingMs = () => Math.min(mostMs, firstMs * 2 ** this.attempts);
    this.random = random;
  }

  /**
   * Milliseconds to wait after a close with `code`, at least `afterMs` as the server asked; null: stay away.
   * @param {number} code
   * @param {number} [afterMs]
   * @returns {number | null}
   */
  next(code, afterMs = 0) {
    if (STAY_AWAY.includes(code)) return null;
    const jitter = TOKEN.includes(code) && !this.attempts ? 0 : this.random() * this.ceilingMs();
    this.attempts += 1;
    this.leastMs = Math.max(afterMs, code === FLOODING ? 10_000 : 0);
    return this.leastMs + jitter;
  }
}

/**
 * Whether a close code says that the token is to blame.
 * @param {number} code
 */
export const isTokenRefused = (code) => TOKEN.includes(code);
