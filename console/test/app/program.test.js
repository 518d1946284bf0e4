//! The console as the program has it in itself: that it is the one of the folder, and how soon something is painted.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { World } from './world.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROUNDS = 9;
const PAINT_MS = 300;

/** @type {World} */
let world;
before(async () => {
  world = await World.alone();
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

test('the program serves every file of the console as it is, and nothing else of the folder', async () => {
  const files = ['app', 'sdk', 'vendor']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true }).map((it) => join(folder, String(it))),
    )
    .filter((it) => /\.\w+$/.test(it));
  const isServed = (/** @type {string} */ it) =>
    !/^sdk\/(types|.*\.(md|json)$)|\.mts$|vendor\/.*\.md$/.test(it);
  assert.ok(files.filter(isServed).length > 70);
  for (const path of files) {
    const answer = await fetch(world.url + path);
    const body = await answer.text();
    if (isServed(path)) assert.equal(body, readFileSync(join(ROOT, path), 'utf8'), path);
    else assert.equal(answer.status, 404, path);
  }
  assert.equal(await (await fetch(world.url)).text(), readFileSync(join(ROOT, 'index.html'), 'utf8'));
});

test(`something is painted within ${PAINT_MS} ms, and the console is there soon after`, async (context) => {
  const token = world.token('priya', '--name', 'Priya');
  await world.write('Somebody waits');
  const paints = /** @type {number[]} */ ([]);
  const ready = /** @type {number[]} */ ([]);
  for (let round = 0; round < ROUNDS; round += 1) {
    const page = await world.page('priya');
    await page.goto(`${world.url}#token=${token}`);
    await page.locator('.row .row-name').first().waitFor();
    const [paint, row] = await page.evaluate(async () => {
      const [first] = performance.getEntriesByName('first-contentful-paint');
      return [first.startTime, performance.now()];
    });
    paints.push(paint);
    ready.push(row);
    await page.context().close();
  }
  const median = (/** @type {number[]} */ all) => all.sort((one, other) => one - other)[all.length >> 1];
  context.diagnostic(`first paint: median ${Math.round(median(paints))} ms of ${ROUNDS} cold starts`);
  context.diagnostic(`the list is there after ${Math.round(median(ready))} ms`);
  assert.ok(median(paints) <= PAINT_MS, `${paints}`);
});
