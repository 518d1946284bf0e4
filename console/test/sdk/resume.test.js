//! Lines that are cut and a hub that is killed, again and again: every event once and in order, every reply once, and
//! lists as a fresh read would give them. `DIBS_LONG=1` cuts a thousand lines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Hub } from './hub.js';
import { CuttingProxy } from './proxy.js';
import { told, until } from './wait.js';

/** @import {Client, Conversation} from '../../sdk/index.js' */

const CUTS = process.env.DIBS_LONG === '1' ? 1_000 : 200;
const LATEST_MS = process.env.DIBS_LONG === '1' ? 280_000 : 60_000;

/** Fails when the work is still going on after the latest time. @param {AbortSignal} signal */
const inTime = (signal) => assert.ok(!signal.aborted, 'this takes too long');

/** Keeps what is delivered of a conversation. @param {Conversation} talk */
function record(talk) {
  /** @type {{seq: number}[]} */
  const delivered = [];
  talk.on('event', (entry) => delivered.push(entry));
  talk.on('snapshot', ({ gap }) => {
    assert.equal(gap, false);
    assert.equal(delivered.length, 0, 'a later snapshot must not replace what was delivered');
    delivered.push(...talk.entries);
  });
  return delivered;
}

/** What a fresh read of the same list gives. @param {Client} client */
const fresh = async (client) =>
  (await client.call('list', { filter: {}, sort: 'last_activity', limit: 200 })).conversations;

test(`nothing is lost or doubled over ${CUTS} lines cut in the middle`, {
  timeout: LATEST_MS + 10_000,
}, async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const signal = AbortSignal.timeout(LATEST_MS);
  const customers = ['kim', 'lee', 'sam'];
  const opened = await Promise.all(customers.map((customer) => hub.customer('Hello?', { customer })));
  const ids = opened.map(({ conversation }) => conversation);
  const [watcher, writer] = [
    hub.client('watcher', { port: proxy.port }),
    hub.client('writer', { port: proxy.port }),
  ];
  const talks = ids.map((id) => watcher.watch(id));
  const delivered = talks.map(record);
  const view = watcher.openView({ filter: {}, sort: 'last_activity', limit: 10 });
  await Promise.all(talks.map((talk) => talk.ready));
  proxy.budget = () => (proxy.cuts < CUTS ? Math.random() ** 2 * 12_000 : Infinity);
  proxy.cut();

  let written = 0;
  const tokens = await Promise.all(ids.map((conversation) => writer.call('claim', { conversation })));
  for (; proxy.cuts < CUTS; written += 1) {
    inTime(signal);
    const at = written % ids.length;
    const { token, summary } = tokens[at];
    const conversation = ids[at];
    await Promise.all([
      writer.call('note', { conversation, text: `note ${written}` }),
      writer.call('reply', { conversation, token, seen: summary.version, text: `reply ${written}` }),
      writer.call('update', { conversation, priority: written % 2 ? 'high' : 'low' }),
    ]);
  }
  for (const conversation of ids) await writer.call('note', { conversation, text: 'the end' });
  const isEnd = (/** @type {any} */ entry) => entry?.event.note?.text === 'the end';
  await Promise.all(talks.map((talk) => until(talk, 'event', () => isEnd(talk.entries.at(-1)))));

  assert.ok(proxy.cuts >= CUTS);
  for (const [at, id] of ids.entries()) {
    const stored = (await hub.stored(id)).filter(({ event }) => event.kind !== 'agent_seen');
    assert.deepEqual(
      delivered[at].map(({ seq }) => seq),
      stored.map(({ seq }) => seq),
    );
    for (const kind of ['reply', 'note']) {
      const texts = stored
        .map(({ event }) => event.message?.text ?? event.note?.text)
        .filter((text) => text?.startsWith(`${kind} `));
      const expected = Array.from({ length: written }, (_, i) => i).filter((i) => i % ids.length === at);
      assert.deepEqual(
        texts.map((text) => Number(text.split(' ')[1])).sort((a, b) => a - b),
        expected,
      );
    }
  }
  const rows = await fresh(watcher);
  await until(view, 'rows', () => isDeepStrictEqual(view.rows, rows));
  assert.equal(view.total, rows.length);
  t.diagnostic(
    `${proxy.cuts} lines cut, ${written * 3} commands, ${delivered.flat().length} events delivered`,
  );
});

