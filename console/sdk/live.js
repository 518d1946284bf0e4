//! What the server keeps for one connection only and is asked for again on the next: the base of watches and lists.

import { Emitter } from './emitter.js';

/** @import {Client} from './client.js' */
/** @import {DibsError} from './errors.js' */

/** @template {object} Events @extends {Emitter<Events & {change: void, gone: DibsError | null}>} */
export class Live extends Emitter {
  /** `loading` until an answer came on this connection; `gone` for good. @type {'loading' | 'live' | 'gone'} */
  status = 'loading';
  /** Fulfilled with the first answer; rejected when it is refused. @type {Promise<this>} */
  ready;
  /** Whether a resume brings it back. */
  survives = false;
  /** How many want it. */
  users = 0;
  /** @type {(error: DibsError | null) => void} */
  #settle = () => {};

  /**
   * @param {Client} client
   * @param {string} begin The command that asks for it.
   * @param {string} end The command that ends it.
   */
  constructor(client, begin, end) {
    super();
    this.client = client;
    this.begin = begin;
    this.end = end;
    this.ready = new Promise((resolve, reject) => {
      this.#settle = (error) => (error ? reject(error) : resolve(this));
    });
    this.ready.catch(() => {}); // Whoever waits for it is told; nobody must.
  }

  /** What both commands carry. @returns {object} */
  named() {
    return {};
  }

  /** What the first one carries. @returns {object} */
  wanted() {
    return this.named();
  }

  /** Takes the answer, which replaces what there was. @param {any} _answer */
  take(_answer) {}

  /** Asks, unless it was asked already. @param {boolean} resumed Whether the server still keeps it. */
  up(resumed) {
    if (resumed && this.survives && this.status === 'live') return;
    this.status = 'loading';
    this.ask();
  }

  /** @protected */
  ask() {
    this.client.calls.ask(this.begin, this.wanted(), { once: true, retry: Infinity }, (error, answer) => {
      if (this.status === 'gone') return;
      if (answer) this.answered(answer);
      else if (error?.code !== 'offline') this.lose(error);
    });
  }

  /** @param {any} answer @protected */
  answered(answer) {
    this.status = 'live';
    this.take(answer);
    this.#settle(null);
  }

  /** Wants it no longer; the last one to say so ends it. */
  close() {
    this.users -= 1;
    if (this.users > 0 || this.status === 'gone') return;
    this.client.calls.ask(this.end, this.named(), { once: true }, () => {});
    this.lose(null);
  }

  /** It is over. @param {DibsError | null} error */
  lose(error) {
    this.status = 'gone';
    this.client.forget(this);
    this.#settle(error);
    this.emit('gone', /** @type {any} */ (error));
  }
}
