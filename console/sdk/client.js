//! The client: routes what comes to whom it concerns, and keeps what is the person's own: claims, offers, mentions.

import { Calls } from './calls.js';
import { Conversation } from './conversation.js';
import { Cursor } from './cursor.js';
import { Emitter } from './emitter.js';
import { DibsError } from './errors.js';
import { Link } from './link.js';
import { Agents, Stats } from './people.js';
import { View } from './view.js';

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
export class Client extends Emitter {
  /** The latest welcome: who one is, limits, features. @type {Welcome | null} */
  welcome = null;
  /** The tokens of one's own claims, by conversation. @type {Map<string, number>} */
  claims = new Map();
  /** What one is offered, by conversation. @type {Map<string, OfferInfo>} */
  offers = new Map();
  unreadMentions = 0;
  /** The server's clock minus ours, in milliseconds. */
  clockOffsetMs = 0;
  /** Fulfilled with the first welcome; rejected when the client is closed before. @type {Promise<Welcome>} */
  ready;
  #cursor = new Cursor();
  #link;
  /** @type {Set<Live<any>>} */
  #live = new Set();
  /** Dead claims: the highest token, by conversation. @type {Map<string, number>} */
  #dead = new Map();
  #views = 0;

  /** @param {Options} options */
  constructor(options) {
    super();
    this.calls = new Calls((frame) => this.#link.send(frame));
    this.ready = new Promise((resolve, reject) => {
      this.on('welcome', resolve);
      this.on('state', ({ state, reason = '' }) => {
        if (state === 'closed') reject(new DibsError(state, reason));
      });
    });
    this.ready.catch(() => {}); // Whoever waits for it is told; nobody must.
    const watching = () => this.#of(Conversation).flatMap(({ status, id }) => (status === 'live' ? id : []));
    this.#link = new Link(options, {
      hello: () => this.#cursor.resume(watching()),
      welcome: (frame) => this.#welcome(frame),
      frame: (frame) => this.#frame(frame),
      down: () => this.calls.down(),
      state: (change) => {
        const { state, reason = '' } = change;
        if (state === 'lost' || state === 'closed') this.calls.giveUp(state === 'closed');
        if (state === 'closed') for (const live of this.#live) live.lose(new DibsError('closed', reason));
        this.emit('state', change);
      },
    });
  }

  get state() {
    return this.#link.state;
  }

  /** The id of the agent that one is; empty before the first welcome. */
  get me() {
    return this.welcome?.agent.id ?? '';
  }

  /**
   * Sends a command. While connecting it waits; when the connection is lost it is refused with `offline`. On its way
   * when the connection ends, it is repeated after the next welcome.
   * @template {Name} K
   * @param {K} type
   * @param {Fields<K>} fields
   * @param {CallOptions} [options]
   * @returns {Promise<Answers[K] & {duplicate?: boolean}>} Rejected with a `DibsError`.
   */
  call(type, fields, options = {}) {
    return new Promise((resolve, reject) => {
      const once = this.state === 'lost';
      this.calls.ask(type, fields, { ...options, once }, (error, answer) => {
        if (error) return reject(error);
        // A repeated one may be about a claim that is gone: what is held, the welcome told.
        const id = answer.conversation ?? /** @type {any} */ (fields).conversation;
        if (answer.token > 0 && !answer.duplicate) this.#gain(id, answer.token);
        if (type === 'release') this.#lose(id, /** @type {any} */ (fields).token);
        if ('unread' in answer) this.#unread(answer.unread);
        resolve(answer);
      });
    });
  }

  /** Sends a signal, now or never: false when not connected. @param {{type: 'typing'} & TypingSignal} frame */
  send(frame) {
    return this.#link.send(frame);
  }

  /** Follows a conversation; the same object for all who do. @param {string} id @param {{limit?: number, silent?: boolean}} [options] */
  watch(id, options = {}) {
    return this.#use(this.#conversation(id) ?? new Conversation(this, id, options));
  }

  /** Opens a live list. @param {Window} wanted */
  openView(wanted) {
    this.#views += 1;
    return this.#use(new View(this, `v${this.#views}`, wanted));
  }

  /** Follows the agents and teams. */
  watchAgents() {
    return this.#use(this.#of(Agents)[0] ?? new Agents(this));
  }

  /** Follows the figures, for supervisors. */
  watchStats() {
    return this.#use(this.#of(Stats)[0] ?? new Stats(this));
  }

  /** Dials now instead of waiting. */
  retry() {
    this.#link.retry();
  }

  /** Ends the session for good. */
  close() {
    this.#link.close();
  }

  /** Used by what is live. @param {Live<any>} live */
  forget(live) {
    this.#live.delete(live);
  }

