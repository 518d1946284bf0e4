//! What goes with a conversation: attachments in and out, the customer's other conversations, any status, views of one's own,
//! a bulk action that fails for some, and less motion.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { open, World } from './world.js';

/** @type {World} */
let world;
before(async () => {
  world = await World.begin();
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

test('attachments are links that say where they lead, whatever they are called', async () => {
  const id = await world.write('See these', {
    attachments: [
      {
        name: 'invoice.pdf',
        media_type: 'application/pdf',
        size: 48_213,
        url: 'https://files.example/a?x=1',
      },
      {
        name: 'photo\u202Egnp.exe',
        media_type: 'image/png',
        size: 2_400_000,
        url: 'https://other.example/b',
      },
    ],
  });
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  const shown = await priya.locator('.bubble.them .files li').allInnerTexts();
  assert.match(shown[0], /invoice\.pdf.*files\.example · application\/pdf · 49 kB/s);
  assert.match(shown[1], /photognp\.exe.*other\.example · image\/png · 2\.4 MB/s);
  const links = await priya
    .locator('.files a')
    .evaluateAll((all) => all.map((/** @type {any} */ it) => [it.href, it.rel, it.target]));
  const rel = 'noopener noreferrer nofollow';
  assert.deepEqual(links, [
    ['https://files.example/a?x=1', rel, '_blank'],
    ['https://other.example/b', rel, '_blank'],
  ]);
  await priya.context().close();
});

test('a reply takes files along as links; they are part of the draft until it is sent', async () => {
  const id = await world.write('Send me the form');
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  await priya.fill('#composer-text', 'Here it is');
  await priya.locator(`#row-${id}:not(.unread)`).waitFor();
  const attach = async (/** @type {string} */ address, name = '') => {
    await priya.click('[data-act=attach]');
    await priya.fill('#attach-url', address);
    await priya.fill('#attach-name', name);
    await priya.keyboard.press('Enter');
  };
  await attach('http://files.example/form.pdf');
  assert.equal(await priya.locator('dialog').count(), 1, 'only https');
  await priya.keyboard.press('Escape');
  await attach('https://files.example/the%20form.pdf');
  await attach('https://files.example/x', 'Wrong one');
  await priya.click('[aria-label="Remove Wrong one"]');
  await priya.reload();
  const files = priya.locator('.composer .files li');
  await files.filter({ hasText: 'the form.pdf' }).waitFor();
  assert.equal(await files.count(), 1);
  assert.equal(await priya.inputValue('#composer-text'), 'Here it is');
  await priya.click('[data-act=send]');
  await priya.locator('.bubble.us .files a', { hasText: 'the form.pdf' }).waitFor();
  assert.equal(await priya.locator('.composer .files').count(), 0);
  const answer = await fetch(`http://${world.hub.address}/v1/workspaces/acme/conversations/${id}/events`, {
    headers: { authorization: `Bearer ${world.token('reader')}` },
  });
  const { entries } = await answer.json();
  const sent = entries.filter((/** @type {any} */ it) => it.event.kind === 'message_sent');
  assert.deepEqual(
    sent.map((/** @type {any} */ it) => it.event.message.attachments),
    [
      [
        {
          name: 'the form.pdf',
          media_type: 'application/pdf',
          size: 0,
          url: 'https://files.example/the%20form.pdf',
        },
      ],
    ],
  );
  await priya.context().close();
});

test('the other conversations of a customer are there and open, and any status can be set', async () => {
  const customer = { id: 'regular', name: 'Regular Customer' };
  const first = await world.write('The first matter', { customer, subject: 'First matter' });
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, first);
  await priya.locator('.details .others-list', { hasText: 'None' }).waitFor();
  await priya.click('.details button:has-text("New")');
  await priya.click('dialog button:has-text("Closed")');
  await priya.locator('.status.closed').waitFor();
  const second = await world.write('The second matter', { customer });
  assert.notEqual(second, first);
  await open(priya, second);
  await priya.click('.others-list button:has-text("First matter")');
  await priya.locator('.talk-title', { hasText: 'First matter' }).waitFor();
  await priya.locator('.details .others-list', { hasText: 'The second matter' }).waitFor();
  await priya.context().close();
});

test('a view of one’s own has a name, its order and a live count, and outlives the tab', async () => {
  const name = 'Zebra crossing';
  await world.write(`${name} one`, { customer: { id: 'z1', name } });
  const priya = await world.seat('priya', { view: 'all' });
  await priya.fill('#list-search', name);
  await priya.locator('.list-head h1', { hasText: '1' }).waitFor();
  await priya.selectOption('.sort select', 'oldest');
  await priya.click('[data-act=save-view]');
  await priya.fill('#view-name', 'My zebras');
  await priya.keyboard.press('Enter');
  const mine = priya.locator('.saved .view', { hasText: 'My zebras' });
  await mine.locator('.count', { hasText: '1' }).waitFor();
  await world.write(`${name} two`, { customer: { id: 'z2', name } });
  await mine.locator('.count', { hasText: '2' }).waitFor();

  const later = await priya.context().newPage();
  await later.goto(`${world.url}#token=${world.token('priya', '--name', 'Priya')}`);
  await later.locator('.saved .view', { hasText: 'My zebras' }).click();
  await later.locator('.list-head h1', { hasText: /\b2$/ }).waitFor();
  await later.locator('.row', { hasText: name }).nth(1).waitFor();
  assert.equal(await later.locator('.sort select').inputValue(), 'oldest');
  assert.equal(await later.locator('.row').count(), 2);
  await later.hover('.saved');
  await later.click('[aria-label="Remove My zebras"]');
  assert.equal(await later.locator('.saved').count(), 0);
  await priya.context().close();
});

test('a bulk action that some refuse says for each why', async () => {
  const [held, free] = [await world.write('Held by Priya'), await world.write('Held by nobody')];
  const [priya, olivia] = await Promise.all([
    world.seat('priya', { view: 'all' }),
    world.seat('olivia', { role: 'supervisor', view: 'all' }),
  ]);
  await open(priya, held);
  await priya.click('[data-act=claim]');
  await priya.locator('.claimbar.mine').waitFor();
  await olivia.click('.list-head [aria-label=Select]');
  for (const id of [held, free]) await olivia.click(`#row-${id}`);
  await olivia.click('.bulk button:has-text("Call dibs")');
  await olivia.locator('dialog', { hasText: '1 done, 1 not' }).waitFor();
  await olivia.locator('.results .bad', { hasText: 'Priya was first' }).waitFor();
  await olivia.locator('.results .good', { hasText: 'Done' }).waitFor();
  await Promise.all([priya.context().close(), olivia.context().close()]);
});

test('who is at the newest entry stays there, and who reads further up is left where they are', async () => {
  const customer = { id: 'talker', name: 'Talker' };
  const id = await world.write('The first of many', { customer });
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  const fromEnd = () =>
    priya.locator('.timeline').evaluate((it) => Math.round(it.scrollHeight - it.scrollTop - it.clientHeight));
  for (let n = 1; n <= 12; n += 1)
    await world.write(`Line one of ${n}\nline two\nline three`, { conversation: id, customer });
  await priya.locator('.bubble', { hasText: 'Line one of 12' }).waitFor();
  await priya.click('[data-act=claim]');
  await priya.fill('#composer-text', 'A\nreply\nof\nmany\nlines\ntakes\nroom');
  await priya.waitForFunction(() => {
    const it = /** @type {Element} */ (document.querySelector('.timeline'));
    return it.scrollTop > 0 && it.scrollHeight - it.scrollTop - it.clientHeight < 4;
  });
  assert.equal(await priya.locator('.to-end').count(), 0);
  await priya.locator('.timeline').evaluate((it) => {
    it.scrollTop = 100;
  });
  await priya.locator('.to-end').waitFor();
  const before = await fromEnd();
  await world.write('One more', { conversation: id, customer });
  await priya.locator('.bubble', { hasText: 'One more' }).waitFor({ state: 'attached' });
  assert.ok((await fromEnd()) > before);
  assert.equal(await priya.locator('.timeline').evaluate((it) => it.scrollTop), 100);
  await priya.click('.to-end');
  await priya.locator('.to-end').waitFor({ state: 'detached' });
  assert.ok((await fromEnd()) < 4);
  await priya.context().close();
});

test('nothing moves for who wants less motion', async () => {
  const id = await world.write('Quietly');
  const [priya, ben] = await Promise.all([
    world.seat('priya', { view: 'all', options: { reducedMotion: 'reduce' } }),
    world.seat('ben', { view: 'all' }),
  ]);
  await Promise.all([open(priya, id), open(ben, id)]);
  await ben.fill('#composer-text', 'Typing');
  await priya.locator('.others.typing .dots').waitFor();
  assert.equal(await priya.evaluate(() => document.getAnimations().length), 0);
  await Promise.all([priya.context().close(), ben.context().close()]);
});
