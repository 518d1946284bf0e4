//! Commands against the real program: answers, refusals, and what becomes of those on their way when the line breaks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DibsError } from '../../sdk/index.js';
import { Hub, makeToken } from './hub.js';
import { CuttingProxy } from './proxy.js';
import { refusal, told, until } from './wait.js';

test('an agent claims, answers, writes a note and lets go', async (t) => {
  const hub = await Hub.start(t);
  const { conversation } = await hub.customer('Where is my refund?');
  const priya = hub.client('priya');
  assert.equal((await priya.ready).agent.id, 'priya');
  const talk = priya.watch(conversation);
  await talk.ready;
  const { token } = await talk.claim();
  assert.equal(priya.claims.get(conversation), token);
  assert.equal((await talk.reply('On its way.', { then: 'pending' })).duplicate, false);
  assert.deepEqual((await talk.note('@priya look')).mentions, { agents: ['priya'], teams: [] });
  await talk.update({ add_tags: ['refund'], expect: { priority: 'normal' } });
  await talk.release();
  assert.equal(talk.token, undefined);
  await until(talk, 'summary', () => talk.summary?.tags.length);
  const kinds = talk.entries.map(({ event }) => event.kind);
  const all =
    'conversation_opened message_received claim_granted message_sent status_changed note_added tagged claim_released';
  assert.deepEqual(kinds, all.split(' '));
  assert.equal(talk.summary?.status, 'pending');
});

test('a refusal rejects with its code and details', async (t) => {
  const hub = await Hub.start(t);
  const { conversation } = await hub.customer('Hello?');
  const [priya, marco] = [hub.client('priya'), hub.client('marco')];
  await priya.call('claim', { conversation });
  const error = await refusal(marco.call('claim', { conversation }));
  assert.ok(error instanceof DibsError);
  assert.equal(error.code, 'already_claimed');
  assert.equal(error.details.holder, 'priya');
  const talk = marco.watch(conversation);
  await talk.ready;
  assert.equal((await refusal(talk.reply('Mine!'))).code, 'not_claimed');
});

test('who did not see the latest message is told what was missed, and may send again with the same key', async (t) => {
  const hub = await Hub.start(t);
  const { conversation, seq } = await hub.customer('Hello?', { customer: 'kim' });
  const priya = hub.client('priya');
  const talk = priya.watch(conversation);
  await talk.ready;
  await talk.claim();
  await hub.customer('Never mind.', { customer: 'kim' });
  const error = await refusal(talk.reply('Hi!', { seen: seq }));
  assert.equal(error.code, 'stale');
  const { missed } = error.details;
  assert.equal(missed.at(-1).event.message.text, 'Never mind.');
  await talk.reply('Hi!', { key: error.key, seen: missed.at(-1).seq });
  const sent = (await hub.stored(conversation)).filter(({ event }) => event.kind === 'message_sent');
  assert.deepEqual(
    sent.map(({ event }) => event.key),
    [error.key],
  );
});

test('every command of the protocol has an answer', async (t) => {
  const hub = await Hub.start(t, '--agents-take-over');
  const { conversation } = await hub.customer('Hello?');
  const [priya, marco] = [hub.client('priya', { claims: { teams: ['billing'] } }), hub.client('marco')];
  await Promise.all([priya.ready, marco.ready]);
  const opened = await priya.call('open', { customer: { id: 'x', name: 'X' }, channel: 'web' });
  assert.equal(priya.claims.get(opened.conversation), opened.token);
  const { token } = await priya.call('claim', { conversation });
  const offered = told(marco, 'offer');
  await priya.call('transfer', { conversation, token, to: { agent: 'marco' } });
  assert.equal((await offered).from, 'priya');
  await priya.call('cancel_transfer', { conversation, token });
  await until(marco, 'offers', () => marco.offers.size === 0);
  await priya.call('transfer', { conversation, token, to: { agent: 'marco' } });
  await until(marco, 'offers', () => marco.offers.has(conversation));
  const lost = told(priya, 'claim_lost');
  const accepted = await marco.call('answer_transfer', { conversation, accept: true });
  assert.equal(marco.claims.get(conversation), accepted.token);
  assert.equal((await lost).token, token);
  assert.equal(priya.claims.has(conversation), false);
  const taken = /** @type {{token: number}} */ (
    await priya.call('take_over', { conversation, reason: 'he left' })
  );
  await until(marco, 'claims', () => !marco.claims.has(conversation));
  assert.equal(priya.claims.get(conversation), taken.token);
  const done = await priya.call('bulk', {
    conversations: [conversation],
    action: { type: 'update', priority: 'high' },
  });
  assert.equal(done.results[0].error, undefined);
  const { conversations } = await priya.call('list', { filter: { priority: ['high'] }, sort: 'newest' });
  assert.deepEqual(
    conversations.map(({ id }) => id),
    [conversation],
  );
  const { entries } = await priya.call('history', { conversation, before: taken.token });
  assert.equal(entries.at(-1)?.event.kind, 'claim_released');
  await priya.call('mark_read', { conversation, up_to: taken.token });
  assert.deepEqual((await priya.call('read_marks', {})).marks, { [conversation]: taken.token });
  const mentioned = told(priya, 'mention');
  const note = await marco.call('note', { conversation, text: '@priya and @nobody' });
  assert.deepEqual(note.unknown, ['nobody']);
  assert.equal((await mentioned).seq, note.seq);
  assert.equal((await priya.call('mentions', {})).mentions[0].excerpt, '@priya and @nobody');
  assert.equal((await priya.call('read_mentions', { up_to: note.seq })).unread, 0);
  assert.equal(priya.unreadMentions, 0);
  await priya.call('set_presence', { status: 'away' });
  assert.ok(Date.parse((await priya.call('ping', {})).time));
  await priya.call('refresh', {
    token: makeToken('priya', { teams: ['billing'] }),
  });
});

