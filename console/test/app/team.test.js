//! Two and more people at the same customers, each in a window of their own, over a real hub.

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

test('of two who call dibs at once one has it, and the other is told who', async () => {
  const id = await world.write('Who is first?');
  const [priya, ben] = await Promise.all([world.seat('priya'), world.seat('ben')]);
  await Promise.all([open(priya, id), open(ben, id)]);
  await Promise.all(
    [priya, ben].map((page) =>
      page.evaluate(() => /** @type {any} */ (document.querySelector('[data-act=claim]')).click()),
    ),
  );
  await Promise.all([
    priya.locator('.claimbar.mine, .claimbar.other').waitFor(),
    ben.locator('.claimbar.mine, .claimbar.other').waitFor(),
  ]);
  const kinds = await Promise.all(
    [priya, ben].map((page) => page.locator('.claimbar').getAttribute('class')),
  );
  assert.deepEqual(kinds.map((it) => it?.split(' ')[1]).sort(), ['mine', 'other']);
  const loser = kinds[0]?.includes('mine') ? ben : priya;
  await sees(loser, `${loser === ben ? 'Priya' : 'Ben'} has this`);
  await Promise.all([priya.context().close(), ben.context().close()]);
});

test('one sees in the conversation and in the list that another types', async () => {
  const id = await world.write('Is anybody typing?');
  const [priya, ben] = await Promise.all([world.seat('priya'), world.seat('ben', { view: 'all' })]);
  await Promise.all([open(priya, id), open(ben, id)]);
  await priya.fill('#composer-text', 'Let me look');
  await sees(ben, 'Priya is typing a reply');
  await ben.locator(`#row-${id} .who.typing`).waitFor();
  await priya.click('#tab-note');
  await priya.getByRole('textbox', { name: 'Note' }).fill('Hm');
  await sees(ben, 'Priya is writing a note');
  await Promise.all([priya.context().close(), ben.context().close()]);
});

test('one sees how far another has read', async () => {
  const id = await world.write('Who has read this?');
  const [priya, ben] = await Promise.all([world.seat('priya'), world.seat('ben')]);
  await open(priya, id);
  await priya.locator(`#row-${id}:not(.unread)`).waitFor();
  await open(ben, id);
  await priya.locator('.seen', { hasText: 'Read by Ben' }).waitFor();
  await Promise.all([priya.context().close(), ben.context().close()]);
});

test('a mention that is completed by keys arrives in the inbox, the title and a message', async () => {
  const id = await world.write('Mention somebody');
  const [priya, ben] = await Promise.all([world.seat('priya'), world.seat('ben')]);
  await open(priya, id);
  await priya.click('#tab-note');
  await priya.getByRole('textbox', { name: 'Note' }).pressSequentially('Can you look, @be');
  await priya.locator('#mention-list').waitFor();
  await priya.keyboard.press('Enter');
  assert.equal(await priya.inputValue('#composer-text'), 'Can you look, @ben ');
  await priya.keyboard.press('Control+Enter');
  await ben.locator('.toast', { hasText: 'Priya mentioned you' }).waitFor();
  await ben.waitForFunction(() => document.title.startsWith('(1)'));
  await ben.click('[data-view=mentions]');
  await ben.click('.mention.unread');
  await ben.locator('.note-entry .at.to-me', { hasText: '@ben' }).waitFor();
  await ben.waitForFunction(() => !document.title.startsWith('('));
  await Promise.all([priya.context().close(), ben.context().close()]);
});

test('what came in while one wrote is shown before the reply goes, and the reply is kept and sent once', async () => {
  const customer = { id: 'asks-twice', name: 'Asks Twice' };
  const id = await world.write('First question', { customer });
  const priya = await world.seat('priya');
  await open(priya, id);
  await priya.click('[data-act=claim]');
  await priya.locator('.claimbar.mine').waitFor();
  await priya.fill('#composer-text', 'The first answer');
  // Reads further up while the customer goes on: the new message is not in sight.
  await priya.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
  });
  await world.write('A second question', { conversation: id, customer });
  await priya.locator('.bubble.them', { hasText: 'A second question' }).waitFor();
  await priya.click('[data-act=send]');
  await priya.locator('.guard', { hasText: 'A second question' }).waitFor();
  assert.equal(await priya.inputValue('#composer-text'), 'The first answer');
  assert.equal(await priya.locator('.timeline .bubble.us').count(), 0);
  await priya.click('[data-act=send-anyway]');
  await priya.locator('.timeline .bubble.us', { hasText: 'The first answer' }).waitFor();
  await priya.waitForFunction(
    () => /** @type {any} */ (document.getElementById('composer-text')).value === '',
  );
  assert.equal(await priya.locator('.timeline .bubble.us').count(), 1);
  assert.equal(await priya.locator('.guard').count(), 0);
  await priya.context().close();
});

