//! Going places: snoozing, queues from the wall, saved searches, what is not there, another person in the same tab, and a
//! session that ends over a draft.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { open, sees, World } from './world.js';

/** @type {World} */
let world;
before(async () => {
  world = await World.begin();
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

test('what is snoozed is found among the snoozed', async () => {
  const id = await world.write('Later, please');
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  await priya.keyboard.press('z');
  await priya.click('dialog button[data-first]');
  await priya.locator('.status.pending').waitFor();
  await priya.click('[data-view=snoozed]');
  await priya.locator(`#row-${id}`).waitFor();
  await priya.context().close();
});

test('a conversation is moved to another queue, given a subject, and another one is begun with its customer', async () => {
  const id = await world.write('I have two things');
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  await priya.click('.details dd .value >> nth=3');
  await priya.locator('#queue:focus').waitFor();
  await priya.keyboard.type('returns');
  await priya.keyboard.press('Enter');
  await priya.locator('.line', { hasText: 'moved it to returns' }).waitFor();
  await priya.click('.details dd .value >> nth=4');
  await priya.locator('#subject:focus').waitFor();
  await priya.keyboard.type('The first thing');
  await priya.keyboard.press('Enter');
  await priya.locator('.talk-title', { hasText: 'returns · The first thing' }).waitFor();
  await priya.click('[data-act=open-with]');
  await priya.locator('#subject:focus').waitFor();
  await priya.keyboard.type('The second thing');
  await priya.keyboard.press('Enter');
  await priya.locator('.talk-title', { hasText: 'The second thing' }).waitFor();
  await priya.locator('.claimbar.mine').waitFor();
  await priya.locator('.others-list', { hasText: 'The first thing' }).waitFor();
  await priya.context().close();
});

test('a queue of the wall opens as a list, which can be saved and is there after a reload', async () => {
  const id = await world.write('My bill', { queue: 'billing' });
  await world.write('Something else');
  const olivia = await world.seat('olivia', { role: 'supervisor', view: 'wall' });
  await olivia.click('[data-queue=billing] button');
  await olivia.locator(`#row-${id}`).waitFor();
  await olivia.locator('.list-head h1', { hasText: '1' }).waitFor();
  assert.equal(await olivia.locator('.row').count(), 1);
  await olivia.click('[data-act=save-view]');
  await olivia.locator('#view-name:focus').waitFor();
  await olivia.keyboard.press('Enter');
  await olivia.locator('.saved').waitFor();
  await olivia.reload();
  await olivia.locator('.saved .view', { hasText: 'billing' }).click();
  await olivia.locator('.chip.filter', { hasText: 'billing' }).waitFor();
  await olivia.context().close();
});

test('a conversation that is not there is said to be so', async () => {
  const priya = await world.seat('priya');
  await priya.evaluate(() => {
    location.hash = '#/all/01a1fec6-f02b-712b-8f0c-d9afa72efeb8';
  });
  await sees(priya, 'This conversation is not there');
  await priya.context().close();
});

test('another person in the same tab sees none of the first one’s drafts', async () => {
  const id = await world.write('Whose draft?');
  const page = await world.seat('priya', { view: 'all' });
  await open(page, id);
  await page.fill('#composer-text', 'Only mine');
  await page.evaluate(
    (token) => {
      location.hash = `#token=${token}`;
    },
    world.token('ben', '--name', 'Ben'),
  );
  await page.locator('.me-name', { hasText: 'Ben' }).waitFor();
  assert.ok(!page.url().includes('token'));
  await page.click('[data-view=all]');
  await open(page, id);
  assert.equal(await page.inputValue('#composer-text'), '');
  await page.evaluate(
    (token) => {
      location.hash = `#token=${token}`;
    },
    world.token('priya', '--name', 'Priya'),
  );
  await page.locator('.me-name', { hasText: 'Priya' }).waitFor();
  await page.click('[data-view=all]');
  await open(page, id);
  assert.equal(await page.inputValue('#composer-text'), 'Only mine');
  await page.context().close();
});

test('a session that ends asks for a token over the draft, and goes on with it', async () => {
  const id = await world.write('A short session');
  const page = await world.seat('priya', { view: 'all', ttl: '8s' });
  await open(page, id);
  await page.fill('#composer-text', 'Not lost');
  await page.locator('.signin.over #signin-token').waitFor({ timeout: 40_000 });
  await page.fill('#signin-token', world.token('priya', '--name', 'Priya'));
  await page.click('.signin button[type=submit]');
  await page.locator('.signin').waitFor({ state: 'detached' });
  await page.locator('.banner').waitFor({ state: 'detached' });
  assert.equal(await page.inputValue('#composer-text'), 'Not lost');
  await page.click('[data-act=claim]');
  await page.locator('.claimbar.mine').waitFor();
  await page.context().close();
});
