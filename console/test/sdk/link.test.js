//! The line: close codes, tokens, silence, states.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { connect, sharedToken } from '../../sdk/index.js';
import { Hub, makeToken } from './hub.js';
import { script } from './script.js';
import { refusal, told, until } from './wait.js';

test('the server says after how long to come back', async (t) => {
  const hub = await script(t);
  const client = hub.client();
  const peer = await hub.peer();
  await peer.welcomes();
  peer.says('reconnect', { after_ms: 120, reason: 'restart' });
  const down = told(client, 'state', ({ state }) => state === 'reconnecting');
  peer.socket.close(1001);
  const { code, retryInMs } = await down;
  assert.equal(code, 1001);
  assert.ok(Number(retryInMs) >= 120);
  await (await hub.peer()).welcomes({ resumed: true });
  await told(client, 'state', ({ state }) => state === 'connected');
});

test('a real hub that stops asks to come back, and is found again', async (t) => {
  const hub = await Hub.start(t);
  const client = hub.client('priya');
  await client.ready;
  const asked = told(client, 'reconnect');
  const down = told(client, 'state', ({ state }) => state === 'reconnecting');
  await hub.kill('SIGTERM');
  assert.ok((await asked).after_ms >= 0);
  assert.equal((await down).code, 1001);
});

test('close codes that say to stay away end the session and say why', async (t) => {
  for (const code of [1003, 1007, 1009, 4000, 4003, 4010]) {
    const hub = await script(t);
    const client = hub.client();
    const over = told(client, 'state', ({ state }) => state === 'closed');
    const peer = await hub.peer();
    await peer.hears('hello');
    peer.socket.close(code, 'go away');
    const { code: said, reason } = await over;
    assert.deepEqual([said, reason], [code, 'go away']);
    assert.equal((await refusal(client.ready)).code, 'closed');
  }
});

test('who floods comes back after ten seconds at the earliest', async (t) => {
  const hub = await script(t);
  const client = hub.client();
  const down = told(client, 'state');
  const peer = await hub.peer();
  await peer.hears('hello');
  peer.socket.close(4029);
  assert.ok(Number((await down).retryInMs) >= 10_000);
});

test('who is in a hurry dials at once, but not before the server allows it', async (t) => {
  const hub = await script(t);
  const client = hub.client({ backoff: { firstMs: 100_000, mostMs: 100_000, random: () => 1 } });
  const first = await hub.peer();
  await first.welcomes();
  await client.ready;
  let down = told(client, 'state', ({ state }) => state === 'reconnecting');
  first.socket.terminate();
  assert.ok(Number((await down).retryInMs) >= 100_000);
  client.retry();
  const second = await hub.peer();
  await second.welcomes({ resumed: true });
  second.says('reconnect', { after_ms: 150, reason: 'restart' });
  down = told(client, 'state', ({ state }) => state === 'reconnecting');
  second.socket.close(1001);
  await down;
  const since = Date.now();
  client.retry();
  await (await hub.peer()).hears('hello');
  assert.ok(Date.now() - since >= 140);
});

test('a refused token asks for another at once, and none ends the session', async (t) => {
  const hub = await script(t);
  /** @type {string[]} */
  const whys = [];
  const tokens = ['stale', 'fresh', null];
  const getToken = (/** @type {string} */ why) => {
    whys.push(why);
    return tokens.shift() ?? null;
  };
  const client = hub.client({ getToken });
  const first = await hub.peer();
  assert.equal((await first.hears('hello')).token, 'stale');
  first.says('error', { id: 0, code: 'unauthenticated', message: 'No.' });
  first.socket.close(4001);
  const second = await hub.peer();
  assert.equal((await second.welcomes()).token, 'fresh');
  await client.ready;
  const over = told(client, 'state', ({ state }) => state === 'closed');
  second.socket.close(4002);
  await over;
  assert.deepEqual(whys, ['connect', 'refused', 'refused']);
});

test('a token that cannot be had now is asked for again', async (t) => {
  const hub = await script(t);
  let asked = 0;
  const getToken = async () => {
    asked += 1;
    if (asked < 3) throw new Error('no network');
    return 'token';
  };
  const client = hub.client({ getToken });
  await (await hub.peer()).welcomes();
  await client.ready;
  assert.equal(asked, 3);
});

test('a session outlives its first token', async (t) => {
  const hub = await Hub.start(t);
  const exp = Math.ceil(Date.now() / 1000) + 2;
  let welcomes = 0;
  const getToken = (/** @type {string} */ why) => makeToken('priya', why === 'refresh' ? {} : { exp });
  const client = hub.client('priya', { getToken });
  client.on('welcome', () => (welcomes += 1));
  await client.ready;
  while (Date.parse((await client.call('ping', {})).time) < exp * 1000 + 200);
  assert.equal(welcomes, 1);
  assert.equal(client.state, 'connected');
});

test('two heartbeats of silence are a dead line', async (t) => {
  const hub = await script(t);
  const client = hub.client();
  const peer = await hub.peer();
  await peer.welcomes({ heartbeat_seconds: 0.02 });
  await told(
    client,
    'state',
    ({ state, reason }) => state === 'reconnecting' && reason === 'nothing was heard',
  );
  assert.ok((await (await hub.peer()).welcomes({ resumed: true })).resume);
});