test('a reply that was stored while its answer was lost is answered after the resume, and sent once', async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const { conversation } = await hub.customer('Hello?');
  const [priya, witness] = [hub.client('priya', { port: proxy.port }), hub.client('witness')];
  const [talk, seen] = [priya.watch(conversation), witness.watch(conversation)];
  await Promise.all([talk.ready, seen.ready]);
  await talk.claim();
  proxy.held.add('down');
  const stored = told(seen, 'event', ({ event }) => event.kind === 'message_sent');
  const reply = talk.reply('Once only.');
  await stored;
  proxy.cut();
  const answer = await reply;
  assert.equal(answer.duplicate, true);
  assert.equal(answer.seq, (await stored).seq);
  const sent = (await hub.stored(conversation)).filter(({ event }) => event.kind === 'message_sent');
  assert.equal(sent.length, 1);
});

test('a reply that never arrived is sent after the resume', async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const { conversation } = await hub.customer('Hello?');
  const priya = hub.client('priya', { port: proxy.port });
  const talk = priya.watch(conversation);
  await talk.ready;
  await talk.claim();
  proxy.held.add('up');
  const reply = talk.reply('Late, but once.');
  proxy.cut();
  assert.equal((await reply).duplicate, false);
  await until(talk, 'event', () => talk.entries.at(-2)?.event.kind === 'message_sent');
});

test('a command that cannot be repeated safely is rejected with unknown_outcome', async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const priya = hub.client('priya', { port: proxy.port });
  await priya.ready;
  proxy.held.add('up');
  const unknown = priya.call(/** @type {any} */ ('something_new'), /** @type {any} */ ({}));
  proxy.cut();
  assert.equal((await refusal(unknown)).code, 'unknown_outcome');
});

test('closing the client settles what is on its way, and refuses what comes after', async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const { conversation } = await hub.customer('Hello?');
  const priya = hub.client('priya', { port: proxy.port });
  await priya.ready;
  proxy.held.add('up');
  const [note, ping] = [priya.call('note', { conversation, text: 'x' }), priya.call('ping', {})];
  const errors = Promise.all([refusal(note), refusal(ping)]);
  priya.close();
  assert.deepEqual(
    (await errors).map(({ code }) => code),
    ['unknown_outcome', 'closed'],
  );
  assert.equal((await refusal(priya.call('ping', {}))).code, 'closed');
});

test('commands wait for a connection that is coming, and are refused once it is lost', async (t) => {
  const hub = await Hub.start(t);
  const early = hub.client('early').call('ping', {});
  assert.ok((await early).time);
  const proxy = await CuttingProxy.start(t, () => 1);
  const priya = hub.client('priya', { port: proxy.port, lostAfterMs: 50 });
  const waiting = refusal(priya.call('ping', {}));
  await told(priya, 'state', ({ state }) => state === 'lost');
  assert.equal((await waiting).code, 'offline');
  assert.equal((await refusal(priya.call('ping', {}))).code, 'offline');
});

test('what is refused for a moment is repeated with the same key, if asked for', async (t) => {
  const hub = await Hub.start(t, '--commands-per-second', '5');
  const { conversation } = await hub.customer('Hello?');
  const priya = hub.client('priya');
  await priya.ready;
  const hurry = Array.from({ length: 24 }, (_, i) =>
    priya.call('note', { conversation, text: `n${i}` }, { retry: 9 }),
  );
  await Promise.all(hurry);
  const notes = (await hub.stored(conversation)).filter(({ event }) => event.kind === 'note_added');
  assert.equal(new Set(notes.map(({ event }) => event.note.text)).size, 24);
  assert.equal(notes.length, 24);
});

test('conversations become one, and a message of theirs one of its own again', async (t) => {
  const hub = await Hub.start(t);
  const [a, b] = [
    await hub.customer('By mail', { customer: 'kim' }),
    await hub.customer('By chat', { customer: 'lee' }),
  ];
  const priya = hub.client('priya');
  const [absorbed, survivor] = [priya.watch(a.conversation), priya.watch(b.conversation)];
  await Promise.all([absorbed.ready, survivor.ready]);
  const { seq } = await priya.call('merge', { into: b.conversation, conversations: [a.conversation] });
  await until(absorbed, 'summary', () => absorbed.summary?.status === 'closed');
  await until(survivor, 'summary', () => survivor.summary?.unanswered === 2);
  assert.equal(survivor.version, seq);
  assert.deepEqual(absorbed.entries.at(-1)?.event, { kind: 'merged', into: b.conversation });
  const split = await priya.call('split', { conversation: b.conversation, messages: [a.message] });
  await until(survivor, 'summary', () => survivor.summary?.unanswered === 1);
  const moved = priya.watch(split.conversation);
  await moved.ready;
  assert.deepEqual(
    moved.entries.map(({ event }) => event.kind),
    ['conversation_opened', 'split'],
  );
});
