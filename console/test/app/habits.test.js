//! One person at the console: signing in, hostile text, the keyboard alone, accessibility, and what is kept where.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { findings } from './axe.js';
import { open, sees, World } from './world.js';

/** @type {World} */
let world;
before(async () => {
  world = await World.begin();
});
after(() => world.end());
afterEach(() => assert.deepEqual(world.errors.splice(0), []));

test('a token leaves the address at once, stays in this tab, and is kept only when asked', async () => {
  const priya = await world.seat('priya');
  assert.ok(!priya.url().includes('token'));
  assert.equal(await priya.evaluate(() => history.length), 2);
  assert.equal(await priya.evaluate(() => localStorage.getItem('dibs.token')), null);
  assert.ok(await priya.evaluate(() => sessionStorage.getItem('dibs.token')));
  await priya.context().close();
});

test('a token may be pasted; nonsense is refused in words; a refused one is asked for again', async () => {
  const page = await (await world.browser.newContext()).newPage();
  await page.goto(world.url);
  await page.fill('#signin-token', 'nonsense');
  await page.keyboard.press('Tab');
  await page.click('form button');
  await sees(page, 'This is not a token');
  await page.fill('#signin-token', `${world.token('ben').slice(0, -6)}AAAAAA`);
  await page.click('form button');
  await sees(page, 'did not accept this token');
  await page.fill('#signin-token', world.token('ben', '--name', 'Ben'));
  await page.click('form button');
  await page.locator('.sidebar').waitFor();
  await page.context().close();
});

/** What has broken consoles elsewhere. */
const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '<script>alert(1)</script>',
  '"><svg onload=alert(1)>',
  '<a href="javascript:alert(1)">x</a>',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)//https://example.com',
  'data:text/html,<script>alert(1)</script>',
  'https://example.com/"onmouseover="alert(1)',
  "https://example.com/'><img src=x onerror=alert(1)>",
  '$' + '{alert(1)} {{constructor.constructor("alert(1)")()}}',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<math><mi xlink:href="data:x,<script>alert(1)</script>">',
  '\u202Egnp.exe https://xn--pple-43d.com/ \u0000\uFFFD'.replace('\u0000', ''),
  '__proto__ constructor [object Object] dangerouslySetInnerHTML',
];

test('hostile text is only ever text, wherever it is shown', async () => {
  const priya = await world.seat('priya', { view: 'all' });
  /** @type {string[]} */
  const dialogs = [];
  priya.on('dialog', (it) => {
    dialogs.push(it.message());
    void it.dismiss();
  });
  const customer = { id: 'evil', name: HOSTILE[0], handle: HOSTILE[2], tier: 'gold' };
  const attachments = [
    { name: HOSTILE[1], media_type: 'text/html', size: 5, url: 'https://example.com/a.html' },
  ];
  const id = await world.write(HOSTILE.join('\n'), {
    customer,
    subject: HOSTILE[3],
    tags: ['<b>tag</b>'],
    attachments,
  });
  await open(priya, id);
  await priya.click('#tab-note');
  await priya.getByRole('textbox', { name: 'Note' }).fill(HOSTILE.join('\n'));
  await priya.keyboard.press('Control+Enter');
  await priya.locator('.note-entry').waitFor();
  for (const text of HOSTILE.slice(0, 4))
    assert.ok((await priya.locator('.bubble.them .text').textContent())?.includes(text));
  assert.equal(await priya.locator('.talk :is(script, iframe, math, img)').count(), 0);
  assert.equal(await priya.locator('.middle :is(script, iframe, math, img)').count(), 0);
  const links = await priya
    .locator('.talk a')
    .evaluateAll((all) =>
      all.map((/** @type {any} */ it) => [it.protocol, it.rel, it.target, it.getAttributeNames().length]),
    );
  assert.ok(links.length >= 3);
  for (const link of links)
    assert.deepEqual(link.slice(0, 3), ['https:', 'noopener noreferrer nofollow', '_blank']);
  assert.deepEqual(dialogs, []);
  await priya.context().close();
});

