import type { Resume, Welcome } from './protocol.js';
/** @import {Resume, Welcome} from './protocol.js' */
export declare class Cursor {
    #private;
    /** @type {string | undefined} */
    epoch: string | undefined;
    seq: number;
    /**
     * What `hello` carries, if one can resume.
     * @param {string[]} watching
     * @returns {Resume | undefined}
     */
    resume(watching: string[]): Resume | undefined;
    /**
     * True when the feed's history is another one: what was known of it is void.
     * @param {Pick<Welcome, 'resumed' | 'epoch' | 'seq' | 'hash'>} welcome
     */
    welcome({ resumed, epoch, seq, hash }: Pick<Welcome, 'resumed' | 'epoch' | 'seq' | 'hash'>): boolean;
    /** @param {number} seq */
    event(seq: number): void;
    /** @param {{seq: number, hash: string}} position */
    position({ seq, hash }: {
        seq: number;
        hash: string;
    }): void;
    /** @param {string} [epoch] The new one, if it changed. */
    resync(epoch?: string): void;
}
