//! The supervisors' wall over a real hub: figures as they change, giving by hand and by keys, looking without being seen,
//! whispering, taking over, what is told as it happens, and a kiosk that nobody sits at.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { findings } from './axe.js';
import { open, World } from './world.js';

/** @typedef {import('playwright-core').Page} Page */

/** @type {World} */
let world;
before(async () => {
  world = await World.begin();
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

/** A supervisor before the wall. @param {object} [options] @param {object} [wall] Choices kept from before. */
async function supervisor(options = {}, wall = {}) {
  const page = await world.page('olivia', { viewport: { width: 1500, height: 900 }, ...options });
  await page.addInitScript((kept) => {
    if (!localStorage.getItem('dibs.prefs')) localStorage.setItem('dibs.prefs', kept);
  }, JSON.stringify({ wall }));
  await page.goto(`${world.url}#token=${world.token('olivia', '--name', 'Olivia', '--role', 'supervisor')}`);
  await page.locator('.sidebar').waitFor();
  await page.click('[data-view=wall]');
  await page.locator('.totals').waitFor();
  return page;
}

/** @param {Page} page @param {string} name @param {string} value */
const figure = (page, name, value) =>
  page.locator(`[data-figure=${name}] b`, { hasText: new RegExp(`^${value}$`) }).waitFor();

/** @param {Page} page @param {string} queue @param {number} n */
const waits = (page, queue, n) =>
  page.locator(`[data-queue=${queue}] .tile-main .big`, { hasText: new RegExp(`^${n}\\b`) }).waitFor();

/** @param {Page[]} pages */
const leave = (...pages) => Promise.all(pages.map((page) => page.context().close()));

test('an agent is not shown the wall', async () => {
  const priya = await world.seat('priya');
  assert.equal(await priya.locator('[data-view=wall]').count(), 0);
  await priya.evaluate(() => {
    location.hash = '#/wall';
  });
  await priya.locator('.wall', { hasText: 'for supervisors' }).waitFor();
  await leave(priya);
});

test('tiles, agents and collisions change as it happens', async () => {
  const olivia = await supervisor();
  const id = await world.write('My parcel?', { queue: 'parcels' });
  await waits(olivia, 'parcels', 1);
  const tile = olivia.locator('[data-queue=parcels]');
  await tile.locator('dd', { hasText: '1' }).first().waitFor();
  const shown = await tile.locator('.tile-wait time').textContent();
  await tile.locator('.tile-wait time', { hasNotText: shown ?? '' }).waitFor(); // It ticks by itself.
  const [priya, ben] = await Promise.all([
    world.seat('priya', { view: 'all' }),
    world.seat('ben', { view: 'all' }),
  ]);
  await open(priya, id);
  await priya.click('[data-act=claim]');
  await priya.locator('.claimbar.mine').waitFor();
  await olivia.locator('[data-agent=priya] .agent-load', { hasText: /^1/ }).waitFor();
  const prevented = Number(await olivia.locator('.collisions .big').textContent());
  await ben.evaluate(
    async ([conversation, module]) => {
      const { client } = await import(module);
      await client.value.call('claim', { conversation }).catch(() => {});
    },
    [id, `${world.url}app/store.js`],
  );
  await olivia.locator('.collisions .big', { hasText: String(prevented + 1) }).waitFor();
  await priya.fill('#composer-text', 'It is on its way');
  await priya.keyboard.press('Control+Enter');
  await waits(olivia, 'parcels', 0);
  await tile.locator('button').click();
  await olivia.locator('.chip.filter', { hasText: 'parcels' }).waitFor();
  await olivia.locator(`#row-${id}`).waitFor();
  await leave(olivia, priya, ben);
});

test('who waits is dropped on an agent, who then has it to see to', async () => {
  const id = await world.write('Give me to Ben', { queue: 'gifts' });
  const ben = await world.seat('ben');
  const olivia = await supervisor();
  await olivia.locator('[data-agent=ben][data-status=online]').waitFor();
  await olivia.locator(`[data-id="${id}"]`).dragTo(olivia.locator('[data-agent=ben]'));
  await olivia.locator('.toast', { hasText: 'is given to Ben' }).waitFor();
  await olivia.locator(`[data-id="${id}"]`, { hasText: 'for Ben' }).waitFor();
  await ben.locator('[data-view=assigned] .count.loud', { hasText: '1' }).waitFor();
  await ben.click('[data-view=assigned]');
  await ben.locator(`#row-${id}`).waitFor();
  await leave(olivia, ben);
});

test('what somebody has called meanwhile is not given away unseen', async () => {
  const id = await world.write('Who is first?', { queue: 'gifts' });
  const [priya, ben] = [await world.seat('priya', { view: 'all' }), await world.seat('ben')];
  const olivia = await supervisor();
  await olivia.click(`[data-id="${id}"] [data-act=give]`);
  await olivia.locator('#give-to:focus').waitFor();
  await open(priya, id);
  await priya.click('[data-act=claim]');
  await priya.locator('.claimbar.mine').waitFor();
  await olivia.selectOption('#give-to', 'ben');
  await olivia.click('dialog button[type=submit]');
  await olivia.locator('.toast.bad').waitFor();
  assert.equal(await ben.locator('[data-view=assigned] .count', { hasText: '2' }).count(), 0);
  await leave(olivia, ben, priya);
});

test('by the keyboard alone: to the wall, to who waits longest, given to somebody', async () => {
  const id = await world.write('By keys', { queue: 'gifts' });
  const carl = await world.seat('carl');
  const olivia = await supervisor();
  const row = olivia.locator(`[data-id="${id}"]`);
  await row.waitFor();
  for (let n = 0; n < 200; n += 1) {
    if (await row.locator('[data-act=give]:focus').count()) break;
    await olivia.keyboard.press('Tab');
  }
  await olivia.keyboard.press('Enter');
  await olivia.locator('#give-to:focus').waitFor();
  await olivia.keyboard.type('Carl');
  await olivia.keyboard.press('Enter');
  await olivia.locator('dialog button[type=submit]').focus();
  await olivia.keyboard.press('Enter');
  await olivia.locator(`[data-id="${id}"]`, { hasText: 'for Carl' }).waitFor();
  await leave(olivia, carl);
});

test('a supervisor looks without being seen, whispers to the holder alone, and takes over', async () => {
  const id = await world.write('Watch me', { queue: 'watched' });
  const [priya, ben] = [await world.seat('priya', { view: 'all' }), await world.seat('ben')];
  await open(priya, id);
  await priya.click('[data-act=claim]');
  await priya.locator('.claimbar.mine').waitFor();
  const olivia = await supervisor();
  await olivia.click(`[data-id="${id}"] [data-act=look]`);
  await olivia.locator('.silent', { hasText: 'Watching silently' }).waitFor();
  await olivia.locator('.claimbar.other').waitFor();
  await olivia.click('[data-act=whisper]');
  await olivia.fill('#whisper', 'offer a refund, and do not ask @ben');
  await olivia.click('dialog button[type=submit]');
  await priya.locator('.note-entry', { hasText: 'offer a refund' }).waitFor();
  await priya.locator('[data-view=mentions] .count.loud', { hasText: '1' }).waitFor();
  assert.equal(await ben.locator('[data-view=mentions] .count', { hasText: /[1-9]/ }).count(), 0);
  assert.equal(await priya.locator('.others', { hasText: 'Olivia' }).count(), 0, 'nobody is seen');
  await olivia.click('[data-act=take_over]');
  await olivia.fill('#reason', 'I know this customer');
  await olivia.keyboard.press('Enter');
  await olivia.locator('.claimbar.mine').waitFor();
  await priya.locator('[data-part=loss]', { hasText: 'Olivia took this over' }).waitFor();
  await olivia.click('[data-act=close]');
  await olivia.locator('.claimbar').waitFor({ state: 'detached' });
  await leave(olivia, ben, priya);
});

test('somebody who waits too long, and an agent who is gone with work in hand, are told once', async () => {
  const id = await world.write('In the hands of Dora', { queue: 'told' });
  const dora = await world.seat('dora', { view: 'all' });
  await open(dora, id);
  await dora.click('[data-act=claim]');
  await dora.locator('.claimbar.mine').waitFor();
  const olivia = await supervisor({}, { limit: 0.01 });
  await olivia.locator('[data-agent=dora][data-status=online] .agent-load', { hasText: /^1/ }).waitFor();
  const told = olivia.locator('.notice', { hasText: 'Somebody in told waits' });
  await told.waitFor();
  await leave(dora);
  await olivia.locator('.notice.hot', { hasText: 'Dora is gone, with 1 in hand' }).waitFor();
  assert.equal(await told.count(), 1);
  await leave(olivia);
});

test('a promise that is at risk, then broken, is told with its conversation', async () => {
  await world.set({
    queues: [{ id: 'quick' }],
    service_levels: [
      {
        name: 'quick',
        match: { queue: ['quick'], tier: [], priority: [], channel: [] },
        first_response_s: 4,
        warn_at: 0.5,
      },
    ],
  });
  const olivia = await supervisor();
  await olivia.locator('.notices').waitFor();
  const id = await world.write('Be quick', { queue: 'quick', customer: { id: 'hasty', name: 'Hasty' } });
  await olivia.locator('.notice.warm', { hasText: 'Hasty in quick is at risk' }).waitFor();
  await olivia.locator('.notice.hot', { hasText: 'Hasty in quick is late' }).waitFor();
  await olivia.locator('[data-queue=quick].hot').waitFor();
  await figure(olivia, 'w_breached', '1');
  await olivia.locator('.notice.hot', { hasText: 'Hasty' }).locator('button').click();
  await olivia.waitForFunction((it) => location.hash === `#/wall/${it}`, id);
  await olivia.locator('.talk-title', { hasText: 'Hasty' }).waitFor();
  await leave(olivia);
});

test('a list that was chosen is there again, and so is one that the workspace shares', async () => {
  await world.set({
    queues: [{ id: 'gifts' }],
    views: [{ name: 'Only gifts', filter: { queue: ['gifts'] }, sort: 'oldest', shared_with: 'everyone' }],
  });
  const olivia = await supervisor();
  const id = await world.write('A gift', { queue: 'gifts' });
  await olivia.selectOption('.longest select', { label: 'Only gifts' });
  await olivia.locator(`[data-id="${id}"]`).waitFor();
  assert.equal(await olivia.locator('.long', { hasNotText: 'gifts' }).count(), 0);
  await olivia.reload();
  await olivia.locator(`[data-id="${id}"]`).waitFor();
  assert.equal(await olivia.locator('.longest select').inputValue(), 'shared:Only gifts');
  await leave(olivia);
});

test('a kiosk is the wall alone, through a reload and a hub that dies', async () => {
  const olivia = await supervisor();
  await olivia.click('[data-act=kiosk]');
  await olivia.locator('.shell.kiosk').waitFor();
  assert.equal(await olivia.locator('.sidebar').isVisible(), false);
  await olivia.reload();
  await olivia.locator('.shell.kiosk .totals').waitFor();
  await world.kill();
  await olivia.locator('.banner').waitFor();
  await world.revive();
  await olivia.locator('.banner').waitFor({ state: 'detached' });
  await world.write('After the fall', { queue: 'fallen' });
  await waits(olivia, 'fallen', 1);
  await olivia.locator('[data-act=kiosk]').focus();
  await olivia.keyboard.press('Enter');
  await olivia.locator('.sidebar').waitFor();
  await leave(olivia);
});

for (const colorScheme of /** @type {const} */ (['light', 'dark']))
  test(`axe finds nothing serious on the wall, ${colorScheme}, wide and narrow`, async () => {
    const id = await world.write('For axe', { queue: 'axe' });
    const olivia = await supervisor({ colorScheme }, { limit: 0.01 });
    await olivia.locator('.notice').first().waitFor();
    await olivia.locator('.plot canvas').first().waitFor();
    assert.deepEqual(await findings(olivia), []);
    await olivia.selectOption('.longest select', 'unclaimed');
    await olivia.locator(`[data-id="${id}"]`).waitFor();
    await olivia.click(`[data-id="${id}"] [data-act=look]`);
    await olivia.locator('.claimbar').waitFor();
    assert.deepEqual(await findings(olivia), [], 'beside a conversation');
    await olivia.click('[data-act=close]');
    await olivia.click('.agent-button >> nth=0');
    await olivia.locator('dialog .pairs').waitFor();
    assert.deepEqual(await findings(olivia), [], 'an agent');
    await olivia.keyboard.press('Escape');
    await olivia.setViewportSize({ width: 375, height: 700 });
    await olivia.locator('.totals').waitFor();
    assert.deepEqual(await findings(olivia), [], 'narrow');
    assert.equal(await olivia.evaluate(() => document.documentElement.scrollWidth), 375);
    await leave(olivia);
  });
