//! One line to the hub, dialled again for ever: tokens, hello, silence, backoff. Knows no command and no conversation.

import { Backoff, isTokenRefused } from './backoff.js';

/** @import {Options, State, StateChange} from './index.js' */
/** @import {Resume, ServerFrame, Welcome} from './protocol.js' */

/**
 * What a link tells its owner. `hello` gives what to resume from.
 * @typedef {{hello(): Resume | undefined, welcome(frame: Welcome): void, frame(frame: ServerFrame): void, down(): void,
 *   state(change: StateChange): void}} Owner
 */

const LOST_AFTER_MS = 5_000;
const WELCOME_WITHIN_MS = 10_000;
const CUT = 1006;
const HELLO_ID = 0;

export class Link {
  /** @type {State} */
  state = 'connecting';
  /** @type {WebSocket | undefined} */
  #socket;
  #welcomed = false;
  #backoff;
  /** Counts dials: what belongs to an earlier one is ignored. */
  #dials = 0;
  /** What `reconnect` asked for. */
  #afterMs = 0;
  #heardAt = 0;
  #over = new AbortController();
  #notBefore = 0;
  /** Why the next token is asked for. @type {'connect' | 'refused'} */
  #why = 'connect';
  /** @type {Record<'dial' | 'lost' | 'silence', ReturnType<typeof setTimeout> | undefined>} */
  #timers = { dial: undefined, lost: undefined, silence: undefined };

  /**
   * @param {Options} options
   * @param {Owner} owner
   */
  constructor(options, owner) {
    this.options = options;
    this.owner = owner;
    this.#backoff = new Backoff(options.backoff);
    this.#missing();
    this.#timers.dial = setTimeout(() => this.#dial());
    const { signal } = this.#over;
    globalThis.addEventListener?.('online', this.retry, { signal });
    // Timers of hidden pages are slow.
    globalThis.document?.addEventListener('visibilitychange', this.retry, { signal });
  }

  /** Sends, or does nothing and says false: nothing is queued here. @param {object} frame */
  send(frame) {
    if (!this.#welcomed || this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Dials now instead of later, or as soon as the server allows. */
  retry = () => {
    if (!this.#timers.dial) return;
    clearTimeout(this.#timers.dial);
    this.#timers.dial = setTimeout(() => this.#dial(), Math.max(0, this.#notBefore - Date.now()));
  };

  /** Ends it for good. @param {number} [code] @param {string} [reason] */
  close(code = 1000, reason = 'closed by its owner') {
    if (this.state === 'closed') return;
    this.#drop();
    clearTimeout(this.#timers.lost);
    this.#over.abort();
    this.#tell('closed', { code, reason });
  }

  async #dial() {
    const dial = ++this.#dials;
    this.#timers.dial = undefined;
    this.#watch(WELCOME_WITHIN_MS);
    const token = await this.#token(this.#why);
    if (dial !== this.#dials || token === undefined) return;
    const { url, WebSocket = globalThis.WebSocket, client = 'dibs-client/1.0' } = this.options;
    let socket;
    try {
      socket = new WebSocket(url.replace(/^http/, 'ws'), ['dibs.v1']);
    } catch (error) {
      return this.close(CUT, String(error)); // No address, or one that this page may not dial.
    }
    this.#socket = socket;
    socket.onopen = () => {
      const resume = this.owner.hello();
      socket.send(JSON.stringify({ type: 'hello', id: HELLO_ID, token, client, ...(resume && { resume }) }));
    };
    socket.onmessage = ({ data }) => socket === this.#socket && this.#hear(JSON.parse(data));
    socket.onclose = ({ code, reason }) => socket === this.#socket && this.#down(code, reason);
    socket.onerror = () => {}; // A close follows.
  }

  /** A token; undefined when there is none now, or never again. @param {'connect' | 'refresh' | 'refused'} why */
  async #token(why) {
    const dial = this.#dials;
    try {
      const token = await this.options.getToken(why);
      if (token) return token;
      if (dial === this.#dials) this.close(4001, 'there is no token');
    } catch {
      if (dial === this.#dials && why !== 'refresh') this.#down(CUT, 'no token could be had');
    }
    return undefined;
  }

  /** @param {ServerFrame} frame */
  #hear(frame) {
    this.#heardAt = Date.now();
    if (frame.type === 'welcome') {
      this.#welcomed = true;
      this.#afterMs = this.#backoff.attempts = 0;
      clearTimeout(this.#timers.lost);
      this.#timers.lost = undefined;
      this.#watch(2_000 * frame.heartbeat_seconds);
      this.state = 'connected';
      this.owner.welcome(frame);
      this.#tell('connected');
    } else if (frame.type === 'token_expiring') this.#refresh();
    else {
      if (frame.type === 'reconnect') this.#afterMs = frame.after_ms;
      this.owner.frame(frame);
    }
  }

  async #refresh() {
    const token = await this.#token('refresh');
    // Its answer is of no interest: a refused one ends with 4002, and a dial with another token.
    if (token) this.send({ type: 'refresh', id: HELLO_ID, token });
  }

  /** Redials when nothing is heard for so long, also after a sleep of the machine. @param {number} ms */
  #watch(ms) {
    this.#heardAt = Date.now();
    const look = () => {
      const rest = this.#heardAt + ms - Date.now();
      if (rest > 0 && rest <= ms) this.#timers.silence = setTimeout(look, rest);
      else this.#down(CUT, 'nothing was heard');
    };
    clearTimeout(this.#timers.silence);
    this.#timers.silence = setTimeout(look, ms);
  }

  /** @param {number} code @param {string} reason */
  #down(code, reason) {
    this.#drop();
    const wait = this.#backoff.next(code, this.#afterMs);
    if (wait === null) return this.close(code, reason);
    this.#why = isTokenRefused(code) ? 'refused' : 'connect';
    this.#notBefore = Date.now() + this.#backoff.leastMs;
    this.#timers.dial = setTimeout(() => this.#dial(), wait);
    this.#missing();
    const state = this.state === 'connected' ? 'reconnecting' : this.state;
    this.#tell(state, { code, reason, retryInMs: Math.round(wait) });
  }

  /** Leaves the socket, which may be dead and never say so. */
  #drop() {
    const socket = this.#socket;
    this.#dials += 1;
    this.#socket = undefined;
    for (const timer of [this.#timers.dial, this.#timers.silence]) clearTimeout(timer);
    this.#timers.dial = undefined;
    if (socket && socket.readyState < 2) socket.close();
    if (this.#welcomed) {
      this.#welcomed = false;
      this.owner.down();
    }
  }

  #missing() {
    this.#timers.lost ??= setTimeout(() => this.#tell('lost'), this.options.lostAfterMs ?? LOST_AFTER_MS);
  }

  /** @param {State} state @param {Omit<StateChange, 'state'>} [more] */
  #tell(state, more = {}) {
    this.state = state;
    this.owner.state({ state, ...more });
  }
}
