//! What the workspace has set, in the console of an agent: promises on rows and in the conversation, lists by them, ready
//! replies, and the page that shows it all.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { findings } from './axe.js';
import { open, World } from './world.js';

const ANY = { queue: [], tier: [], priority: [], channel: [] };
const TEXT = 'Thank you for writing. We look at it at once.';

/** @type {World} */
let world;
before(async () => {
  world = await World.begin();
  await world.set({
    queues: [
      { id: 'fast' },
      { id: 'slow' },
      { id: 'vip', name: 'Very important', routing: 'least_loaded', delivery: 'offer', teams: ['gold'] },
    ],
    teams: [{ id: 'gold', name: 'Gold', members: ['priya'] }],
    agents: [{ id: 'gina', skills: ['french'] }],
    service_levels: [
      { name: 'Fast', match: { ...ANY, queue: ['fast'] }, first_response_s: 3, warn_at: 0.4 },
      {
        name: 'Slow',
        match: { ...ANY, queue: ['slow'] },
        first_response_s: 3600,
        resolution_s: 7200,
        warn_at: 0.8,
      },
    ],
    escalations: [
      {
        name: 'Hurry',
        on: { breached: ['first_response'] },
        match: ANY,
        actions: [{ raise_priority: 'urgent' }, 'unassign'],
      },
    ],
    canned: [
      { name: 'thanks', text: TEXT },
      { name: 'refund', text: 'Your refund is under way.' },
    ],
  });
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

test('what is promised stands on the row and in the conversation, and lists go by it', async () => {
  const slow = await world.write('No hurry', { queue: 'slow' });
  const priya = await world.seat('priya', { view: 'all' });
  await priya.locator(`#row-${slow} .due`, { hasText: /in (59|60)m|in 1h 0m/ }).waitFor();
  await open(priya, slow);
  await priya.locator('.talk-head .due', { hasText: 'First reply' }).waitFor();
  await priya.locator('.promises dt', { hasText: 'Solution' }).waitFor();

  const fast = await world.write('Be quick', { queue: 'fast' });
  await priya.locator(`#row-${fast} .due.hot`, { hasText: 'late' }).waitFor();
  await priya.locator('[data-view=late] .count.loud', { hasText: '1' }).waitFor();
  await priya.click('[data-view=late]');
  await priya.locator(`#row-${fast}`).waitFor();
  assert.equal(await priya.locator('.row').count(), 1);
  await priya.click('[data-view=all]');
  await priya.selectOption('.sort select', 'due');
  await priya.locator(`[aria-rowindex="1"]#row-${fast}`).waitFor();
  await priya.locator(`[aria-rowindex="2"]#row-${slow}`).waitFor();
  assert.deepEqual(await findings(priya), []);
  await priya.context().close();
});

test('a ready reply is found by its words, put behind what is written, and sent when it is meant to be', async () => {
  const id = await world.write('Hello?', { queue: 'slow' });
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  await priya.locator(`#row-${id}:not(.unread)`).waitFor();
  await priya.fill('#composer-text', 'Dear customer,');
  await priya.click('[data-act=canned]');
  await priya.locator('dialog input:focus').waitFor();
  assert.equal(await priya.locator('.canned li').count(), 2);
  assert.deepEqual(await findings(priya), []);
  await priya.keyboard.type('thank');
  await priya.locator('.canned li', { hasText: 'refund' }).waitFor({ state: 'detached' });
  await priya.keyboard.press('Enter');
  await priya.locator('#composer-text:focus').waitFor();
  assert.equal(await priya.inputValue('#composer-text'), `Dear customer,\n${TEXT}`);
  await priya.keyboard.press('Control+Enter');
  await priya.locator('.bubble.us', { hasText: TEXT }).waitFor();
  await priya.context().close();
});

test('a reply that waits for its time is seen by all, and cancelled by its writer', async () => {
  const id = await world.write('Call me tomorrow', { queue: 'slow' });
  const [priya, ben] = await Promise.all([
    world.seat('priya', { view: 'all' }),
    world.seat('ben', { view: 'all' }),
  ]);
  await Promise.all([open(priya, id), open(ben, id)]);
  await priya.click('[data-act=claim]');
  await priya.locator('.claimbar.mine').waitFor();
  await priya.evaluate(
    async ([conversation, module]) => {
      const { client, claims } = await import(module);
      const seen = (await client.value.call('history', { conversation, before: 2 ** 52 })).entries.at(-1).seq;
      const at = new Date(Date.now() + 86_400_000).toISOString();
      const token = claims.value.get(conversation);
      await client.value.call('schedule_reply', { conversation, token, seen, text: 'As you wish', at });
    },
    [id, `${world.url}app/store.js`],
  );
  await ben.locator('[data-part=scheduled]', { hasText: 'Priya has a reply that goes out' }).waitFor();
  assert.equal(await ben.locator('[data-act=cancel-scheduled]').count(), 0);
  await priya.click('[data-act=cancel-scheduled]');
  await ben.locator('[data-part=scheduled]').waitFor({ state: 'detached' });
  await ben.locator('.line', { hasText: 'not sent: cancelled' }).waitFor();
  await Promise.all([priya.context().close(), ben.context().close()]);
});

test('who is only in the settings is shown where people are chosen, and cannot be chosen before they were here', async () => {
  const id = await world.write('Who takes it?', { queue: 'slow' });
  const [priya, ben] = await Promise.all([world.seat('priya', { view: 'all' }), world.seat('ben')]);
  await ben.context().close();
  await open(priya, id);
  await priya.click('[data-act=claim]');
  await priya.locator('.claimbar.mine').waitFor();
  await priya.click('[data-act=transfer]');
  const gina = priya.locator('#to option', { hasText: 'gina (has not signed in yet)' });
  await gina.waitFor({ state: 'attached' });
  assert.equal(await gina.isDisabled(), true);
  await priya.locator('#to option', { hasText: 'Ben (Offline, holds 0' }).waitFor({ state: 'attached' });
  assert.equal(await priya.locator('#to option', { hasText: 'Ben' }).isDisabled(), false);
  await priya.locator('#to option', { hasText: 'Gold (1 member)' }).waitFor({ state: 'attached' });
  await priya.keyboard.press('Escape');
  await priya.click('.details dd .value >> nth=2');
  await priya.locator('#who option', { hasText: 'gina' }).waitFor({ state: 'attached' });
  assert.equal(await priya.locator('#who option', { hasText: 'gina' }).isDisabled(), true);
  await priya.keyboard.press('Escape');
  await priya.click('#tab-note');
  await priya.getByRole('textbox', { name: 'Note' }).pressSequentially('Ask @gi');
  await priya.locator('.mention-list li', { hasText: '@gina, has not signed in yet' }).waitFor();
  assert.deepEqual(await findings(priya), []);
  await priya.keyboard.press('Enter');
  await priya.keyboard.press('Control+Enter');
  await priya.locator('.toast', { hasText: '@gina has not signed in yet, and is not told.' }).waitFor();
  const token = world.token('gina', '--name', 'Gina');
  const page = await world.page('gina');
  await page.goto(`${world.url}#token=${token}`);
  await page.locator('.sidebar').waitFor();
  await priya.click('[data-act=transfer]');
  await priya.locator('#to option', { hasText: 'Gina (Online, holds 0' }).waitFor({ state: 'attached' });
  assert.equal(await priya.locator('#to option', { hasText: 'Gina' }).isDisabled(), false);
  await Promise.all([priya.context().close(), page.context().close()]);
});

test('everybody may read what is set', async () => {
  const priya = await world.seat('priya');
  await priya.click('.me [aria-label=Settings]');
  await priya.click('[data-act=workspace]');
  const page = priya.locator('.workspace-page');
  await page.locator('tr', { hasText: 'Very important' }).filter({ hasText: 'by offer' }).waitFor();
  await page.locator('tr', { hasText: 'GoldPriya' }).waitFor();
  await page
    .locator('tr', { hasText: 'Hurry' })
    .filter({ hasText: 'priority urgent; give to nobody' })
    .waitFor();
  await page.locator('tr', { hasText: 'Slow' }).filter({ hasText: '2h 0m' }).waitFor();
  assert.deepEqual(await findings(priya), []);
  await priya.context().close();
});