test('a hub that never welcomes, and one that is not there, are lost after a while and found again', async (t) => {
  const hub = await script(t);
  const client = hub.client({ lostAfterMs: 30 });
  /** @type {string[]} */
  const states = [];
  client.on('state', ({ state }) => states.at(-1) === state || states.push(state));
  const isLost = () => told(client, 'state', ({ state }) => state === 'lost');
  let lost = isLost();
  const first = await hub.peer();
  await lost;
  await first.welcomes();
  await client.ready;
  lost = isLost();
  first.socket.terminate();
  const second = await hub.peer();
  await lost;
  await second.welcomes({ resumed: true });
  await told(client, 'state', ({ state }) => state === 'connected');
  assert.deepEqual(states, ['lost', 'connected', 'reconnecting', 'lost', 'connected']);
});

test('tabs share a token of the same person, and no other', async () => {
  let made = 0;
  const ask = async () => makeToken('priya', { exp: Math.floor(Date.now() / 1000) + 1000 * ++made });
  /** @type {any[]} */
  const said = [];
  const channel = {
    onmessage: /** @type {any} */ (null),
    postMessage: (/** @type {any} */ data) => said.push(data),
  };
  const getToken = sharedToken(ask, channel);
  const first = await getToken('connect');
  assert.equal(await getToken('connect'), first);
  assert.deepEqual(said, [{ token: first }]);
  const exp = Math.floor(Date.now() / 1000) + 90_000;
  const [others, later] = [makeToken('marco', { exp }), makeToken('priya', { exp })];
  channel.onmessage({ data: { token: others } });
  channel.onmessage({ data: { token: 'nonsense' } });
  channel.onmessage({ data: null });
  assert.equal(await getToken('refresh'), first);
  channel.onmessage({ data: { token: later } });
  assert.equal(await getToken('refresh'), later);
  assert.notEqual(await getToken('refused'), later);
  assert.equal(made, 2);
});

test('a listener that throws stops nothing', async (t) => {
  const hub = await script(t);
  /** @type {(() => void)[]} */
  const thrown = [];
  const client = hub.client();
  client.on('unread', () => {
    throw new Error('mine');
  });
  const heard = told(client, 'unread');
  const real = globalThis.queueMicrotask;
  t.mock.method(globalThis, 'queueMicrotask', (/** @type {() => void} */ run) => {
    if (String(run).includes('throw error')) thrown.push(run);
    else real(run);
  });
  const peer = await hub.peer();
  await peer.welcomes({ unread_mentions: 3 });
  assert.equal(await heard, 3);
  assert.throws(thrown[0], /mine/);
});

test('typing is sent every three seconds at most, and never later', async (t) => {
  const hub = await script(t);
  t.mock.method(Date, 'now', () => 1_000_000);
  const client = hub.client();
  const talk = client.watch('0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e');
  talk.typing(true);
  const peer = await hub.peer();
  await peer.welcomes();
  await client.ready;
  for (let i = 0; i < 5; i += 1) talk.typing(true);
  talk.typing(false);
  talk.typing(false);
  talk.typing(true, 'note');
  client.call('ping', {}).catch(() => {});
  await peer.hears('ping');
  const typed = peer.heard.filter(({ type }) => type === 'typing').map((it) => [it.in, it.on]);
  assert.deepEqual(typed, [
    ['reply', true],
    ['reply', false],
    ['note', true],
  ]);
});

test('offers and claims of the welcome are there at once', async (t) => {
  const hub = await script(t);
  const client = hub.client();
  const offers = [{ conversation: 'o', from: 'marco', to: { agent: 'priya' }, expires_at: 'x', summary: {} }];
  await (await hub.peer()).welcomes({
    claims: [{ conversation: 'c', token: 7 }],
    offers,
    unread_mentions: 2,
  });
  await until(client, 'state', () => client.state === 'connected');
  assert.equal(client.claims.get('c'), 7);
  assert.equal(client.offers.get('o')?.from, 'marco');
  assert.equal(client.unreadMentions, 2);
});

test('an address that cannot be dialled ends the session and says so', async () => {
  const client = connect({
    url: 'no address',
    getToken: () => 'token',
    WebSocket: /** @type {any} */ (WebSocket),
  });
  const error = await refusal(client.ready);
  assert.deepEqual([error.code, client.state], ['closed', 'closed']);
  assert.match(error.message, /no address/);
});

test('closing the client settles what is live', async (t) => {
  const hub = await script(t);
  const client = hub.client();
  const [talk, view] = [
    client.watch('0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e'),
    client.openView({ filter: {}, sort: 'newest' }),
  ];
  const moved = refusal(view.move({ limit: 10 }));
  client.close();
  for (const promise of [talk.ready, view.ready, client.ready])
    assert.equal((await refusal(promise)).code, 'closed');
  assert.equal((await moved).code, 'closed');
});

test('a line on which something is heard is kept, also by who is in a hurry', {
  timeout: 20_000,
}, async (t) => {
  const hub = await script(t);
  const client = hub.client();
  const peer = await hub.peer();
  await peer.welcomes({ heartbeat_seconds: 1 });
  await client.ready;
  let others = 0;
  hub.peer().then(() => (others += 1));
  const until = Date.now() + 2_500;
  client.retry();
  while (Date.now() < until) {
    const answer = client.call('ping', {});
    await peer.answers('ping', { time: '2026-11-21T10:00:00.000Z' });
    await answer;
  }
  assert.deepEqual([client.state, others], ['connected', 0]);
});
