//! dibs-client: the JavaScript client of Dibs for browsers and Node. See README.md.

import { Client } from './client.js';

export { Client } from './client.js';
export { Conversation } from './conversation.js';
export { DibsError } from './errors.js';
export { sharedToken } from './tokens.js';
export { View } from './view.js';

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
export const connect = (options) => new Client(options);
