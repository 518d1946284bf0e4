//! A watched conversation: its timeline, each event once and in order, through whatever happens to the line.

import { DibsError } from './errors.js';
import { Live } from './live.js';

/** @import {Client} from './client.js' */
/** @import {CallOptions, Fields} from './calls.js' */
/** @import {EventEntry, Reply, Summary, TransferTo, Typing, Viewer, WatchAnswer} from './protocol.js' */

/** @typedef {{event: EventEntry, snapshot: {gap: boolean}, summary: Summary, viewers: Viewer[], marks: Map<string, number>}} ConversationEvents */

/** Most entries that are fetched to close a gap; beyond that, `snapshot` says so. */
const GAP_MAX = 2_000;
const TYPING_EVERY_MS = 3_000;

/** @extends {Live<ConversationEvents>} */
export class Conversation extends Live {
  /** Null until the first answer. @type {Summary | null} */
  summary = null;
  /** Ascending. @type {EventEntry[]} */
  entries = [];
  /** Whether there are older entries: `older()` fetches them. */
  more = false;
  /** @type {Viewer[]} */
  viewers = [];
  /** Who has read up to which `seq`, as far as it was told. @type {Map<string, number>} */
  marks = new Map();
  /** The highest `seq` that was delivered; 0: none. */
  version = 0;
  /** Events that wait until a gap is closed. @type {EventEntry[] | null} */
  #held = null;
  #filling = 0;
  /** @type {Promise<void> | null} */
  #older = null;
  /** @type {Record<string, number>} */
  #typedAt = {};

  /** @param {Client} client @param {string} id @param {{limit?: number, silent?: boolean}} options */
  constructor(client, id, options) {
    super(client, 'watch', 'unwatch');
    this.id = id;
    this.options = options;
    this.survives = true;
  }

  named() {
    return { conversation: this.id };
  }

  wanted() {
    return { ...this.named(), ...this.options };
  }

  /** @param {WatchAnswer} answer Of `watch`, or a snapshot. */
  take(answer) {
    this.viewers = answer.viewers;
    this.summary = answer.summary;
    this.#held = [];
    this.#fill(answer.entries, answer.more, ++this.#filling);
  }

  /** Fetches what lies between the known and the answer. @param {EventEntry[]} entries @param {boolean} more @param {number} run */
  #fill(entries, more, run) {
    const before = entries[0]?.seq ?? 0;
    const gap = this.version > 0 && more && before > this.version;
    if (!gap || entries.length >= GAP_MAX) return this.#settle(entries, more, gap);
    this.client.calls.ask(
      'history',
      { conversation: this.id, before, limit: 200 },
      { retry: Infinity },
      (error, answer) => {
        if (run !== this.#filling || this.status === 'gone') return;
        if (error) this.#settle(entries, more, gap);
        else this.#fill([...answer.entries, ...entries], answer.more, run);
      },
    );
  }

