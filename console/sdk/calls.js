//! Commands on their way: answered once, repeated after a resume where that is safe, and never lost in silence.

import { DibsError } from './errors.js';

/** @import {Answers, Command, ErrorFrame, OkFrame} from './protocol.js' */

/** @typedef {keyof Answers} Name A command's `type`. */
/** @template {Name} K @typedef {Omit<Extract<Command, {type: K}>, 'type' | 'key'>} Fields */
/** @typedef {{key?: string, retry?: number}} CallOptions `retry`: how often to repeat when refused with `unavailable` or `rate_limited`. */
/** @typedef {(error: DibsError | null, answer?: any) => void} Done */
/** @typedef {{frame: {id: number, type: string, key?: string}, done: Done, retry: number, once: boolean, sentAt: number,
 *   timer?: ReturnType<typeof setTimeout>}} Call `sentAt` is 0 while it was not sent. */

/** They may be repeated as they are: questions, and `claim`, which gives a holder the same token again. */
const REPEATABLE = new Set('history list read_marks mentions settings ping claim'.split(' '));
/** They change something, and take a key. */
const KEYED =
  /^(open|release|take_over|note|update|bulk|merge|split|mark_read|read_mentions|(set|cancel|answer)_.+|(.+_)?(reply|transfer))$/;
/** Keys are kept for 24 h: half of that is surely safe. */
const KEY_GOOD_FOR_MS = 12 * 3_600_000;

const SAID = {
  offline: 'No connection: nothing was sent.',
  closed: 'The client is closed.',
  unknown_outcome: 'The connection ended before the answer.',
};

/** A key of 128 random bits; without a secure context, too. */
export const makeKey = () => crypto.getRandomValues(new Uint32Array(4)).join('-');

export class Calls {
  /** @type {Map<number, Call>} */
  #pending = new Map();
  #lastId = 0;
  #closed = false;

  /** @param {(frame: object) => boolean} send False when there is no connection. */
  constructor(send) {
    this.send = send;
  }

  /**
   * Sends, now or when connected. `once`: for this connection only. `done` is called with the answer before the next
   * frame is looked at.
   * @param {string} type
   * @param {object} fields
   * @param {CallOptions & {once?: boolean}} options
   * @param {Done} done
   */
  ask(type, fields, { key, retry = 0, once = false }, done) {
    const id = ++this.#lastId;
    const keyed = KEYED.test(type) ? { key: key ?? makeKey() } : {};
    /** @type {Call} */
    const call = { frame: { type, id, ...fields, ...keyed }, done, retry, once, sentAt: 0 };
    this.#pending.set(id, call);
    if (!this.#send(call) && (once || this.#closed)) this.#end(call, this.#closed ? 'closed' : 'offline');
  }

  /** @param {OkFrame | ErrorFrame} frame @param {boolean} ok */
  answer(frame, ok) {
    const call = this.#pending.get(/** @type {number} */ (frame.id));
    if (!call) return;
    if (!ok && call.retry > 0 && /^(unavailable|rate_limited)$/.test(String(frame.code))) {
      call.retry -= 1;
      const after = Number(frame.retry_after_ms ?? 1_000) * (1 + Math.random());
      call.timer = setTimeout(() => this.#send(call), after);
      return;
    }
    this.#pending.delete(call.frame.id);
    if (ok) return call.done(null, frame);
    const { code, message, ...details } = /** @type {ErrorFrame} */ (frame);
    call.done(new DibsError(code, message, details, call.frame.key));
  }

  /** The connection ended. */
  down() {
    for (const call of this.#pending.values()) {
      clearTimeout(call.timer);
      if (call.once) this.#end(call, 'offline');
      else if (call.sentAt && !call.frame.key && !REPEATABLE.has(call.frame.type))
        this.#end(call, 'unknown_outcome');
    }
  }

  /** There is a connection: what waits is sent, in its old order. @param {boolean} other The history is another one. */
  up(other) {
    for (const call of this.#pending.values()) {
      const old = call.sentAt && call.frame.key && (other || Date.now() - call.sentAt > KEY_GOOD_FOR_MS);
      if (old) this.#end(call, 'unknown_outcome');
      else this.#send(call);
    }
  }

  /** Nothing new waits for a connection that is lost; all ends when it is closed. @param {boolean} closed */
  giveUp(closed) {
    this.#closed = closed;
    for (const call of this.#pending.values()) {
      clearTimeout(closed ? call.timer : undefined);
      if (!call.sentAt) this.#end(call, closed ? 'closed' : 'offline');
      else if (closed)
        this.#end(call, call.frame.key || call.frame.type === 'claim' ? 'unknown_outcome' : 'closed');
    }
  }

  /** @param {Call} call */
  #send(call) {
    const sent = this.send(call.frame);
    if (sent) call.sentAt ||= Date.now();
    return sent;
  }

  /** @param {Call} call @param {keyof typeof SAID} code */
  #end(call, code) {
    this.#pending.delete(call.frame.id);
    call.done(new DibsError(code, SAID[code], {}, call.frame.key));
  }
}
