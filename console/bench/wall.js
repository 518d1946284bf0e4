//! How much of a core the wall takes in the browser. The figures come from here, through a line between the page and the hub:
//! what is measured is drawing, with as many queues and agents as are wanted, one frame a second.

import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { serve } from '../test/serve.js';

/** @typedef {import('playwright-core').Page} Page */

export const SIZE = { queues: 50, agents: 2_000, changed: 200 };
const PROTOCOL = 'dibs.v1';
const SETTLE_MS = 4_000;
const MEASURED_MS = 20_000;
const PARTS = /** @type {const} */ ([
  'TaskDuration',
  'ScriptDuration',
  'LayoutDuration',
  'RecalcStyleDuration',
  'LayoutCount',
  'RecalcStyleCount',
]);
/** One in so many queues has another longest wait in a frame: people wait longer than a second. */
const WAITS_LAST = 10;

const NAMES = ['Ada', 'Ben', 'Chi', 'Dan', 'Eva', 'Fay', 'Gus', 'Hal', 'Ivo', 'Jan'];
const QUANTILES = { count: 20, p50_s: 95, p90_s: 340 };
const DURATIONS = { hour: QUANTILES, day: QUANTILES };

/** @param {number} most */
const some = (most) => Math.floor(Math.random() * (most + 1));
const ago = (/** @type {number} */ s) => new Date(Date.now() - s * 1000).toISOString();

/** @type {string[]} */
const waits = [];
/** @param {number} queue */
function waitOf(queue) {
  if (!waits[queue] || some(WAITS_LAST - 1) === 0) waits[queue] = ago(some(900));
  return waits[queue];
}

const live = () => ({
  waiting: some(12),
  oldest_waiting_since: ago(some(900)),
  unclaimed: some(8),
  claimed: some(20),
  pending: some(5),
  at_risk: some(9) ? 0 : 1,
  breached: some(19) ? 0 : 1,
  arrivals_per_minute: some(30),
  replies_per_minute: some(30),
  first_response: DURATIONS,
  handle_time: DURATIONS,
});

/** @param {number} n */
const agent = (n) => ({
  id: `${NAMES[n % NAMES.length].toLowerCase()}-${n}`,
  status: ['online', 'online', 'online', 'away', 'busy'][some(4)],
  connected: true,
  load: some(6),
  capacity: 6,
  waiting: some(3),
  oldest_waiting_since: ago(some(300)),
  at_risk: 0,
  breached: 0,
  replies_per_minute: some(3),
  first_response: DURATIONS,
  handle_time: DURATIONS,
});

/** Everything, or so many agents and all queues anew. @param {number} queues @param {number} agents @param {number} [changed] */
export const frame = (queues, agents, changed) => ({
  type: 'stats',
  at: ago(0),
  whole: changed === undefined,
  workspace: {
    ...live(),
    agents: {
      online: Math.ceil(agents * 0.8),
      away: Math.floor(agents * 0.2),
      busy: 0,
      gone: 0,
      load: some(agents * 6),
      capacity: agents * 6,
    },
    collisions: { claims_contested: 9, replies_stale: 4, replies_fenced: 1, repeats_absorbed: 12 },
  },
  queues: Array.from({ length: queues }, (_, n) => ({
    id: `queue-${n}`,
    ...live(),
    oldest_waiting_since: waitOf(n),
  })),
  agents:
    changed === undefined
      ? Array.from({ length: agents }, (_, n) => agent(n))
      : Array.from({ length: changed }, () => agent(some(agents - 1))),
});