test('a hub that is killed in the middle loses no reply and doubles none', { timeout: 60_000 }, async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const { conversation } = await hub.customer('Hello?');
  const priya = hub.client('priya', { port: proxy.port });
  const talk = priya.watch(conversation);
  const delivered = record(talk);
  await talk.ready;
  await talk.claim();
  for (let life = 0; life < 4; life += 1) {
    const replies = Array.from({ length: 12 }, (_, i) => talk.reply(`reply ${life}.${i}`));
    await Promise.race(replies);
    await hub.kill();
    await hub.begin();
    const seqs = await Promise.all(replies.map(async (reply) => (await reply).seq));
    assert.equal(new Set(seqs).size, replies.length);
  }
  const { seq } = await talk.note('the end');
  await until(talk, 'event', () => talk.version === seq);
  const stored = await hub.stored(conversation);
  assert.deepEqual(
    delivered.map((entry) => entry.seq),
    stored.map((entry) => entry.seq),
  );
  assert.equal(stored.filter(({ event }) => event.kind === 'message_sent').length, 48);
});

test('what is drawn besides the timeline is up to date after a resume', async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const { conversation } = await hub.customer('Hello?', { customer: 'kim' });
  const [priya, marco] = [hub.client('priya', { port: proxy.port }), hub.client('marco')];
  const talk = priya.watch(conversation);
  const people = priya.watchAgents();
  const view = priya.openView({ filter: { claimed: true }, sort: 'newest' });
  await Promise.all([talk.ready, people.ready, view.ready, marco.ready]);
  proxy.held.add('down');
  const { token } = await marco.call('claim', { conversation });
  await marco.call('reply', { conversation, token, seen: token, text: 'Hi.' });
  await marco.call('note', { conversation, text: '@priya see' });
  await marco.call('set_presence', { status: 'busy' });
  const { seq } = await marco.call('transfer', { conversation, token, to: { agent: 'priya' } });
  proxy.cut();
  await until(talk, 'change', () => talk.summary?.version === seq);
  assert.equal(talk.summary?.claim?.agent, 'marco');
  assert.equal(talk.version, seq);
  await until(view, 'rows', () => view.rows[0]?.version === seq);
  await until(people, 'change', () => people.agents.get('marco')?.status === 'busy');
  assert.equal(priya.unreadMentions, 1);
  assert.equal(priya.offers.get(conversation)?.from, 'marco');
});

test('what left the window of resuming is read from the history', async (t) => {
  const hub = await Hub.start(t, '--resume-window', '1ms');
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const { conversation } = await hub.customer('Hello?', { customer: 'kim' });
  const [priya, marco] = [hub.client('priya', { port: proxy.port }), hub.client('marco')];
  const talk = priya.watch(conversation, { limit: 5 });
  const delivered = record(talk);
  await talk.ready;
  const old = await marco.call('note', { conversation, text: 'note 0' });
  await until(talk, 'event', () => talk.version === old.seq);
  proxy.held.add('down');
  for (let i = 1; i <= 300; i += 1) await marco.call('note', { conversation, text: `note ${i}` });
  const welcomed = told(priya, 'welcome');
  await hub.kill();
  await hub.begin();
  const again = hub.client('marco');
  await again.call('note', { conversation, text: 'note 301' });
  proxy.cut();
  assert.equal((await welcomed).resumed, false);
  const { seq } = await again.call('note', { conversation, text: 'the end' });
  await until(talk, 'event', () => talk.version === seq);
  const stored = await hub.stored(conversation);
  assert.deepEqual(
    delivered.map((entry) => entry.seq),
    stored.map((entry) => entry.seq),
  );
  assert.deepEqual(
    talk.entries,
    stored.map((entry) => entry),
  );
});
