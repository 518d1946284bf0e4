import { Calls } from './calls.js';
import { Conversation } from './conversation.js';
import { Emitter } from './emitter.js';
import { Agents, Stats } from './people.js';
import { View } from './view.js';
import type { CallOptions, Fields, Name } from './calls.js';
import type { Live } from './live.js';
import type { Options, StateChange } from './index.js';
import type { Answers, OfferInfo, ServerFrame, Summary, TypingSignal, Welcome } from './protocol.js';
import type { Window } from './view.js';
export type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, {
    type: T;
}>;
export type Told = 'mention' | 'mentions_read' | 'claim_gained' | 'claim_lost' | 'offer' | 'offer_gone' | 'read_marks' | 'revoked' | 'resync' | 'reconnect';
export type ClientEvents = {
    state: StateChange;
    welcome: Welcome;
    claims: Map<string, number>;
    offers: Map<string, OfferInfo>;
    unread: number;
} & {
    [T in Told]: Frame<T>;
};
/** @import {CallOptions, Fields, Name} from './calls.js' */
/** @import {Live} from './live.js' */
/** @import {Options, StateChange} from './index.js' */
/** @import {Answers, OfferInfo, ServerFrame, Summary, TypingSignal, Welcome} from './protocol.js' */
/** @import {Window} from './view.js' */
/** @template {ServerFrame['type']} T @typedef {Extract<ServerFrame, {type: T}>} Frame */
/** @typedef {'mention' | 'mentions_read' | 'claim_gained' | 'claim_lost' | 'offer' | 'offer_gone' | 'read_marks' | 'revoked' | 'resync' | 'reconnect'} Told */
/** @typedef {{state: StateChange, welcome: Welcome, claims: Map<string, number>, offers: Map<string, OfferInfo>, unread: number}
 *   & {[T in Told]: Frame<T>}} ClientEvents */
/** @extends {Emitter<ClientEvents>} */
export declare class Client extends Emitter<ClientEvents> {
    #private;
    calls: Calls;
    /** The latest welcome: who one is, limits, features. @type {Welcome | null} */
    welcome: Welcome | null;
    /** The tokens of one's own claims, by conversation. @type {Map<string, number>} */
    claims: Map<string, number>;
    /** What one is offered, by conversation. @type {Map<string, OfferInfo>} */
    offers: Map<string, OfferInfo>;
    unreadMentions: number;
    /** The server's clock minus ours, in milliseconds. */
    clockOffsetMs: number;
    /** Fulfilled with the first welcome; rejected when the client is closed before. @type {Promise<Welcome>} */
    ready: Promise<Welcome>;
    /** @param {Options} options */
    constructor(options: Options);
    get state(): import("./index.js").State;
    /** The id of the agent that one is; empty before the first welcome. */
    get me(): string;
    /**
     * Sends a command. While connecting it waits; when the connection is lost it is refused with `offline`. On its way
     * when the connection ends, it is repeated after the next welcome.
     * @template {Name} K
     * @param {K} type
     * @param {Fields<K>} fields
     * @param {CallOptions} [options]
     * @returns {Promise<Answers[K] & {duplicate?: boolean}>} Rejected with a `DibsError`.
     */
    call<K extends Name>(type: K, fields: Fields<K>, options?: CallOptions): Promise<Answers[K] & {
        duplicate?: boolean;
    }>;
    /** Sends a signal, now or never: false when not connected. @param {{type: 'typing'} & TypingSignal} frame */
    send(frame: {
        type: 'typing';
    } & TypingSignal): boolean;
    /** Follows a conversation; the same object for all who do. @param {string} id @param {{limit?: number, silent?: boolean}} [options] */
    watch(id: string, options?: {
        limit?: number;
        silent?: boolean;
    }): Conversation;
    /** Opens a live list. @param {Window} wanted */
    openView(wanted: Window): View;
    /** Follows the agents and teams. */
    watchAgents(): Agents;
    /** Follows the figures, for supervisors. */
    watchStats(): Stats;
    /** Dials now instead of waiting. */
    retry(): void;
    /** Ends the session for good. */
    close(): void;
    /** Used by what is live. @param {Live<any>} live */
    forget(live: Live<any>): void;
    /** Learns from summaries, wherever they come from, whose the claims are. @param {Summary[]} summaries */
    look(summaries: Summary[]): void;
}
