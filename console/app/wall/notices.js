//! What a supervisor is told as it happens: a promise at risk or broken, a queue where somebody waits too long, an agent who
//! is gone with conversations in hand. Each once.

import { tone } from '../alerts.js';
import { effect, signal, untracked } from '../lib.js';
import { prefs } from '../prefs.js';
import { client, features, link, me, nameOf } from '../store.js';
import { t } from '../strings.js';
import { nameOfQueue } from '../workspace.js';
import { second, stats, told } from './figures.js';

/** @import {AgentStats, Filter, QueueStats, Summary} from '../../sdk/types/protocol.js' */
/** @import {View} from '../../sdk/view.js' */
/** @typedef {{id: number, at: number, kind: 'hot' | 'warm', text: string, conversation?: string}} Notice */

const KEPT = 40;
/** So many of those at risk, and of those that are late, are known by name. */
const ROWS = 200;
let last = 0;

/** The newest first. @type {import('../lib.js').Signal<Notice[]>} */
export const notices = signal([]);

/** @param {Notice['kind']} kind @param {string} text @param {string} [conversation] */
function notice(kind, text, conversation) {
  const it = { id: ++last, at: second.peek(), kind, text, ...(conversation && { conversation }) };
  notices.value = [it, ...notices.peek()].slice(0, KEPT);
  if (prefs.peek().sound) tone();
}

/** Queues whose longest wait has passed the limit, and was not told yet. @param {Iterable<QueueStats>} queues @param {number} now @param {number} limit In minutes. @param {Map<string, string>} known Since when somebody waits, by queue: of those told. */
export function overdue(queues, now, limit, known) {
  const found = [];
  for (const { id, oldest_waiting_since: since } of queues) {
    const is = since && now - Date.parse(since) >= limit * 60_000;
    if (!is) known.delete(id);
    // Another one who waits as long is the same trouble: it is told again once the queue was below the limit.
    else if (!known.has(id)) {
      known.set(id, since);
      found.push(id);
    }
  }
  return found;
}

/** Who has gone since the last look, and holds something. @param {Map<string, boolean>} before Who was here; brought up to date. @param {Iterable<AgentStats>} agents */
export function gone(before, agents) {
  const found = [];
  for (const agent of agents) {
    if (before.get(agent.id) && !agent.connected && agent.load > 0) found.push(agent);
    before.set(agent.id, agent.connected);
  }
  return found;
}

/** Follows until the answer is called. */
export function followNotices() {
  const ends = [waits(), leaves(), promises('sla_breached', 'hot'), promises('sla_at_risk', 'warm')];
  return () => {
    for (const end of ends) end();
  };
}

function waits() {
  /** @type {Map<string, string>} */
  const known = new Map();
  return effect(() => {
    const now = second.value;
    const limit = prefs.value.wall.limit;
    const queues = stats.peek()?.queues.values() ?? [];
    if (link.peek().state !== 'connected') return;
    for (const queue of overdue(queues, now, limit, known))
      untracked(() => notice('hot', t('n_wait', { queue: nameOfQueue(queue), n: limit })));
  });
}

function leaves() {
  /** @type {Map<string, boolean>} */
  const before = new Map();
  return effect(() => {
    told.value;
    const agents = stats.value?.agents.values() ?? [];
    for (const { id, load } of gone(before, agents))
      untracked(() => notice('hot', t('n_gone', { name: nameOf(id), n: load })));
  });
}

/** @param {'sla_breached' | 'sla_at_risk'} what @param {Notice['kind']} kind */
function promises(what, kind) {
  return effect(() => {
    const dibs = client.value;
    if (!dibs || !me.value || !features.value.has('sla')) return;
    const filter = /** @type {Filter} */ ({ [what]: true });
    const view = dibs.openView({ filter, sort: 'due', limit: ROWS });
    /** Null until the first answer: what was so before the wall was opened is no news. @type {Set<string> | null} */
    let known = null;
    view.on('rows', () => {
      const ids = new Set(view.rows.map(({ id }) => id));
      for (const row of known ? view.rows : []) if (!known?.has(row.id)) promised(what, kind, row);
      known = ids;
    });
    return () => view.close();
  });
}

/** @param {string} what @param {Notice['kind']} kind @param {Summary} row */
function promised(what, kind, { id, customer, queue }) {
  notice(kind, t(`n_${what}`, { name: customer.name, queue: nameOfQueue(queue) }), id);
}
