//! A list of any length through windows of live views: the pages that are looked at are live, those left behind stay as they
//! were until they are looked at again, and all others are gaps.

import { ticker } from './lib.js';

/** @import {Client} from '../sdk/client.js' */
/** @import {ActivityRow, Filter, Sort, Summary} from '../sdk/types/protocol.js' */
/** @import {View} from '../sdk/view.js' */

export const PAGE = 50;
const MARGIN = 10;
const KEPT = 12;
const SETTLE_MS = 70;

export class Pages {
  total = 0;
  /** Whether anything was answered yet. */
  known = false;
  /** @type {Map<number, View>} */
  #live = new Map();
  /** @type {Map<number, Summary[]>} */
  #left = new Map();
  #range = [0, 0];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #clock = ticker();

  /** @param {Client} client @param {Filter} filter @param {Sort} sort */
  constructor(client, filter, sort) {
    this.client = client;
    this.filter = filter;
    this.sort = sort;
    this.#settle();
  }

  /** Grows with every change. */
  get tick() {
    return this.#clock.tick;
  }

  /** These rows are looked at. @param {number} first @param {number} last */
  look(first, last) {
    this.#range = [first, last];
    const here = this.#live.has(Math.floor(first / PAGE)) && this.#live.has(Math.floor(last / PAGE));
    if (here || this.#timer) return;
    this.#timer = setTimeout(() => this.#settle(), SETTLE_MS);
  }

  /** @param {number} index @returns {Summary | undefined} */
  row(index) {
    const page = Math.floor(index / PAGE);
    const view = this.#live.get(page);
    const rows = view?.rows.length ? view.rows : this.#left.get(page);
    return rows?.[index % PAGE];
  }

  /** @param {string} id @returns {ActivityRow | undefined} */
  activity(id) {
    for (const view of this.#live.values()) {
      const row = view.activity.get(id);
      if (row) return row;
    }
    return undefined;
  }

  /** Where it is among the rows that are known; -1 when it is not. @param {string | null} id */
  indexOf(id) {
    for (const [page, view] of this.#live) {
      const at = view.rows.findIndex((row) => row.id === id);
      if (at >= 0) return page * PAGE + at;
    }
    return -1;
  }

  close() {
    clearTimeout(this.#timer);
    for (const view of this.#live.values()) view.close();
    this.#live.clear();
  }

  #settle() {
    this.#timer = undefined;
    const [first, last] = this.#range;
    const wanted = new Set();
    for (
      let page = Math.floor(Math.max(0, first - MARGIN) / PAGE);
      page <= Math.floor((last + MARGIN) / PAGE);
      page += 1
    )
      if (page === 0 || page * PAGE < this.total) wanted.add(page);
    for (const [page, view] of this.#live) {
      if (wanted.has(page)) continue;
      this.#left.set(page, view.rows);
      view.close();
      this.#live.delete(page);
    }
    for (const page of this.#left.keys()) if (this.#left.size > KEPT) this.#left.delete(page);
    for (const page of wanted) if (!this.#live.has(page)) this.#open(page);
  }

  /** @param {number} page */
  #open(page) {
    const { filter, sort } = this;
    const view = this.client.openView({ filter, sort, offset: page * PAGE, limit: PAGE });
    this.#live.set(page, view);
    view.on('change', () => {
      if (this.#live.get(page) !== view) return;
      this.known = true;
      const grown = this.total;
      this.total = view.total;
      if (grown !== this.total && !this.#timer) this.#timer = setTimeout(() => this.#settle(), SETTLE_MS);
      this.#clock.bump();
    });
  }
}
