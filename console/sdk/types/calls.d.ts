import { DibsError } from './errors.js';
import type { Answers, Command, ErrorFrame, OkFrame } from './protocol.js';
export type Name = keyof Answers;
export type Fields<K extends Name> = Omit<Extract<Command, {
    type: K;
}>, 'type' | 'key'>;
export type CallOptions = {
    key?: string;
    retry?: number;
};
export type Done = (error: DibsError | null, answer?: any) => void;
export type Call = {
    frame: {
        id: number;
        type: string;
        key?: string;
    };
    done: Done;
    retry: number;
    once: boolean;
    sentAt: number;
    timer?: ReturnType<typeof setTimeout>;
};
/** A key of 128 random bits; without a secure context, too. */
export declare const makeKey: () => string;
export declare class Calls {
    #private;
    send: (frame: object) => boolean;
    /** @param {(frame: object) => boolean} send False when there is no connection. */
    constructor(send: (frame: object) => boolean);
    /**
     * Sends, now or when connected. `once`: for this connection only. `done` is called with the answer before the next
     * frame is looked at.
     * @param {string} type
     * @param {object} fields
     * @param {CallOptions & {once?: boolean}} options
     * @param {Done} done
     */
    ask(type: string, fields: object, { key, retry, once }: CallOptions & {
        once?: boolean;
    }, done: Done): void;
    /** @param {OkFrame | ErrorFrame} frame @param {boolean} ok */
    answer(frame: OkFrame | ErrorFrame, ok: boolean): void;
    /** The connection ended. */
    down(): void;
    /** There is a connection: what waits is sent, in its old order. @param {boolean} other The history is another one. */
    up(other: boolean): void;
    /** Nothing new waits for a connection that is lost; all ends when it is closed. @param {boolean} closed */
    giveUp(closed: boolean): void;
}
