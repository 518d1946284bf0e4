//! The figures of each queue, live. The hub lists no queues by name: they are found in what is open, and looked for again from
//! time to time.

import { signal, ticker } from './lib.js';

/** @import {Client} from '../sdk/client.js' */
/** @import {View} from '../sdk/view.js' */
/** @typedef {{queue: string, open: number, unclaimed: number, oldest: string | null}} Figure */

/** Two views each, of the 32 that a session has. */
const MOST = 10;
const PAGES = 10;
const AGAIN_MS = 20_000;

/** @type {import('./lib.js').Signal<Figure[]>} */
export const figures = signal([]);

/** Follows until the returned function is called. @param {Client} client */
export function followQueues(client) {
  /** @type {Map<string, {open: View, unclaimed: View}>} */
  const queues = new Map();
  const { tick, bump } = ticker();
  const end = tick.subscribe(() => {
    const rows = [...queues].map(([queue, { open, unclaimed }]) => {
      return {
        queue,
        open: open.total,
        unclaimed: unclaimed.total,
        oldest: open.rows[0]?.waiting_since ?? null,
      };
    });
    figures.value = rows.sort((one, other) => other.open - one.open || one.queue.localeCompare(other.queue));
  });
  const add = (/** @type {string} */ queue) => {
    if (queues.has(queue) || queues.size >= MOST) return;
    const filter = { queue: [queue] };
    const open = client.openView({ filter, sort: 'waiting', limit: 1 });
    const unclaimed = client.openView({
      filter: { ...filter, claimed: false, status: ['new', 'open'] },
      sort: 'waiting',
      limit: 0,
    });
    queues.set(queue, { open, unclaimed });
    for (const view of [open, unclaimed]) view.on('change', bump);
  };
  const look = () => find(client, add).catch(() => {}); // It is looked again later.
  const timer = setInterval(look, AGAIN_MS);
  look();
  return () => {
    clearInterval(timer);
    end();
    for (const { open, unclaimed } of queues.values()) for (const view of [open, unclaimed]) view.close();
    queues.clear();
  };
}

/** @param {Client} client @param {(queue: string) => void} found */
async function find(client, found) {
  /** @type {string | undefined} */
  let after;
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await client.call('list', {
      filter: { status: ['new', 'open', 'pending'] },
      sort: 'waiting',
      limit: 200,
      ...(after && { after }),
    });
    for (const { queue } of answer.conversations) found(queue);
    after = answer.cursor;
    if (!after) return;
  }
}
