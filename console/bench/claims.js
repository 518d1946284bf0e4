//! How soon a claim that is pressed in one window is painted in another, and where the time goes. The pages run on one
//! machine: they have one clock.

import { spread } from './figures.js';

const ROUNDS = 40;
/** Between two rounds: nothing of the one before is gathered any more. */
const QUIET_MS = 250;

/** Notes when frames come, before the page sees them: `seen` is told of each. */
function wiretap() {
  const at = /** @type {Record<string, number>} */ ({});
  Object.assign(globalThis, { arrived: at });
  const Real = globalThis.WebSocket;
  globalThis.WebSocket = class extends Real {
    /** @param {string | URL} url @param {string | string[]} [protocols] */
    constructor(url, protocols) {
      super(url, protocols);
      this.addEventListener('message', ({ data }) => {
        const { type, event, view } = JSON.parse(data);
        at[event?.kind ?? (view ? 'view' : type)] = Date.now();
      });
    }
  };
}

/** Resolves with the time at which an element is in the page, and that of the frame which shows it. @param {string} selector */
const painted = (selector) =>
  new Promise((done) => {
    const look = () => {
      if (!document.querySelector(selector)) return;
      watch.disconnect();
      const drawn = Date.now();
      // Most changes are drawn in a frame's own callback, so that this one is the frame after it: never too early.
      requestAnimationFrame(() => done({ drawn, painted: Date.now() }));
    };
    const watch = new MutationObserver(look);
    watch.observe(document.body, { subtree: true, childList: true, attributes: true });
    look();
  });

/**
 * Milliseconds from the press in one window to the paint in the other, with what lies between.
 * @param {import('../test/app/world.js').World} world @param {number} rounds @param {number} quietMs
 */
export async function measure(world, rounds, quietMs) {
  const id = await world.write('Back and forth', { customer: { id: 'back', name: 'Back Forth' } });
  const [one, other] = await Promise.all(['priya', 'ben'].map((who) => world.page(who)));
  for (const [page, who] of /** @type {const} */ ([
    [one, 'priya'],
    [other, 'ben'],
  ])) {
    await page.addInitScript(wiretap);
    await page.goto(`${world.url}#token=${world.token(who, '--name', who)}`);
    await page.click('[data-view=all]');
    await page.click(`#row-${id}`);
    await page.locator('.claimbar.free').waitFor();
  }
  const took = { drawn: [], bar: [], row: [], event: [], summary: [], view: [] };
  const figures = /** @type {Record<keyof typeof took, number[]>} */ (took);
  for (let round = 0; round < rounds; round += 1) {
    await one.waitForTimeout(quietMs);
    const bar = other.evaluate(painted, '.claimbar.other');
    const row = other.evaluate(painted, `#row-${id} .holder:not(.none)`);
    const pressed = await one.evaluate(() => {
      /** @type {HTMLElement} */ (document.querySelector('[data-act=claim]')).click();
      return Date.now();
    });
    const inPage = /** @type {any} */ (await bar);
    figures.drawn.push(inPage.drawn - pressed);
    figures.bar.push(inPage.painted - pressed);
    figures.row.push(/** @type {any} */ (await row).painted - pressed);
    const arrived = await other.evaluate(() => /** @type {any} */ (globalThis).arrived);
    figures.event.push(arrived.claim_granted - pressed);
    figures.summary.push(arrived.summary - pressed);
    figures.view.push(arrived.view - pressed);
    await one.click('[data-act=release]');
    await Promise.all([one, other].map((page) => page.locator('[data-act=claim]:enabled').waitFor()));
  }
  await Promise.all([one.context().close(), other.context().close()]);
  return figures;
}

/** @param {import('../test/app/world.js').World} world */
export async function claims(world) {
  const lines = [];
  for (const quietMs of [QUIET_MS, 0]) {
    const figures = await measure(world, ROUNDS, quietMs);
    lines.push(`${ROUNDS} claims, ${quietMs} ms after the release before`);
    lines.push(`  in the page:                 ${spread(figures.drawn)}`);
    lines.push(`  painted in the conversation: ${spread(figures.bar)}`);
    lines.push(`  painted in the list:         ${spread(figures.row)}`);
    for (const part of /** @type {const} */ (['event', 'summary', 'view']))
      lines.push(`  ${part} arrived: ${spread(figures[part])}`);
  }
  return lines;
}