  /** Learns from summaries, wherever they come from, whose the claims are. @param {Summary[]} summaries */
  look(summaries) {
    for (const { id, version, claim } of summaries) {
      const mine = this.claims.get(id);
      if (claim?.agent === this.me) this.#gain(id, claim.token);
      else if (mine && version >= mine) this.#lose(id, mine);
    }
  }

  /** @template {Live<any>} L @param {L} live @returns {L} */
  #use(live) {
    live.users += 1;
    if (!this.#live.has(live)) {
      this.#live.add(live);
      live.up(false);
    }
    return live;
  }

  /** @template {Live<any>} L @param {new (...args: any[]) => L} kind @returns {L[]} */
  #of(kind) {
    return /** @type {any} */ ([...this.#live].filter((live) => live instanceof kind));
  }

  /** @param {string | undefined} id */
  #conversation(id) {
    return this.#of(Conversation).find((it) => it.id === id);
  }

  /** @param {Welcome} frame */
  #welcome(frame) {
    this.welcome = frame;
    this.#time(frame.time);
    const other = this.#cursor.welcome(frame);
    if (other) for (const conversation of this.#of(Conversation)) conversation.reset();
    this.#dead.clear();
    this.claims = new Map(frame.claims.map(({ conversation, token }) => [conversation, token]));
    this.offers = new Map(frame.offers.map((offer) => [offer.conversation, offer]));
    this.calls.up(other);
    for (const live of this.#live) live.up(frame.resumed);
    this.emit('welcome', frame);
    this.emit('claims', this.claims);
    this.emit('offers', this.offers);
    this.#unread(frame.unread_mentions);
  }

  /** @param {ServerFrame} frame */
  #frame(frame) {
    switch (frame.type) {
      case 'ok':
      case 'error':
        return this.calls.answer(frame, frame.type === 'ok');
      case 'event': {
        const { type: _type, ...entry } = frame;
        this.#cursor.event(entry.seq);
        return this.#conversation(entry.conversation)?.event(entry);
      }
      case 'position':
        this.#time(frame.time);
        return this.#cursor.position(frame);
      case 'summary':
        this.look([frame.summary]);
        return this.#conversation(frame.summary.id)?.push('summary', frame.summary);
      case 'viewers':
        return this.#conversation(frame.conversation)?.push('viewers', frame.viewers);
      case 'view_changed':
        return this.#view(frame.view)?.change(frame);
      case 'activity':
        return this.#view(frame.view)?.active(frame.rows);
      case 'snapshot':
        return (frame.of === 'view' ? this.#view(frame.view) : this.#conversation(frame.conversation))?.take(
          /** @type {any} */ (frame),
        );
      case 'presence':
        return this.#of(Agents)[0]?.push(frame.agents);
      case 'stats':
        return this.#of(Stats)[0]?.push(frame);
    }
    this.#told(frame);
  }

  /** What is told to the person. @param {Exclude<ServerFrame, Frame<'event'>>} frame */
  #told(frame) {
    switch (frame.type) {
      case 'claim_gained':
        this.#gain(frame.conversation, frame.token);
        break;
      case 'claim_lost':
        this.#lose(frame.conversation, frame.token);
        break;
      case 'offer':
        this.offers.set(frame.conversation, frame);
        this.emit('offers', this.offers);
        break;
      case 'offer_gone':
        if (this.offers.delete(frame.conversation)) this.emit('offers', this.offers);
        break;
      case 'mention':
      case 'mentions_read':
        this.#unread(frame.unread);
        break;
      case 'read_marks':
        this.#conversation(frame.conversation)?.push('marks', frame.marks);
        break;
      case 'revoked':
        this.#conversation(frame.conversation)?.lose(new DibsError('not_found', 'You may no longer see it.'));
        break;
      case 'resync':
        this.#cursor.resync(frame.epoch);
        if (frame.epoch) for (const conversation of this.#of(Conversation)) conversation.reset();
    }
    this.emit(/** @type {Told} */ (frame.type), /** @type {any} */ (frame));
  }

  /** @param {string} view */
  #view(view) {
    return this.#of(View).find((it) => it.name === view);
  }

  /** @param {string} id @param {number} token */
  #gain(id, token) {
    if (token <= (this.#dead.get(id) ?? 0) || token <= (this.claims.get(id) ?? 0)) return;
    this.claims.set(id, token);
    this.emit('claims', this.claims);
  }

  /** @param {string} id @param {number} token */
  #lose(id, token) {
    this.#dead.set(id, Math.max(token, this.#dead.get(id) ?? 0));
    if ((this.claims.get(id) ?? Infinity) > token) return;
    this.claims.delete(id);
    this.emit('claims', this.claims);
  }

  /** @param {number} unread */
  #unread(unread) {
    if (unread === this.unreadMentions) return;
    this.unreadMentions = unread;
    this.emit('unread', unread);
  }

  /** @param {string} time */
  #time(time) {
    this.clockOffsetMs = Date.parse(time) - Date.now();
  }
}
