//! What the wall touches in a frame, with as many queues and agents as it was made for: texts whose figures changed, and
//! nothing else. How much of a core that takes depends on the machine: `node bench/run.js wall`.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { feed, load, openWall, SIZE } from '../../bench/wall.js';
import { World } from '../app/world.js';

const WATCHED_MS = 10_000;
/** Of each queue: its figures, its wait, the tone of each, and its trend. */
const MOST_PER_QUEUE = 14;
/** Of each agent whose figures changed: status, load, title, tones and words. */
const MOST_PER_AGENT = 7;
const TOTALS = 24;
/** So many of the agents are drawn, as long as not all are asked for. */
const SHOWN = 200;

/** @type {World} */
let world;
before(async () => {
  world = await World.begin();
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

/** How often what was touched, by part of the wall. @param {import('playwright-core').Page} page @param {number} ms @returns {Promise<Record<string, number>>} */
const touched = (page, ms) =>
  page.evaluate(
    (wait) =>
      new Promise((told) => {
        /** @type {Record<string, number>} */
        const counts = {};
        const watcher = new MutationObserver((all) => {
          for (const { target } of all) {
            const at = target instanceof Element ? target : target.parentElement;
            const part = at?.closest('.queue-tile, .agent-cell, .totals, .notices, .long, .chart');
            const name = part?.classList[0] ?? 'elsewhere';
            counts[name] = (counts[name] ?? 0) + 1;
          }
        });
        const kinds = { subtree: true, childList: true, attributes: true, characterData: true };
        watcher.observe(document.body, kinds);
        setTimeout(() => {
          watcher.disconnect();
          told(counts);
        }, wait);
      }),
    ms,
  );

test(`a frame of ${SIZE.queues} queues and ${SIZE.agents} agents touches what changed, and is laid out once`, async (context) => {
  const { url, end } = await feed(world.hub.address, SIZE);
  const page = await openWall(world, url, SIZE.queues);
  const counts = await touched(page, WATCHED_MS);
  const frames = WATCHED_MS / 1000;
  const { ScriptDuration, LayoutDuration, RecalcStyleDuration, LayoutCount } = await load(page, WATCHED_MS);
  end();
  await page.context().close();
  const own = ((ScriptDuration + LayoutDuration + RecalcStyleDuration) * 100).toFixed(1);
  context.diagnostic(`touched in ${frames} s: ${JSON.stringify(counts)}`);
  context.diagnostic(
    `${own} % of a core for script, layout and style; ${LayoutCount.toFixed(1)} layouts a second`,
  );
  const changed = (SIZE.changed * SHOWN) / SIZE.agents;
  assert.ok(counts['queue-tile'] > SIZE.queues * frames, 'figures move');
  assert.ok(counts['queue-tile'] <= SIZE.queues * MOST_PER_QUEUE * (frames + 1));
  assert.ok(counts['agent-cell'] <= changed * MOST_PER_AGENT * (frames + 1));
  assert.ok(counts.totals <= TOTALS * (frames + 1));
  assert.equal(counts.elsewhere ?? 0, 0);
  assert.ok(LayoutCount <= 2, `${LayoutCount} layouts a second`);
});
