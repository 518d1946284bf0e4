//! Ten thousand rows that scroll while a thousand changes a second come in: frames a second.

import { WebSocket } from 'ws';
import { connect } from '../sdk/index.js';
import { median, quantile } from './figures.js';

const ROWS = 10_000;
const CHANGES_PER_SECOND = 1_000;
const SCROLL_MS = 5_000;
const ROUNDS = 5;
const AT_ONCE = 64;
const TICK_MS = 10;
/** Changes on their way at most: when the hub is slower than that, fewer are made, and the figure says so. */
const UNDER_WAY = 400;
/** Each round of all conversations gives them another one: every command changes something. */
const PRIORITIES = /** @type {const} */ (['low', 'normal', 'high', 'urgent']);

/** Opens conversations, some at once; → their ids. @param {import('../test/app/world.js').World} world @param {number} count */
export async function fill(world, count) {
  const ids = /** @type {string[]} */ ([]);
  let next = 0;
  const work = async () => {
    while (next < count) {
      const n = next++;
      ids[n] = await world.write(`Message ${n}`, { customer: { id: `many-${n}`, name: `Customer ${n}` } });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return ids;
}

/** An agent who changes conversations at a steady rate until it is stopped; → how many were made, and that. */
export class Changes {
  made = 0;
  #underWay = 0;
  #count = 0;
  #began = Date.now();

  /** @param {import('../test/app/world.js').World} world @param {string[]} ids @param {number} perSecond */
  constructor(world, ids, perSecond) {
    const token = world.token('robo', '--kind', 'bot');
    this.client = connect({
      url: `http://${world.hub.address}/v1/ws`,
      getToken: () => token,
      WebSocket: /** @type {any} */ (WebSocket),
    });
    this.timer = setInterval(() => {
      const due = ((Date.now() - this.#began) * perSecond) / 1_000;
      for (; this.#count < due; this.#count += 1) {
        if (this.#underWay >= UNDER_WAY) continue;
        this.#underWay += 1;
        const conversation = ids[(this.#count * 7_919) % ids.length];
        const priority = PRIORITIES[Math.floor(this.#count / ids.length) % PRIORITIES.length];
        this.client
          .call('update', { conversation, priority })
          .then(({ seq }) => {
            if (seq) this.made += 1;
          })
          .catch(() => {})
          .finally(() => {
            this.#underWay -= 1;
          });
      }
    }, TICK_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.client.close();
  }
}

/** Scrolls and counts frames: their intervals, and the most rows that were in the page. @param {import('playwright-core').Page} page @param {number} ms */
export function scroll(page, ms) {
  return page.evaluate(async (scrollMs) => {
    const grid = /** @type {HTMLElement} */ (document.getElementById('list-grid'));
    const frames = /** @type {number[]} */ ([]);
    let most = 0;
    grid.scrollTop = 0;
    const start = performance.now();
    let last = start;
    await new Promise((done) => {
      const frame = (/** @type {number} */ at) => {
        frames.push(at - last);
        last = at;
        grid.scrollTop += 40;
        most = Math.max(most, grid.querySelectorAll('[role=row]').length);
        if (at - start < scrollMs) requestAnimationFrame(frame);
        else done(undefined);
      };
      requestAnimationFrame(frame);
    });
    return { frames, most, perSecond: (frames.length * 1_000) / (last - start) };
  }, ms);
}

/** @param {import('../test/app/world.js').World} world */
export async function rows(world) {
  const ids = await fill(world, ROWS);
  const page = await world.seat('priya', { view: 'all' });
  await page.locator('.list-head h1', { hasText: String(ROWS) }).waitFor();
  const changes = new Changes(world, ids, CHANGES_PER_SECOND);
  await changes.client.ready;
  const lines = [];
  const rates = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [before, from] = [changes.made, Date.now()];
    const { frames, most, perSecond } = await scroll(page, SCROLL_MS);
    const made = ((changes.made - before) * 1_000) / (Date.now() - from);
    rates.push(perSecond);
    lines.push(
      `${perSecond.toFixed(1)} frames/s, frame p50 ${median(frames).toFixed(1)} ms p95 ${quantile(frames, 0.95).toFixed(1)} ms, ${Math.round(made)} changes/s, ${most} rows in the page`,
    );
  }
  changes.stop();
  return [...lines, `median ${median(rates).toFixed(1)} frames/s over ${ROWS} rows`];
}
