//! How soon the console is there, with nothing in the browser's cache.

import { median } from './figures.js';

const ROUNDS = 15;

/** One cold start: milliseconds until the first paint, and until the list has rows. @param {import('../test/app/world.js').World} world @param {string} token */
export async function coldStart(world, token) {
  const page = await world.page('priya');
  await page.goto(`${world.url}#token=${token}`);
  const figures = await page.evaluate(async () => {
    while (!document.querySelector('.row .row-name')) await new Promise(requestAnimationFrame);
    return [performance.getEntriesByName('first-contentful-paint')[0].startTime, performance.now()];
  });
  await page.context().close();
  return figures;
}

/** @param {import('../test/app/world.js').World} world */
export async function paint(world) {
  const token = world.token('priya', '--name', 'Priya');
  await world.write('Somebody waits');
  const starts = [];
  for (let round = 0; round < ROUNDS; round += 1) starts.push(await coldStart(world, token));
  return [
    `first paint ${Math.round(median(starts.map(([it]) => it)))} ms, list with rows ${Math.round(median(starts.map(([, it]) => it)))} ms (medians of ${ROUNDS} cold starts)`,
  ];
}