test('the keyboard alone finds, claims, answers, notes and resolves', async () => {
  const [first, second] = [await world.write('By keys, one'), await world.write('By keys, two')];
  const priya = await world.seat('priya');
  await priya.locator(`#row-${second}`).waitFor();
  await priya.keyboard.press('/');
  await priya.waitForFunction(() => document.activeElement?.id === 'list-search');
  await priya.keyboard.type('By keys');
  await priya.locator('.list-head h1', { hasText: '2' }).waitFor();
  await priya.keyboard.press('Enter');
  await priya.waitForFunction(() => document.activeElement?.id === 'list-grid');
  await priya.keyboard.press('j');
  await priya.locator('.claimbar.free').waitFor();
  const opened = /[0-9a-f-]{36}$/.exec(priya.url())?.[0];
  assert.ok(opened === first || opened === second);
  assert.equal(await priya.getAttribute('#list-grid', 'aria-activedescendant'), `row-${opened}`);
  await priya.locator(`#row-${opened}:not(.unread)`).waitFor();
  await priya.keyboard.press('c');
  await priya.locator('.claimbar.mine').waitFor();
  await priya.keyboard.press('n');
  await priya.getByRole('textbox', { name: 'Note' }).waitFor();
  await priya.waitForFunction(() => document.activeElement?.id === 'composer-text');
  await priya.keyboard.type('c j k are only letters here');
  await priya.keyboard.press('Control+Enter');
  await priya.locator('.note-entry', { hasText: 'only letters' }).waitFor();
  await priya.keyboard.press('Escape');
  await priya.keyboard.press('r');
  await priya.getByRole('textbox', { name: 'Reply' }).waitFor();
  await priya.waitForFunction(() => document.activeElement?.id === 'composer-text');
  await priya.keyboard.type('Answered by keys');
  await priya.keyboard.press('Control+Enter');
  await priya.locator('.bubble.us', { hasText: 'Answered by keys' }).waitFor();
  await priya.keyboard.press('Escape');
  await priya.keyboard.press('Control+k');
  await priya.locator('.palette-input').waitFor();
  await priya.keyboard.type('resolve');
  await priya.keyboard.press('Enter');
  await priya.locator('.status.resolved').waitFor();
  await priya.context().close();
});

test('single keys can be turned off and given to others', async () => {
  const id = await world.write('Other keys');
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  await priya.keyboard.press('?');
  await priya.locator('dialog', { hasText: 'Keyboard shortcuts' }).waitFor();
  await priya.keyboard.press('Escape');
  await priya.click('.me [aria-label=Settings]');
  await priya.getByLabel('Key for: Call dibs').focus();
  await priya.keyboard.press('d');
  await priya.keyboard.press('Escape');
  await priya.locator('dialog').waitFor({ state: 'detached' });
  await priya.keyboard.press('d');
  await priya.locator('.claimbar.mine').waitFor();
  await priya.click('.me [aria-label=Settings]');
  await priya.getByText('Single-key shortcuts').click();
  await priya.keyboard.press('Escape');
  await priya.locator('dialog').waitFor({ state: 'detached' });
  await priya.keyboard.press('?');
  await priya.keyboard.press('Control+k');
  await priya.locator('.palette-input').waitFor();
  assert.equal(await priya.locator('dialog').count(), 1);
  await priya.context().close();
});

test('right-to-left text stands on its own side', async () => {
  const id = await world.write('مرحبا، أين طلبي؟', { customer: { id: 'rtl', name: 'ليلى' } });
  const priya = await world.seat('priya', { view: 'all' });
  await open(priya, id);
  assert.equal(
    await priya.locator('.bubble.them .text').evaluate((it) => getComputedStyle(it).direction),
    'rtl',
  );
  assert.equal(await priya.locator('.talk-title h2').evaluate((it) => getComputedStyle(it).direction), 'rtl');
  await priya.context().close();
});

