//! A live list: a window of rows that the server keeps up to date.

import { DibsError } from './errors.js';
import { Live } from './live.js';

/** @import {Client} from './client.js' */
/** @import {ActivityRow, ConversationId, Filter, OpenViewAnswer, Sort, Summary} from './protocol.js' */

/** @typedef {{filter: Filter, sort: Sort, offset?: number, limit?: number}} Window `offset` is a multiple of `limit`. */
/** @typedef {{upserts: Summary[], removes: ConversationId[], order?: ConversationId[]}} Delta */
/** @typedef {Delta & {seq: number, total: number}} ViewChange */
/** @typedef {{rows: Delta | null, activity: ActivityRow[]}} ViewEvents `rows` null: they were replaced. */

/** @extends {Live<ViewEvents>} */
export class View extends Live {
  /** The window, in order. @type {Summary[]} */
  rows = [];
  /** How many match in all. */
  total = 0;
  seq = 0;
  /** Who looks at a row and who types in it. @type {Map<ConversationId, ActivityRow>} */
  activity = new Map();
  /** What `rows` shows. @type {Window} */
  shown;
  /** What was asked for last. @type {Window} */
  #wanted;
  #asking = false;
  /** Whoever waits for a move. @type {((error: DibsError | null) => void)[]} */
  #waiting = [];

  /** @param {Client} client @param {string} name @param {Window} wanted */
  constructor(client, name, wanted) {
    super(client, 'open_view', 'close_view');
    this.name = name;
    this.shown = this.#wanted = wanted;
  }

  named() {
    return { view: this.name };
  }

  /**
   * Moves the window, or changes filter or sort. Of several moves in a hurry only the last is asked for.
   * @param {Partial<Window>} change
   * @returns {Promise<View>} When a window that was asked for since is there.
   */
  move(change) {
    this.#wanted = { ...this.#wanted, ...change };
    return new Promise((resolve, reject) => {
      this.#waiting.push((error) => (error ? reject(error) : resolve(this)));
      if (this.status === 'gone') this.#refuse(null);
      else if (this.status === 'live' && !this.#asking) this.ask();
    });
  }
  ask() {
    const wanted = this.#wanted;
    const waiting = this.#waiting.splice(0);
    this.#asking = true;
    this.client.calls.ask(
      this.begin,
      { view: this.name, ...wanted },
      { once: true, retry: Infinity },
      (error, answer) => {
        this.#asking = false;
        const over = this.status === 'gone' || (wanted === this.shown && !answer);
        if (over || error?.code === 'offline') this.#waiting.unshift(...waiting);
        if (error?.code === 'offline' && this.status !== 'gone') return;
        if (over) return this.lose(error);
        if (answer) {
          this.shown = wanted;
          this.answered(answer);
        } else if (this.#wanted === wanted) this.#wanted = this.shown; // A bad move leaves the old window.
        for (const done of waiting) done(error);
        if (this.status === 'loading' || this.#wanted !== this.shown) this.ask();
      },
    );
  }

  /** @param {OpenViewAnswer} answer Of `open_view`, or a snapshot. */
  take({ seq, total, conversations }) {
    Object.assign(this, { seq, total, rows: conversations });
    this.#told(null);
  }

  /** @param {ViewChange} change */
  change({ seq, total, upserts, removes, order }) {
    const rows = new Map([...this.rows, ...upserts].map((row) => [row.id, row]));
    for (const id of removes) rows.delete(id);
    const ids = order ?? [...rows.keys()];
    Object.assign(this, { seq, total, rows: ids.flatMap((id) => rows.get(id) ?? []) });
    this.#told({ upserts, removes, ...(order && { order }) });
  }

  /** @param {ActivityRow[]} rows */
  active(rows) {
    for (const row of rows) this.activity.set(row.id, row);
    this.emit('activity', rows);
    this.emit('change', undefined);
  }

  /** @param {DibsError | null} error */
  lose(error) {
    if (this.status !== 'gone') super.lose(error);
    this.#refuse(error);
  }

  /** @param {DibsError | null} error */
  #refuse(error) {
    error ??= new DibsError('closed', 'The list is closed.');
    for (const done of this.#waiting.splice(0)) done(error);
  }

  /** @param {Delta | null} delta */
  #told(delta) {
    const ids = new Set(this.rows.map(({ id }) => id));
    for (const id of this.activity.keys()) if (!ids.has(id)) this.activity.delete(id);
    this.client.look(delta ? delta.upserts : this.rows);
    this.emit('rows', delta);
    this.emit('change', undefined);
  }
}
