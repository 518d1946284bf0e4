//! Sending later: by the menu and by keys, what all see of it, that it obeys the claim, and what becomes of it.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { fieldOf, laterMoments, morning } from '../../app/moments.js';
import { findings } from './axe.js';
import { open, World } from './world.js';

/** @type {World} */
let world;
before(async () => {
  world = await World.begin();
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

/** Opens it, and waits until it is read: a reply that has not seen the latest is held back. @param {import('playwright-core').Page} page @param {string} id */
async function read(page, id) {
  await open(page, id);
  await page.locator(`#row-${id}:not(.unread)`).waitFor({ state: 'attached' });
}

test('the menu beside Send puts a reply off; all see who, when and what, and its writer takes it back to edit it', async () => {
  const id = await world.write('Call me tomorrow');
  const [priya, ben] = await Promise.all([
    world.seat('priya', { view: 'all' }),
    world.seat('ben', { view: 'all' }),
  ]);
  await Promise.all([read(priya, id), open(ben, id)]);
  assert.equal(await priya.isDisabled('[data-act=send-more]'), true);
  await priya.fill('#composer-text', 'As you wish');
  await priya.click('[data-act=send-more]');
  await priya.locator('[role=menu] [data-act=later_1h]').waitFor();
  assert.deepEqual(await findings(priya), []);
  await priya.click('[data-act=later_1h]');
  await priya.locator('.claimbar.mine').waitFor();
  await ben.locator('.bubble.waits', { hasText: 'As you wish' }).waitFor();
  await ben.locator('[data-part=scheduled]', { hasText: 'Priya has a reply that goes out' }).waitFor();
  await ben.locator(`#row-${id} .later`).waitFor();
  assert.equal(await ben.locator('[data-act=drop-scheduled], [data-act=cancel-scheduled]').count(), 0);
  assert.equal(await priya.inputValue('#composer-text'), '');
  assert.deepEqual(await findings(priya), []);

  await priya.click('[data-act=edit-scheduled]');
  await ben.locator('.bubble.waits.dropped', { hasText: 'Not sent' }).waitFor();
  await ben.locator('.line', { hasText: 'That reply is not sent: cancelled' }).waitFor();
  await ben.locator('[data-part=scheduled]').waitFor({ state: 'detached' });
  await priya.locator('#composer-text:focus').waitFor();
  assert.equal(await priya.inputValue('#composer-text'), 'As you wish');
  assert.deepEqual(await findings(priya), []);
  await Promise.all([priya.context().close(), ben.context().close()]);
});

test('by keys alone: the menu by arrows, the dialog by Ctrl+Shift+Enter, and it goes out at its time', async () => {
  const id = await world.write('By keys');
  const priya = await world.seat('priya', { view: 'all' });
  await read(priya, id);
  await priya.keyboard.press('r');
  await priya.locator('#composer-text:focus').waitFor();
  await priya.keyboard.type('First');
  await priya.focus('[data-act=send-more]');
  await priya.keyboard.press('Enter');
  await priya.locator('[data-act=send_pending]:focus').waitFor();
  await priya.keyboard.press('ArrowUp');
  await priya.locator('[data-act=later_pick]:focus').waitFor();
  await priya.keyboard.press('j');
  await priya.keyboard.press('Escape');
  await priya.locator('[data-act=send-more]:focus').waitFor();
  await priya.focus('#composer-text');
  await priya.keyboard.press('Control+Shift+Enter');
  await priya.locator('dialog [data-act=later_1h]:focus').waitFor();
  assert.deepEqual(await findings(priya), []);
  await priya.keyboard.press('Enter');
  await priya.locator('.bubble.waits', { hasText: 'First' }).waitFor();

  // Another one takes its place: in two seconds, which no menu offers.
  await priya.fill('#composer-text', 'Second');
  await priya.evaluate(
    async ([conversation, module]) => {
      const { sendReply } = await import(module);
      await sendReply(conversation, 'Second', { at: new Date(Date.now() + 2_000).toISOString() });
    },
    [id, `${world.url}app/actions.js`],
  );
  await priya.locator('.line', { hasText: 'another one takes its place' }).waitFor();
  await priya.locator('.bubble.dropped', { hasText: 'First' }).waitFor();
  await priya.locator('.bubble.us:not(.waits)', { hasText: 'Second' }).waitFor();
  assert.equal(await priya.locator('.bubble.waits:not(.dropped)').count(), 0);
  await priya.locator('[data-part=scheduled]').waitFor({ state: 'detached' });
  await priya.context().close();
});

test('it obeys the claim: held by somebody else it cannot be scheduled, and what a new message stopped can be written again', async () => {
  const id = await world.write('Whose is it?', { customer: { id: 'anna', name: 'Anna' } });
  const [priya, ben] = await Promise.all([
    world.seat('priya', { view: 'all' }),
    world.seat('ben', { view: 'all' }),
  ]);
  await Promise.all([read(priya, id), read(ben, id)]);
  await priya.fill('#composer-text', 'It is yours');
  await priya.keyboard.press('Control+Shift+Enter');
  await priya.click('dialog [data-act=later_tomorrow]');
  await ben.locator('.claimbar.other').waitFor();
  await ben.fill('#composer-text', 'Mine, too');
  assert.equal(await ben.isDisabled('[data-act=send-more]'), true);
  await ben.focus('#composer-text');
  await ben.keyboard.press('Control+Shift+Enter');
  await ben.keyboard.press('Control+k');
  await ben.locator('.palette-input').waitFor();
  await ben.keyboard.type('send later');
  await ben.getByText('No such command').waitFor();
  assert.equal(await ben.locator('dialog').count(), 1);

  await world.write('Forget it', { customer: { id: 'anna', name: 'Anna' } });
  await priya.locator('.line', { hasText: 'something was said since' }).waitFor();
  await priya.click('[data-act=write-again]');
  assert.equal(await priya.inputValue('#composer-text'), 'It is yours');
  await Promise.all([priya.context().close(), ben.context().close()]);
});

for (const colorScheme of /** @type {const} */ (['light', 'dark']))
  test(`on a telephone the menu and the dialog are on the screen, ${colorScheme}`, async () => {
    const id = await world.write('On the telephone');
    const options = {
      viewport: { width: 375, height: 700 },
      colorScheme,
      reducedMotion: 'reduce',
    };
    const priya = await world.seat('priya', { view: 'all', options });
    await read(priya, id);
    await priya.fill('#composer-text', 'Later then');
    await priya.click('[data-act=send-more]');
    const box = await priya.locator('.menu-list').boundingBox();
    assert.ok(box && box.x >= 0 && box.y >= 0 && box.x + box.width <= 375 && box.y + box.height <= 700);
    assert.deepEqual(await findings(priya), []);
    await priya.click('[data-act=later_pick]');
    await priya.locator('dialog #at').waitFor();
    assert.deepEqual(await findings(priya), []);
    await priya.fill('#at', fieldOf(morning(new Date(), 40)));
    await priya.click('dialog form button');
    await priya.locator('.bubble.waits', { hasText: 'Later then' }).waitFor();
    assert.deepEqual(await findings(priya), []);
    assert.equal(await priya.evaluate(() => document.documentElement.scrollWidth), 375);
    await priya.context().close();
  });

test('tomorrow and Monday are mornings to come, and said once where they are the same', () => {
  /** @param {string} from */
  const said = (from) =>
    laterMoments(new Date(from)).map(([name, at]) => [name, at.getDay(), at.getHours(), at > new Date(from)]);
  assert.deepEqual(said('2026-11-21T20:30:00'), [
    ['later_1h', 6, 21, true],
    ['later_tomorrow', 0, 9, true],
    ['later_monday', 1, 9, true],
  ]);
  assert.deepEqual(said('2026-11-22T08:00:00'), [
    ['later_1h', 0, 9, true],
    ['later_tomorrow', 1, 9, true],
  ]);
  assert.deepEqual(said('2026-11-23T08:00:00')[2], ['later_monday', 1, 9, true]);
  assert.equal(laterMoments(new Date('2026-11-23T08:00:00'))[2][1].getDate(), 30);
});
