import { DibsError } from './errors.js';
import { Live } from './live.js';
import type { Client } from './client.js';
import type { CallOptions, Fields } from './calls.js';
import type { EventEntry, Reply, Summary, TransferTo, Typing, Viewer, WatchAnswer } from './protocol.js';
export type ConversationEvents = {
    event: EventEntry;
    snapshot: {
        gap: boolean;
    };
    summary: Summary;
    viewers: Viewer[];
    marks: Map<string, number>;
};
/** @extends {Live<ConversationEvents>} */
export declare class Conversation extends Live<ConversationEvents> {
    #private;
    id: string;
    options: {
        limit?: number;
        silent?: boolean;
    };
    /** Null until the first answer. @type {Summary | null} */
    summary: Summary | null;
    /** Ascending. @type {EventEntry[]} */
    entries: EventEntry[];
    /** Whether there are older entries: `older()` fetches them. */
    more: boolean;
    /** @type {Viewer[]} */
    viewers: Viewer[];
    /** Who has read up to which `seq`, as far as it was told. @type {Map<string, number>} */
    marks: Map<string, number>;
    /** The highest `seq` that was delivered; 0: none. */
    version: number;
    /** @param {Client} client @param {string} id @param {{limit?: number, silent?: boolean}} options */
    constructor(client: Client, id: string, options: {
        limit?: number;
        silent?: boolean;
    });
    named(): {
        conversation: string;
    };
    wanted(): {
        limit?: number;
        silent?: boolean;
        conversation: string;
    };
    /** @param {WatchAnswer} answer Of `watch`, or a snapshot. */
    take(answer: WatchAnswer): void;
    /** @param {EventEntry} entry */
    event(entry: EventEntry): undefined;
    /** Takes a push about this conversation. @param {'summary' | 'viewers' | 'marks'} name @param {any} value */
    push(name: 'summary' | 'viewers' | 'marks', value: any): void;
    /** @param {DibsError | null} error A refusal: the data is dropped. */
    lose(error: DibsError | null): void;
    /** The feed's history is another one: what was known is void. */
    reset(): void;
    /** Fetches older entries and puts them in front. @param {number} [limit] */
    older(limit?: number): Promise<void>;
    /** The token of one's own claim; undefined when one does not hold it. */
    get token(): number | undefined;
    /** Calls dibs. @param {CallOptions} [options] */
    claim(options?: CallOptions): Promise<import("./protocol.js").ClaimAnswer & {
        duplicate?: boolean;
    }>;
    /** @param {CallOptions} [options] */
    release(options?: CallOptions): Promise<import("./protocol.js").SeqAnswer & {
        duplicate?: boolean;
    }>;
    /**
     * Answers the customer. `seen` is what was shown, by default everything that was delivered; `key` that of an earlier try.
     * @param {string} text
     * @param {Partial<Pick<Reply, 'attachments' | 'then' | 'seen' | 'token'>> & CallOptions} [more]
     */
    reply(text: string, { key, retry, ...more }?: Partial<Pick<Reply, 'attachments' | 'then' | 'seen' | 'token'>> & CallOptions): Promise<import("./protocol.js").ReplyAnswer & {
        duplicate?: boolean;
    }>;
    /** Writes to colleagues; `@name` mentions. @param {string} text @param {CallOptions} [options] */
    note(text: string, options?: CallOptions): Promise<import("./protocol.js").NoteAnswer & {
        duplicate?: boolean;
    }>;
    /** @param {Omit<Fields<'update'>, 'conversation'>} changes @param {CallOptions} [options] */
    update(changes: Omit<Fields<'update'>, 'conversation'>, options?: CallOptions): Promise<import("./protocol.js").UpdateAnswer & {
        duplicate?: boolean;
    }>;
    /** @param {TransferTo} to @param {string} [note] @param {CallOptions} [options] */
    transfer(to: TransferTo, note?: string, options?: CallOptions): Promise<import("./protocol.js").TransferAnswer & {
        duplicate?: boolean;
    }>;
    /** Says that one has read up to here. @param {number} [up_to] */
    markRead(up_to?: number): Promise<Record<string, never> & {
        duplicate?: boolean;
    }>;
    /** Says that one types, every 3 s at most and never later than now. @param {boolean} on @param {Typing} [where] */
    typing(on: boolean, where?: Typing): void;
}
