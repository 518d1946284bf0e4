//! A client's place in the feed, kept exactly as the contract says. Pure.

/** @import {Resume, Welcome} from './protocol.js' */

export class Cursor {
  /** @type {string | undefined} */
  epoch;
  seq = 0;
  /** The chain's hash and the `seq` that it belongs to. @type {{seq: number, hash: string} | undefined} */
  #hash;
  /** Between `resync` and the next `position` the cursor stays. */
  #frozen = false;
  /** The epoch changed in this connection: nothing before the next `position` can be resumed from. */
  #void = false;

  /**
   * What `hello` carries, if one can resume.
   * @param {string[]} watching
   * @returns {Resume | undefined}
   */
  resume(watching) {
    if (!this.epoch || this.#void) return undefined;
    const hash = this.#hash?.seq === this.seq ? { hash: this.#hash.hash } : {};
    return { epoch: this.epoch, seq: this.seq, ...hash, watching };
  }

  /**
   * True when the feed's history is another one: what was known of it is void.
   * @param {Pick<Welcome, 'resumed' | 'epoch' | 'seq' | 'hash'>} welcome
   */
  welcome({ resumed, epoch, seq, hash }) {
    const other = this.epoch !== undefined && this.epoch !== epoch;
    this.#frozen = this.#void = false;
    if (!resumed) {
      Object.assign(this, { epoch, seq });
      this.#hash = { seq, hash };
    }
    return other;
  }

  /** @param {number} seq */
  event(seq) {
    if (!this.#frozen) this.seq = Math.max(this.seq, seq);
  }

  /** @param {{seq: number, hash: string}} position */
  position({ seq, hash }) {
    this.seq = this.#frozen ? seq : Math.max(this.seq, seq);
    this.#hash = { seq, hash };
    this.#frozen = this.#void = false;
  }

  /** @param {string} [epoch] The new one, if it changed. */
  resync(epoch) {
    this.#frozen = true;
    if (epoch) {
      this.epoch = epoch;
      this.#void = true;
    }
  }
}
