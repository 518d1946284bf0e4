/** Counts attempts since the last welcome. */
export declare class Backoff {
    ceilingMs: () => number;
    random: () => number;
    attempts: number;
    /** What the last wait is at the least, whatever the dice say. */
    leastMs: number;
    /** @param {{firstMs?: number, mostMs?: number, random?: () => number}} [options] */
    constructor({ firstMs, mostMs, random }?: {
        firstMs?: number;
        mostMs?: number;
        random?: () => number;
    });
    /**
     * Milliseconds to wait after a close with `code`, at least `afterMs` as the server asked; null: stay away.
     * @param {number} code
     * @param {number} [afterMs]
     * @returns {number | null}
     */
    next(code: number, afterMs?: number): number | null;
}
/**
 * Whether a close code says that the token is to blame.
 * @param {number} code
 */
export declare const isTokenRefused: (code: number) => boolean;
