//! Tokens that the console fetches by itself (`--console-token-url`), from another origin, with the browser's cookies.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { open, sees, World } from './world.js';

/** @type {World} */
let world;
/** @type {import('node:http').Server} */
let issuer;
/** What the next answers are; then the last one again. @type {{status: number, body: string}[]} */
let answers = [];
let asked = 0;
/** The only cookie that is accepted. */
const COOKIE = 'sid=priya';

before(async () => {
  issuer = createServer((request, response) => {
    asked += 1;
    const signedIn = request.headers.cookie?.includes(COOKIE);
    const { status, body } = signedIn
      ? ((answers.length > 1 ? answers.shift() : answers[0]) ?? { status: 500, body: '' })
      : { status: 401, body: 'Who are you?' };
    response.writeHead(status, {
      'access-control-allow-origin': world.url.slice(0, -1),
      'access-control-allow-credentials': 'true',
    });
    response.end(body);
  });
  await new Promise((listening) => issuer.listen(0, '127.0.0.1', () => listening(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (issuer.address());
  world = await World.alone('--console-token-url', `http://127.0.0.1:${port}/token?for=dibs`);
});
after(async () => {
  issuer.closeAllConnections();
  issuer.close();
  await world.end();
});
afterEach(() => {
  answers = [];
  // A refusal of the issuer is what a test is about, not a fault of the page.
  const faults = world.errors.splice(0).filter((it) => !/status of (401|503)/.test(it));
  assert.deepEqual(faults, []);
});

/** A page of somebody who is signed in at the issuer, or not. @param {boolean} signedIn */
async function visit(signedIn) {
  const page = await world.page('priya');
  if (signedIn) await signInAtIssuer(page);
  await page.goto(world.url);
  return page;
}

/** @param {import('playwright-core').Page} page */
const signInAtIssuer = (page) =>
  page.context().addCookies([{ name: 'sid', value: 'priya', url: 'http://127.0.0.1/' }]);

const fresh = (/** @type {string} */ ttl) => world.token('priya', '--name', 'Priya', '--ttl', ttl);

test('a token is fetched and renewed without a word, and the draft stays', async () => {
  const id = await world.write('A session without end');
  const short = fresh('8s');
  const { exp } = JSON.parse(atob(short.split('.')[1]));
  answers = [
    { status: 200, body: short },
    { status: 503, body: 'in a moment' },
    { status: 200, body: JSON.stringify({ token: fresh('1h') }) },
  ];
  const page = await visit(true);
  await page.click('[data-view=all]');
  await open(page, id);
  await page.fill('#composer-text', 'Still here');
  await page.waitForFunction((end) => Date.now() > end, exp * 1000 + 1_000, { timeout: 30_000 });
  await page.locator('.banner').waitFor({ state: 'detached' });
  await page.click('[data-act=claim]');
  await page.locator('.claimbar.mine').waitFor();
  assert.equal(await page.locator('.signin').count(), 0);
  assert.equal(await page.inputValue('#composer-text'), 'Still here');
  assert.ok(asked >= 3);
  await page.context().close();
});

test('who is not signed in there is asked, over the draft, and may sign in there and go on', async () => {
  const id = await world.write('A session that ends');
  const page = await visit(false);
  await page.locator('#signin-token').waitFor();
  await page.fill('#signin-token', fresh('8s'));
  await page.click('.signin button[type=submit]');
  await page.click('[data-view=all]');
  await open(page, id);
  await page.fill('#composer-text', 'Not lost');
  await page.locator('.signin.over #signin-token').waitFor({ timeout: 30_000 });
  await page.click('[data-act=again]');
  await sees(page, 'There is no session');
  answers = [{ status: 200, body: fresh('1h') }];
  await signInAtIssuer(page);
  await page.click('[data-act=again]');
  await page.locator('.signin').waitFor({ state: 'detached' });
  await page.locator('.banner').waitFor({ state: 'detached' });
  assert.equal(await page.inputValue('#composer-text'), 'Not lost');
  await page.context().close();
});

test('a fetched token that the hub does not accept is asked for once, not for ever', async () => {
  answers = [{ status: 200, body: `${fresh('1h').slice(0, -6)}AAAAAA` }];
  const before = asked;
  const page = await visit(true);
  await sees(page, 'did not accept this token');
  assert.ok(asked - before <= 2, `asked ${asked - before} times`);
  await page.context().close();
});

test('who signs out stays out, and the page may ask nobody but the issuer and the hub', async () => {
  answers = [{ status: 200, body: fresh('1h') }];
  const page = await visit(true);
  await page.locator('.sidebar').waitFor();
  const elsewhere = world.url.replace('127.0.0.1', 'localhost');
  assert.equal(
    await page.evaluate(
      (url) =>
        fetch(url).then(
          () => 'reached',
          () => 'not',
        ),
      elsewhere,
    ),
    'not',
  );
  world.errors.splice(0); // That the policy refuses this is what was wanted.
  await page.click('[data-act=signout]');
  await page.locator('#signin-token').waitFor();
  assert.equal(await page.locator('.sidebar').count(), 0);
  await page.click('[data-act=again]');
  await page.locator('.sidebar').waitFor();
  await page.context().close();
});

test('a kiosk whose session has ended comes back by itself, as soon as there is a token', async () => {
  const boss = (/** @type {string} */ ttl) =>
    world.token('olivia', '--name', 'Olivia', '--role', 'supervisor', '--ttl', ttl);
  answers = [{ status: 200, body: boss('8s') }];
  const page = await world.page('olivia');
  await signInAtIssuer(page);
  await page.addInitScript(() =>
    localStorage.setItem('dibs.prefs', JSON.stringify({ wall: { kiosk: true } })),
  );
  await page.clock.install();
  await page.goto(`${world.url}#/wall`);
  await page.locator('.shell.kiosk .totals').waitFor();
  await page.context().clearCookies();
  await page.locator('.signin').waitFor({ timeout: 60_000 });
  await signInAtIssuer(page);
  answers = [{ status: 200, body: boss('1h') }];
  await page.clock.fastForward('00:31');
  await page.locator('.signin').waitFor({ state: 'detached' });
  await page.locator('.banner').waitFor({ state: 'detached' });
  await page.locator('.shell.kiosk .totals').waitFor();
  await page.context().close();
});