test('a draft survives a take-over, which says who and why, and a reload', async () => {
  const id = await world.write('Take it over');
  const [priya, olivia] = await Promise.all([
    world.seat('priya', { view: 'all' }),
    world.seat('olivia', { role: 'supervisor', view: 'all' }),
  ]);
  await open(priya, id);
  await priya.click('[data-act=claim]');
  await priya.locator('.claimbar.mine').waitFor();
  await priya.fill('#composer-text', 'Half an answer');
  await open(olivia, id);
  await olivia.click('[data-act=take_over]');
  await olivia.fill('#reason', 'You are off at four');
  await olivia.keyboard.press('Enter');
  await priya.locator('[data-part=loss]', { hasText: 'Olivia took this over' }).waitFor();
  await priya.locator('[data-part=loss]', { hasText: 'You are off at four' }).waitFor();
  assert.equal(await priya.inputValue('#composer-text'), 'Half an answer');
  assert.equal(await priya.locator('[data-act=send]').isDisabled(), true);
  await priya.reload();
  await priya.locator('#composer-text').waitFor();
  assert.equal(await priya.inputValue('#composer-text'), 'Half an answer');
  await priya.locator(`#row-${id} .draft-mark`).waitFor();
  await Promise.all([priya.context().close(), olivia.context().close()]);
});

test('an offer with a note is accepted, and the conversation changes hands', async () => {
  const id = await world.write('Hand it over');
  const [priya, ben] = await Promise.all([world.seat('priya', { view: 'all' }), world.seat('ben')]);
  await open(priya, id);
  await priya.click('[data-act=claim]');
  await priya.click('[data-act=transfer]');
  await priya.selectOption('#to', 'agent:ben');
  await priya.fill('#note', 'You know this better');
  await priya.click('dialog button[type=submit]');
  await ben.locator('.offer', { hasText: 'You know this better' }).waitFor();
  await ben.click('.offer .primary');
  await ben.locator('.claimbar.mine').waitFor();
  await sees(priya, 'Ben has this');
  await Promise.all([priya.context().close(), ben.context().close()]);
});

test('the hub is killed and comes back: the draft stays, what was missed appears, the reply goes out once', async () => {
  const id = await world.write('Before the fall');
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  await priya.click('[data-act=claim]');
  await priya.locator('.claimbar.mine').waitFor();
  await priya.fill('#composer-text', 'Written before, sent after');
  await priya.locator(`#row-${id}:not(.unread)`).waitFor();
  await world.kill();
  await priya.locator('.banner').waitFor();
  assert.equal(await priya.locator('[data-act=send]').isDisabled(), true);
  await priya.locator('.banner.bad', { hasText: 'You are offline' }).waitFor();
  await world.revive();
  await priya.click('.banner button');
  await priya.locator('.banner').waitFor({ state: 'detached' });
  assert.equal(await priya.inputValue('#composer-text'), 'Written before, sent after');
  await priya.locator('.claimbar.mine').waitFor();
  await priya.click('[data-act=send]');
  await priya.locator('.timeline .bubble.us', { hasText: 'Written before, sent after' }).waitFor();
  assert.equal(await priya.locator('.timeline .bubble.us').count(), 1);
  await priya.context().close();
});

test('a supervisor changes many rows at once and is told of each', async () => {
  const ids = [await world.write('One of many'), await world.write('Two of many')];
  const olivia = await world.seat('olivia', { role: 'supervisor' });
  await olivia.click('.list-head .icon-button');
  for (const id of ids) await olivia.click(`#row-${id}`);
  await sees(olivia, '2 selected');
  await olivia.click('.bulk button:has-text("Priority")');
  await olivia.click('dialog button:has-text("Urgent")');
  await sees(olivia, '2 done, 0 not');
  await olivia.keyboard.press('Escape');
  for (const id of ids) await olivia.locator(`#row-${id} .prio.urgent`).waitFor();
  await olivia.click('[data-view=wall]');
  await olivia.locator('[data-queue=default]').waitFor();
  await olivia.locator('[data-agent=olivia]').waitFor();
  await olivia.context().close();
});

test('a supervisor who watches silently is not seen', async () => {
  const id = await world.write('Watched');
  const [priya, olivia] = await Promise.all([
    world.seat('priya', { view: 'all' }),
    world.seat('olivia', { role: 'supervisor', view: 'all' }),
  ]);
  await open(priya, id);
  await open(olivia, id);
  await sees(priya, 'Olivia is looking');
  await olivia.click('.silent');
  await priya.locator('.others', { hasText: 'Olivia' }).waitFor({ state: 'detached' });
  await sees(olivia, 'Watching silently');
  await Promise.all([priya.context().close(), olivia.context().close()]);
});
