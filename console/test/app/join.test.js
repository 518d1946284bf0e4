//! Conversations that become one, and one that becomes two: what is asked before, what both timelines say, and where one can
//! no longer write. Where the hub knows neither, it is told
//! plainly, and the rest is skipped.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { findings } from './axe.js';
import { open, World } from './world.js';

const ANNA = { id: 'anna', name: 'Anna' };

/** @type {World} */
let world;
before(async () => {
  world = await World.begin();
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

/** Two conversations of Anna, and one of somebody else. */
async function three() {
  const one = await world.write('Where is my parcel?', { customer: ANNA, subject: 'Parcel', thread: 't1' });
  const two = await world.write('And my invoice?', { customer: ANNA, subject: 'Invoice', thread: 't2' });
  const other = await world.write('Hello', { subject: 'Greeting' });
  return { one, two, other };
}

test('several of one customer become one: chosen in the list, said before it is done, and both timelines tell it', async () => {
  const { one, two, other } = await three();
  const priya = await world.seat('priya', { view: 'all' });
  await priya.locator(`#row-${one}`).waitFor();
  await priya.click('.list-head [aria-pressed]');
  await priya.click(`#row-${one}`);
  assert.equal(await priya.isDisabled('[data-act=merge]'), true);
  await priya.click(`#row-${other}`);
  assert.equal(await priya.isDisabled('[data-act=merge]'), true);
  await priya.click(`#row-${other}`);
  await priya.click(`#row-${two}`);
  await priya.click('[data-act=merge]');
  await priya.locator('.merge tbody tr').nth(1).waitFor();
  assert.equal(await priya.locator('.merge tbody tr').count(), 2);
  await priya.click(`.merge [data-id="${two}"] [type=radio]`);
  await priya.getByText('1 conversation closes, and its messages are read in “Invoice”').waitFor();
  assert.deepEqual(await findings(priya), []);
  await priya.click('dialog [type=submit]');
  await priya.locator('.line', { hasText: 'merged another conversation into this one' }).waitFor();
  await priya.locator('.elsewhere .bubble', { hasText: 'Where is my parcel?' }).waitFor();
  assert.deepEqual(await findings(priya), []);
  await priya.click('.elsewhere [data-act=open-other]');
  await priya.locator('[data-part=absorbed]').waitFor();
  await priya.locator('.line', { hasText: 'merged this into another conversation' }).waitFor();
  assert.equal(await priya.locator('.composer, .claimbar').count(), 0);
  assert.deepEqual(await findings(priya), []);
  await priya.click('[data-act=open-survivor]');
  await priya.locator('.composer').waitFor();
  assert.ok(priya.url().endsWith(two));
  await priya.context().close();
});

test('merging from the conversation offers that customer’s others, by keys alone', async () => {
  const mia = { id: 'mia', name: 'Mia' };
  const one = await world.write('First', { customer: mia, subject: 'First', thread: 'm1' });
  const two = await world.write('Second', { customer: mia, subject: 'Second', thread: 'm2' });
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, one);
  await priya.locator('[data-act=merge-with]').focus();
  await priya.keyboard.press('Enter');
  await priya.locator('.merge tbody tr').nth(1).waitFor();
  assert.equal(await priya.isDisabled('dialog [type=submit]'), true);
  await priya.focus(`.merge [data-id="${two}"] [type=checkbox]`);
  await priya.keyboard.press('Space');
  await priya.getByText('are read in “First”').waitFor();
  assert.equal(await priya.isDisabled('dialog [type=submit]'), false);
  await priya.keyboard.press('Escape');
  await priya.locator('[data-act=merge-with]:focus').waitFor();
  await priya.context().close();
});

test('a message is split off: both conversations say so, and each shows where the other is', async () => {
  const lea = { id: 'lea', name: 'Lea' };
  const id = await world.write('My parcel is late', { customer: lea });
  await world.write('By the way, the invoice is wrong', { customer: lea });
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  const bubble = priya.locator('.bubble', { hasText: 'By the way' });
  await bubble.hover();
  await bubble.locator('[data-act=message-menu]').click();
  await priya.click('[role=menu] [data-act=split]');
  await priya.locator('.split-list input:checked').waitFor();
  assert.equal(await priya.locator('.split-list input:checked').count(), 1);
  await priya.fill('#subject', 'Invoice');
  assert.deepEqual(await findings(priya), []);
  await priya.keyboard.press('Enter');
  await priya.locator('.line', { hasText: 'moved 1 message to a new conversation' }).waitFor();
  await priya.locator('.bubble.moved', { hasText: 'By the way' }).waitFor();
  assert.deepEqual(await findings(priya), []);
  await priya.click('.line [data-act=open-other]');
  await priya.locator('.talk-title', { hasText: 'Invoice' }).waitFor();
  await priya.locator('.elsewhere .bubble', { hasText: 'By the way' }).waitFor();
  assert.equal(await priya.locator('.bubble', { hasText: 'My parcel is late' }).count(), 0);
  await priya.locator('.line', { hasText: 'split this off another conversation' }).waitFor();
  await priya.context().close();
});
