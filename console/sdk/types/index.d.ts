import { Client } from './client.js';
export { Client } from './client.js';
export { Conversation } from './conversation.js';
export { DibsError } from './errors.js';
export { sharedToken } from './tokens.js';
export { View } from './view.js';
export type State = 'connecting' | 'connected' | 'reconnecting' | 'lost' | 'closed';
export type StateChange = {
    state: State;
    code?: number;
    reason?: string;
    retryInMs?: number;
};
export type GetToken = (why: 'connect' | 'refresh' | 'refused') => string | null | Promise<string | null>;
export type Options = {
    /**
     * Such as `wss://dibs.example/v1/ws`.
     */
    url: string;
    getToken: GetToken;
    /**
     * Where there is no global one.
     */
    WebSocket?: typeof WebSocket;
    /**
     * What to call oneself in `hello`.
     */
    client?: string;
    /**
     * Full jitter, 0.5 to 20 s by default.
     */
    backoff?: {
        firstMs?: number;
        mostMs?: number;
        random?: () => number;
    };
    lostAfterMs?: number;
};
/**
 * `lost` is what `connecting` and `reconnecting` become after five seconds.
 * @typedef {'connecting' | 'connected' | 'reconnecting' | 'lost' | 'closed'} State
 */
/** @typedef {{state: State, code?: number, reason?: string, retryInMs?: number}} StateChange `code` is that of the close. */
/**
 * A JWT; null ends the session. Asked before each dial and when a token is about to expire. A rejection is tried again.
 * @typedef {(why: 'connect' | 'refresh' | 'refused') => string | null | Promise<string | null>} GetToken
 */
/**
 * @typedef {object} Options
 * @property {string} url Such as `wss://dibs.example/v1/ws`.
 * @property {GetToken} getToken
 * @property {typeof WebSocket} [WebSocket] Where there is no global one.
 * @property {string} [client] What to call oneself in `hello`.
 * @property {{firstMs?: number, mostMs?: number, random?: () => number}} [backoff] Full jitter, 0.5 to 20 s by default.
 * @property {number} [lostAfterMs]
 */
/** Connects, and stays connected. @param {Options} options */
export declare const connect: (options: Options) => Client;
