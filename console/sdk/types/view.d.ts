import { DibsError } from './errors.js';
import { Live } from './live.js';
import type { Client } from './client.js';
import type { ActivityRow, ConversationId, Filter, OpenViewAnswer, Sort, Summary } from './protocol.js';
export type Window = {
    filter: Filter;
    sort: Sort;
    offset?: number;
    limit?: number;
};
export type Delta = {
    upserts: Summary[];
    removes: ConversationId[];
    order?: ConversationId[];
};
export type ViewChange = Delta & {
    seq: number;
    total: number;
};
export type ViewEvents = {
    rows: Delta | null;
    activity: ActivityRow[];
};
/** @import {Client} from './client.js' */
/** @import {ActivityRow, ConversationId, Filter, OpenViewAnswer, Sort, Summary} from './protocol.js' */
/** @typedef {{filter: Filter, sort: Sort, offset?: number, limit?: number}} Window `offset` is a multiple of `limit`. */
/** @typedef {{upserts: Summary[], removes: ConversationId[], order?: ConversationId[]}} Delta */
/** @typedef {Delta & {seq: number, total: number}} ViewChange */
/** @typedef {{rows: Delta | null, activity: ActivityRow[]}} ViewEvents `rows` null: they were replaced. */
/** @extends {Live<ViewEvents>} */
export declare class View extends Live<ViewEvents> {
    #private;
    name: string;
    /** The window, in order. @type {Summary[]} */
    rows: Summary[];
    /** How many match in all. */
    total: number;
    seq: number;
    /** Who looks at a row and who types in it. @type {Map<ConversationId, ActivityRow>} */
    activity: Map<ConversationId, ActivityRow>;
    /** What `rows` shows. @type {Window} */
    shown: Window;
    /** @param {Client} client @param {string} name @param {Window} wanted */
    constructor(client: Client, name: string, wanted: Window);
    named(): {
        view: string;
    };
    /**
     * Moves the window, or changes filter or sort. Of several moves in a hurry only the last is asked for.
     * @param {Partial<Window>} change
     * @returns {Promise<View>} When a window that was asked for since is there.
     */
    move(change: Partial<Window>): Promise<View>;
    ask(): void;
    /** @param {OpenViewAnswer} answer Of `open_view`, or a snapshot. */
    take({ seq, total, conversations }: OpenViewAnswer): void;
    /** @param {ViewChange} change */
    change({ seq, total, upserts, removes, order }: ViewChange): void;
    /** @param {ActivityRow[]} rows */
    active(rows: ActivityRow[]): void;
    /** @param {DibsError | null} error */
    lose(error: DibsError | null): void;
}
