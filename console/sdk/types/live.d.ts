import { Emitter } from './emitter.js';
import type { Client } from './client.js';
import type { DibsError } from './errors.js';
/** @import {Client} from './client.js' */
/** @import {DibsError} from './errors.js' */
/** @template {object} Events @extends {Emitter<Events & {change: void, gone: DibsError | null}>} */
export declare class Live<Events extends object> extends Emitter<Events & {
    change: void;
    gone: DibsError | null;
}> {
    #private;
    client: Client;
    begin: string;
    end: string;
    /** `loading` until an answer came on this connection; `gone` for good. @type {'loading' | 'live' | 'gone'} */
    status: 'loading' | 'live' | 'gone';
    /** Fulfilled with the first answer; rejected when it is refused. @type {Promise<this>} */
    ready: Promise<this>;
    /** Whether a resume brings it back. */
    survives: boolean;
    /** How many want it. */
    users: number;
    /**
     * @param {Client} client
     * @param {string} begin The command that asks for it.
     * @param {string} end The command that ends it.
     */
    constructor(client: Client, begin: string, end: string);
    /** What both commands carry. @returns {object} */
    named(): object;
    /** What the first one carries. @returns {object} */
    wanted(): object;
    /** Takes the answer, which replaces what there was. @param {any} _answer */
    take(_answer: any): void;
    /** Asks, unless it was asked already. @param {boolean} resumed Whether the server still keeps it. */
    up(resumed: boolean): void;
    /** @protected */
    protected ask(): void;
    /** @param {any} answer @protected */
    protected answered(answer: any): void;
    /** Wants it no longer; the last one to say so ends it. */
    close(): void;
    /** It is over. @param {DibsError | null} error */
    lose(error: DibsError | null): void;
}
