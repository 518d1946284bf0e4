//! What the wall takes of a core in the browser, with as many queues and agents as it was made for.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { feed, load } from '../../bench/wall.js';
import { World } from '../app/world.js';

const SIZE = { queues: 50, agents: 2_000, changed: 200 };
const SETTLE_MS = 3_000;
const MEASURED_MS = 15_000;
/** With drawing by the processor, as there is no graphics card here; the hub's own part is measured elsewhere. */
const MOST = Number(process.env.DIBS_WALL ?? 0.4);

/** @type {World} */
let world;
before(async () => {
  world = await World.begin();
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

test(`${SIZE.queues} queues and ${SIZE.agents} agents, a frame a second`, async (context) => {
  const page = await world.page('olivia', { viewport: { width: 1920, height: 1080 } });
  const end = await feed(page, SIZE);
  await page.goto(`${world.url}#token=${world.token('olivia', '--role', 'supervisor')}`);
  await page.locator('.sidebar').waitFor();
  await page.click('[data-view=wall]');
  await page
    .locator('.queue-tile')
    .nth(SIZE.queues - 1)
    .waitFor();
  await page.locator('.agent-cell').nth(100).waitFor();
  await page.waitForTimeout(SETTLE_MS);
  const part = await load(page, MEASURED_MS);
  end();
  context.diagnostic(`${(part * 100).toFixed(1)} % of a core, ${SIZE.changed} agents changed in each frame`);
  assert.ok(part <= MOST, `${part}`);
  await page.context().close();
});
