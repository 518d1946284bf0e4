//! How much of a core the wall takes in the browser. The figures come from here, into the page's own socket beside what the
//! hub says: what is measured is drawing, with as many queues and agents as are wanted, one frame a second.

/** @typedef {import('playwright-core').Page} Page */

const NAMES = ['Ada', 'Ben', 'Chi', 'Dan', 'Eva', 'Fay', 'Gus', 'Hal', 'Ivo', 'Jan'];
const QUANTILES = { count: 20, p50_s: 95, p90_s: 340 };
const DURATIONS = { hour: QUANTILES, day: QUANTILES };

/** @param {number} most */
const some = (most) => Math.floor(Math.random() * (most + 1));
const ago = (/** @type {number} */ s) => new Date(Date.now() - s * 1000).toISOString();

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
  queues: Array.from({ length: queues }, (_, n) => ({ id: `queue-${n}`, ...live() })),
  agents:
    changed === undefined
      ? Array.from({ length: agents }, (_, n) => agent(n))
      : Array.from({ length: changed }, () => agent(some(agents - 1))),
});

/** Feeds the page's wall once a second, until the answer is called. To be called before the page is opened. @param {Page} page @param {{queues: number, agents: number, changed: number}} size */
export async function feed(page, { queues, agents, changed }) {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  await page.routeWebSocket(/\/v1\/ws$/, (socket) => {
    const hub = socket.connectToServer();
    hub.onMessage((text) => {
      const told = JSON.parse(String(text));
      if (told.type === 'welcome') told.features = [...new Set([...told.features, 'stats'])];
      socket.send(JSON.stringify(told));
    });
    socket.onMessage((text) => {
      const asked = JSON.parse(String(text));
      if (!/watch_stats$/.test(asked.type)) return hub.send(text);
      socket.send(JSON.stringify({ type: 'ok', id: asked.id }));
      clearInterval(timer);
      if (asked.type !== 'watch_stats') return;
      socket.send(JSON.stringify(frame(queues, agents)));
      timer = setInterval(() => socket.send(JSON.stringify(frame(queues, agents, changed))), 1_000);
    });
  });
  return () => clearInterval(timer);
}

/** The part of a core that the page takes over so long. @param {Page} page @param {number} ms */
export async function load(page, ms) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
  };
  const [before, from] = [await busy(), Date.now()];
  await page.waitForTimeout(ms);
  return ((await busy()) - before) / ((Date.now() - from) / 1000);
}