  /** @param {EventEntry[]} entries @param {boolean} more @param {boolean} gap */
  #settle(entries, more, gap) {
    const first = entries[0]?.seq ?? Infinity;
    const known = this.version;
    const fresh = !known || gap;
    const kept = fresh ? [] : this.entries.filter(({ seq }) => seq < first);
    if (!kept.length) this.more = more;
    if (fresh) this.version = entries.at(-1)?.seq ?? 0;
    this.entries = [...kept, ...entries.filter(({ seq }) => seq <= this.version)];
    const held = this.#held ?? [];
    this.#held = null;
    if (this.version !== known) this.emit('snapshot', { gap });
    for (const entry of [...entries, ...held]) this.event(entry);
    if (!known && this.summary) this.version = Math.max(this.version, this.summary.version);
    if (this.summary) this.emit('summary', this.summary);
    this.emit('viewers', this.viewers);
    this.emit('change', undefined);
  }

  /** @param {EventEntry} entry */
  event(entry) {
    if (this.status !== 'live') return;
    if (this.#held) return void this.#held.push(entry);
    if (entry.seq <= this.version) return;
    this.version = entry.seq;
    const { event } = entry;
    if (event.kind === 'redacted' && 'entries' in event)
      this.entries = this.entries.map((it) =>
        event.entries.includes(it.seq) ? { ...it, event: { kind: it.event.kind, redacted: true } } : it,
      );
    this.entries.push(entry);
    this.emit('event', entry);
    this.emit('change', undefined);
  }

  /** Takes a push about this conversation. @param {'summary' | 'viewers' | 'marks'} name @param {any} value */
  push(name, value) {
    if (this.status !== 'live') return;
    if (name === 'summary' && value.version < (this.summary?.version ?? 0)) return;
    if (name !== 'marks') Object.assign(this, { [name]: value });
    else for (const { agent, up_to } of value) this.marks.set(agent, up_to);
    this.emit(name, /** @type {any} */ (this[name]));
    this.emit('change', undefined);
  }

  /** @param {DibsError | null} error A refusal: the data is dropped. */
  lose(error) {
    if (error && error.code !== 'closed') {
      this.reset();
      this.summary = null;
    }
    super.lose(error);
  }

  /** The feed's history is another one: what was known is void. */
  reset() {
    this.version = 0;
    this.entries = [];
  }

  /** Fetches older entries and puts them in front. @param {number} [limit] */
  older(limit = 50) {
    const first = this.entries[0];
    if (!this.more || !first) return Promise.resolve();
    this.#older ??= this.client
      .call('history', { conversation: this.id, before: first.seq, limit })
      .then(({ entries, more }) => {
        if (this.entries[0]?.seq !== first.seq) return;
        this.entries = [...entries, ...this.entries];
        this.more = more;
        this.emit('change', undefined);
      })
      .finally(() => {
        this.#older = null;
      });
    return this.#older;
  }

  /** The token of one's own claim; undefined when one does not hold it. */
  get token() {
    return this.client.claims.get(this.id);
  }

  /** Calls dibs. @param {CallOptions} [options] */
  claim(options) {
    return this.client.call('claim', { conversation: this.id }, options);
  }

  /** @param {CallOptions} [options] */
  async release(options) {
    return this.client.call('release', { conversation: this.id, token: this.#mine() }, options);
  }

  /**
   * Answers the customer. `seen` is what was shown, by default everything that was delivered; `key` that of an earlier try.
   * @param {string} text
   * @param {Partial<Pick<Reply, 'attachments' | 'then' | 'seen' | 'token'>> & CallOptions} [more]
   */
  async reply(text, { key, retry, ...more } = {}) {
    const { id: conversation, version: seen } = this;
    const fields = { conversation, seen, text, ...more, token: more.token ?? this.#mine() };
    return this.client.call('reply', fields, { key, retry });
  }

  /** Writes to colleagues; `@name` mentions. @param {string} text @param {CallOptions} [options] */
  note(text, options) {
    return this.client.call('note', { conversation: this.id, text }, options);
  }

  /** @param {Omit<Fields<'update'>, 'conversation'>} changes @param {CallOptions} [options] */
  update(changes, options) {
    return this.client.call('update', { conversation: this.id, ...changes }, options);
  }

  /** @param {TransferTo} to @param {string} [note] @param {CallOptions} [options] */
  async transfer(to, note, options) {
    const fields = { conversation: this.id, token: this.#mine(), to, ...(note && { note }) };
    return this.client.call('transfer', fields, options);
  }

  /** Says that one has read up to here. @param {number} [up_to] */
  markRead(up_to = this.version) {
    return this.client.call('mark_read', { conversation: this.id, up_to });
  }

  /** Says that one types, every 3 s at most and never later than now. @param {boolean} on @param {Typing} [where] */
  typing(on, where = 'reply') {
    const now = Date.now();
    if (on ? now - (this.#typedAt[where] ?? 0) < TYPING_EVERY_MS : !this.#typedAt[where]) return;
    const sent = this.client.send({ type: 'typing', conversation: this.id, in: where, on });
    this.#typedAt[where] = on && sent ? now : 0;
  }

  #mine() {
    const { token } = this;
    if (token === undefined) throw new DibsError('not_claimed', 'You do not hold this conversation.');
    return token;
  }
}