/** Between the page and the hub: what a page asks goes on to the hub, but its figures come from here, once a second. @param {string} address The hub's. @param {{queues: number, agents: number, changed: number}} size */
export async function feed(address, { queues, agents, changed }) {
  const server = createServer((_asked, answer) => void answer.writeHead(404).end());
  const sockets = new WebSocketServer({ server, handleProtocols: () => PROTOCOL });
  const timers = new Set();
  sockets.on('connection', (near) => {
    const far = new WebSocket(`ws://${address}/v1/ws`, PROTOCOL);
    /** @type {string[] | null} */
    let early = [];
    /** @type {ReturnType<typeof setInterval> | undefined} */
    let timer;
    const tell = (/** @type {object} */ it) => near.send(JSON.stringify(it));
    far.on('open', () => {
      for (const text of early ?? []) far.send(text);
      early = null;
    });
    far.on('message', (text) => near.send(String(text)));
    near.on('message', (data) => {
      const text = String(data);
      const asked = JSON.parse(text);
      if (!/watch_stats$/.test(asked.type)) return void (early ? early.push(text) : far.send(text));
      tell({ type: 'ok', id: asked.id });
      clearInterval(timer);
      if (asked.type !== 'watch_stats') return;
      tell(frame(queues, agents));
      timer = setInterval(() => tell(frame(queues, agents, changed)), 1_000);
      timers.add(timer);
    });
    far.on('close', () => near.close());
    near.on('close', () => {
      clearInterval(timer);
      far.close();
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const pages = await serve(() => `127.0.0.1:${port}`);
  const at = /** @type {import('node:net').AddressInfo} */ (pages.address());
  return {
    url: `http://127.0.0.1:${at.port}/`,
    /** No more figures; the connections end. */
    end() {
      for (const timer of timers) clearInterval(timer);
      for (const near of sockets.clients) near.terminate();
      for (const it of [server, pages]) {
        it.closeAllConnections();
        it.close();
      }
    },
  };
}

/** Opens the wall of a supervisor on what is fed. @param {import('../test/app/world.js').World} world @param {string} url @param {number} queues */
export async function openWall(world, url, queues) {
  const page = await world.page('olivia', { viewport: { width: 1920, height: 1080 } });
  await page.goto(`${url}#token=${world.token('olivia', '--role', 'supervisor')}`);
  await page.locator('.sidebar').waitFor();
  await page.click('[data-view=wall]');
  await page
    .locator('.queue-tile')
    .nth(queues - 1)
    .waitFor();
  await page.locator('.agent-cell').nth(100).waitFor();
  return page;
}

/** Which parts of a core the page's main thread takes over so long, by what it does. @param {Page} page @param {number} ms @returns {Promise<Record<string, number>>} */
export async function load(page, ms) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return new Map(metrics.map(({ name, value }) => [name, value]));
  };
  const [before, from] = [await busy(), Date.now()];
  await page.waitForTimeout(ms);
  const [after, seconds] = [await busy(), (Date.now() - from) / 1000];
  return Object.fromEntries(
    PARTS.map((name) => [name, ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / seconds]),
  );
}

/** The wall in figures: with as many queues and agents as it was made for. @param {import('../test/app/world.js').World} world */
export async function wall(world) {
  const { url, end } = await feed(world.hub.address, SIZE);
  try {
    const page = await openWall(world, url, SIZE.queues);
    await page.waitForTimeout(SETTLE_MS);
    const it = await load(page, MEASURED_MS);
    const percent = (/** @type {number} */ part) => `${(part * 100).toFixed(1)} %`;
    const own = it.ScriptDuration + it.LayoutDuration + it.RecalcStyleDuration;
    return [
      `${SIZE.queues} queues and ${SIZE.agents} agents, ${SIZE.changed} changed a frame, a frame a second: main thread ${percent(it.TaskDuration)} of a core: script ${percent(it.ScriptDuration)}, layout ${percent(it.LayoutDuration)}, style ${percent(it.RecalcStyleDuration)}, together ${percent(own)}; the rest is painting and the browser's own`,
      `${it.LayoutCount.toFixed(1)} layouts and ${it.RecalcStyleCount.toFixed(1)} style passes a second`,
    ];
  } finally {
    end();
  }
}