for (const colorScheme of /** @type {const} */ (['light', 'dark']))
  test(`axe finds nothing serious, ${colorScheme}`, async () => {
    const id = await world.write('Look at it https://example.com/', {
      priority: 'urgent',
      tags: ['vip'],
      subject: 'A subject',
    });
    await world.write('And another', { priority: 'high' });
    const [olivia, priya] = await Promise.all([
      world.seat('olivia', {
        role: 'supervisor',
        view: 'all',
        options: { colorScheme, reducedMotion: 'reduce' },
      }),
      world.seat('priya', { view: 'all' }),
    ]);
    await Promise.all([open(olivia, id), open(priya, id)]);
    assert.deepEqual(await findings(olivia), []);
    await priya.click('#tab-note');
    await priya.getByRole('textbox', { name: 'Note' }).fill('For @olivia');
    await priya.keyboard.press('Control+Enter');
    await olivia.locator('.toast').waitFor();
    await olivia.click('[data-act=claim]');
    await olivia.locator('.claimbar.mine').waitFor();
    await olivia.click('#tab-note');
    assert.deepEqual(await findings(olivia), []);
    await olivia.click('#tab-reply');
    await olivia.click('[data-act=attach]');
    await olivia.locator('dialog').waitFor();
    assert.deepEqual(await findings(olivia), []);
    await olivia.fill('#attach-url', 'https://files.example/form.pdf');
    await olivia.keyboard.press('Enter');
    await olivia.locator('.composer .files').waitFor();
    assert.deepEqual(await findings(olivia), []);
    for (const [press, wait] of [
      ['.list-head [aria-pressed]', '.bulk'],
      ['[data-act=transfer]', 'dialog'],
      ['.details dd .value >> nth=0', 'dialog'],
      ['.me [aria-label=Settings]', 'dialog'],
    ]) {
      await olivia.click(press);
      await olivia.locator(wait).waitFor();
      assert.deepEqual(await findings(olivia), [], press);
      if (wait === 'dialog') await olivia.keyboard.press('Escape');
    }
    await olivia.locator('dialog').waitFor({ state: 'detached' });
    await olivia.keyboard.press('Control+k');
    await olivia.locator('.palette-input').waitFor();
    assert.deepEqual(await findings(olivia), []);
    await olivia.keyboard.press('Escape');
    await olivia.fill('#list-search', 'look at');
    await olivia.click('[data-act=save-view]');
    await olivia.locator('#view-name:focus').waitFor();
    await olivia.keyboard.press('Enter');
    await olivia.locator('.saved .count').waitFor();
    assert.deepEqual(await findings(olivia), []);
    for (const view of ['mentions', 'wall']) {
      await olivia.click(`[data-view=${view}]`);
      await olivia
        .locator(view === 'wall' ? '.queue-tile' : '.mention')
        .first()
        .waitFor();
      assert.deepEqual(await findings(olivia), [], view);
    }
    await Promise.all([olivia.context().close(), priya.context().close()]);
  });

test('a narrow screen shows the list or the conversation, and axe finds nothing serious', async () => {
  const id = await world.write('On the telephone');
  const priya = await world.seat('priya', {
    view: 'all',
    options: { viewport: { width: 375, height: 700 } },
  });
  assert.deepEqual(await findings(priya), []);
  await open(priya, id);
  assert.equal(await priya.locator('.middle').isVisible(), false);
  assert.equal((await priya.locator('.shell').boundingBox())?.y, 0);
  assert.deepEqual(await findings(priya), []);
  assert.equal(await priya.evaluate(() => document.documentElement.scrollWidth), 375);
  await priya.click('[aria-label="Back to the list"]');
  await priya.locator(`#row-${id}`).waitFor();
  await priya.context().close();
});
