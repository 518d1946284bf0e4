import type { Options, State, StateChange } from './index.js';
import type { Resume, ServerFrame, Welcome } from './protocol.js';
export type Owner = {
    hello(): Resume | undefined;
    welcome(frame: Welcome): void;
    frame(frame: ServerFrame): void;
    down(): void;
    state(change: StateChange): void;
};
export declare class Link {
    #private;
    options: Options;
    owner: Owner;
    /** @type {State} */
    state: State;
    /**
     * @param {Options} options
     * @param {Owner} owner
     */
    constructor(options: Options, owner: Owner);
    /** Sends, or does nothing and says false: nothing is queued here. @param {object} frame */
    send(frame: object): boolean;
    /** Dials now instead of later, or as soon as the server allows. */
    retry: () => void;
    /** Ends it for good. @param {number} [code] @param {string} [reason] */
    close(code?: number, reason?: string): void;
}
