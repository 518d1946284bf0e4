//! A conversation when the hub cannot simply replay: resyncs, gaps, other epochs, redactions, kinds nobody knows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONVERSATION, entry, script, watched } from './script.js';
import { refusal, told, until } from './wait.js';

/** A client that watches, on a hub by script. @param {import('node:test').TestContext} t @param {number[]} [seqs] */
async function start(t, seqs = [8, 9]) {
  const hub = await script(t);
  const client = hub.client();
  const talk = client.watch(CONVERSATION);
  /** @type {number[]} */
  const events = [];
  talk.on('event', ({ seq }) => events.push(seq));
  const peer = await hub.peer();
  await peer.welcomes();
  await peer.answers('watch', watched(seqs));
  await talk.ready;
  return { hub, client, talk, peer, events };
}

/** @param {{entries: {seq: number}[]}} talk */
const seqs = (talk) => talk.entries.map(({ seq }) => seq);

test('an event that is known already is dropped, an unknown kind is kept and moves the cursor', async (t) => {
  const { hub, talk, peer, events } = await start(t);
  peer.says('event', entry(9));
  peer.says('event', entry(11, { kind: 'invented_later', any: 1 }));
  peer.says('something_new', { any: 1 });
  peer.says('event', entry(11));
  peer.says('event', entry(12));
  await until(talk, 'event', () => talk.version === 12);
  assert.deepEqual(events, [11, 12]);
  assert.deepEqual(seqs(talk), [8, 9, 11, 12]);
  peer.socket.terminate();
  const { resume } = await (await hub.peer()).hears('hello');
  assert.deepEqual(resume, { epoch: 'e', seq: 12, watching: [CONVERSATION] });
});

test('a watch whose answer did not come is not resumed but asked for again', async (t) => {
  const hub = await script(t);
  const talk = hub.client().watch(CONVERSATION);
  const first = await hub.peer();
  await first.welcomes();
  await first.hears('watch');
  first.socket.terminate();
  const second = await hub.peer();
  const { resume } = await second.welcomes({ resumed: true });
  assert.deepEqual(resume, { epoch: 'e', seq: 10, hash: 'h10', watching: [] });
  await second.answers('watch', watched([8, 9]));
  await talk.ready;
  assert.deepEqual(seqs(talk), [8, 9]);
});

test('a conversation that resumed is not asked for again', async (t) => {
  const { hub, client, peer } = await start(t);
  peer.socket.terminate();
  const second = await hub.peer();
  await second.welcomes({ resumed: true });
  client.call('ping', {}).catch(() => {});
  await second.hears('ping');
  assert.deepEqual(second.heard, []);
});

test('a snapshot delivers what is new as events, and fetches what lies between', async (t) => {
  const { talk, peer, events } = await start(t);
  peer.says('resync', { reason: 'slow' });
  peer.says('snapshot', { of: 'watch', ...watched([40, 41], { more: true }) });
  peer.says('event', entry(42));
  const first = await peer.hears('history');
  assert.equal(first.before, 40);
  peer.says('ok', { id: first.id, entries: [entry(30), entry(31)], more: true });
  const second = await peer.hears('history');
  assert.equal(second.before, 30);
  peer.says('ok', { id: second.id, entries: [entry(9), entry(12)], more: true });
  await until(talk, 'event', () => talk.version === 42);
  assert.deepEqual(events, [12, 30, 31, 40, 41, 42]);
  assert.deepEqual(seqs(talk), [8, 9, 12, 30, 31, 40, 41, 42]);
});

test('the cursor stays from a resync to the next position', async (t) => {
  const { hub, talk, peer } = await start(t);
  peer.says('resync', { reason: 'slow' });
  peer.says('snapshot', { of: 'watch', ...watched([9, 20]) });
  peer.says('event', entry(21));
  await until(talk, 'event', () => talk.version === 21);
  peer.socket.terminate();
  const second = await hub.peer();
  assert.equal((await second.welcomes({ resumed: true })).resume.seq, 10);
  second.says('event', entry(20));
  second.says('event', entry(22));
  second.says('position', { seq: 22, hash: 'h22', time: '2026-11-21T10:00:00.000Z' });
  await until(talk, 'event', () => talk.version === 22);
  assert.deepEqual(seqs(talk), [8, 9, 20, 21, 22]);
});

test('a gap that cannot be closed is said to be one', async (t) => {
  const { talk, peer, events } = await start(t);
  const replaced = told(talk, 'snapshot');
  peer.says('snapshot', { of: 'watch', ...watched([40, 41], { more: true }) });
  const { id } = await peer.hears('history');
  peer.says('error', { id, code: 'internal', message: 'No.' });
  assert.deepEqual(await replaced, { gap: true });
  assert.deepEqual([events, seqs(talk), talk.more], [[], [40, 41], true]);
});

test('another epoch voids what was known, and what was on its way', async (t) => {
  const { hub, client, talk, peer, events } = await start(t);
  const note = refusal(client.call('note', { conversation: CONVERSATION, text: 'x' }));
  const again = client.call('read_marks', {});
  await peer.hears('note');
  peer.socket.terminate();
  const second = await hub.peer();
  await second.welcomes({ epoch: 'e2', seq: 3, hash: 'h3' });
  assert.equal((await note).code, 'unknown_outcome');
  await second.answers('read_marks', { marks: {} });
  assert.deepEqual((await again).marks, {});
  const replaced = told(talk, 'snapshot');
  await second.answers('watch', watched([1, 2]));
  await replaced;
  assert.deepEqual([events, seqs(talk)], [[], [1, 2]]);
  second.says('event', entry(3));
  await until(talk, 'event', () => talk.version === 3);
});

test('what is redacted is dropped here, too', async (t) => {
  const { talk, peer } = await start(t);
  peer.says('event', entry(11, { kind: 'redacted', entries: [8], reason: 'request' }));
  await until(talk, 'event', () => talk.version === 11);
  assert.deepEqual(talk.entries[0].event, { kind: 'note_added', redacted: true });
  assert.deepEqual(talk.entries[1], entry(9));
});

test('losing sight ends the watch and drops what is known', async (t) => {
  const { hub, talk, peer } = await start(t);
  const gone = told(talk, 'gone');
  peer.says('revoked', { conversation: CONVERSATION });
  assert.equal((await gone)?.code, 'not_found');
  assert.deepEqual([talk.entries, talk.summary], [[], null]);
  peer.socket.terminate();
  assert.deepEqual((await (await hub.peer()).hears('hello')).resume.watching, []);
});

test('a claim that was lost is not found again in an older answer', async (t) => {
  const { client, talk, peer } = await start(t);
  const claim = talk.claim();
  const { id } = await peer.hears('claim');
  peer.says('claim_gained', { conversation: CONVERSATION, token: 11, via: 'claim' });
  await until(client, 'claims', () => client.claims.get(CONVERSATION) === 11);
  peer.says('claim_lost', { conversation: CONVERSATION, token: 11, by: 'sue', reason: 'mine' });
  peer.says('ok', { id, token: 11, summary: watched([11]).summary });
  await claim;
  assert.equal(talk.token, undefined);
});

test('what another tab let go is learnt from the summary', async (t) => {
  const { client, talk, peer } = await start(t);
  peer.says('claim_gained', { conversation: CONVERSATION, token: 11, via: 'claim' });
  const { summary } = watched([12]);
  peer.says('summary', { summary: { ...summary, claim: { agent: 'priya', token: 11, since: 'x' } } });
  await until(talk, 'summary', () => talk.summary?.version === 12);
  assert.equal(talk.token, 11);
  peer.says('summary', { summary: { ...summary, version: 13 } });
  await until(client, 'claims', () => talk.token === undefined);
});

test('a repeated command about a claim that is gone does not bring it back', async (t) => {
  const { hub, client, talk, peer } = await start(t);
  const taken = client.call('take_over', { conversation: CONVERSATION, reason: 'x' });
  const first = await peer.hears('take_over');
  peer.socket.terminate();
  const second = await hub.peer();
  await second.welcomes({ resumed: true });
  const again = await second.hears('take_over');
  assert.deepEqual(again, first);
  second.says('ok', { id: again.id, token: 11, duplicate: true });
  assert.equal((await taken).token, 11);
  assert.equal(talk.token, undefined);
});

test('a key that may be forgotten is not used again', async (t) => {
  const { hub, client, peer } = await start(t);
  const late = refusal(client.call('note', { conversation: CONVERSATION, text: 'x' }));
  await peer.hears('note');
  const later = Date.now() + 13 * 3_600_000;
  t.mock.method(Date, 'now', () => later);
  peer.socket.terminate();
  const second = await hub.peer();
  await second.welcomes({ resumed: true });
  const error = await late;
  assert.deepEqual([error.code, typeof error.key], ['unknown_outcome', 'string']);
  client.call('ping', {}).catch(() => {});
  await second.hears('ping');
  assert.deepEqual(second.heard, []);
});

test('a gap is closed through a cut line, too', async (t) => {
  const { hub, talk, peer, events } = await start(t);
  peer.says('snapshot', { of: 'watch', ...watched([40, 41], { more: true }) });
  await peer.hears('history');
  peer.socket.terminate();
  const second = await hub.peer();
  await second.welcomes({ resumed: true });
  second.says('event', entry(42));
  const { id } = await second.hears('history');
  second.says('ok', { id, entries: [entry(9), entry(30)], more: false });
  await until(talk, 'event', () => talk.version === 42);
  assert.deepEqual(events, [30, 40, 41, 42]);
});

test('a gap that is being closed when a resume fails is closed anew', async (t) => {
  const { hub, talk, peer, events } = await start(t);
  peer.says('snapshot', { of: 'watch', ...watched([40, 41], { more: true }) });
  await peer.hears('history');
  peer.socket.terminate();
  const second = await hub.peer();
  await second.welcomes({ seq: 60 });
  const old = await second.hears('history');
  second.says('ok', { id: old.id, entries: [entry(9), entry(30)], more: false });
  await second.answers('watch', watched([41, 50], { more: true }));
  const { id, before } = await second.hears('history');
  assert.equal(before, 41);
  second.says('ok', { id, entries: [entry(9), entry(30), entry(40)], more: false });
  await until(talk, 'event', () => talk.version === 50);
  assert.deepEqual(events, [30, 40, 41, 50]);
});

test('of two snapshots in a row the later one counts', async (t) => {
  const { talk, peer, events } = await start(t);
  peer.says('snapshot', { of: 'watch', ...watched([40, 41], { more: true }) });
  peer.says('snapshot', { of: 'watch', ...watched([50, 51], { more: true }) });
  peer.says('event', entry(52));
  const [first, second] = [await peer.hears('history'), await peer.hears('history')];
  peer.says('ok', { id: first.id, entries: [entry(9), entry(30)], more: false });
  peer.says('ok', { id: second.id, entries: [entry(9), entry(30), entry(40), entry(41)], more: false });
  await until(talk, 'event', () => talk.version === 52);
  assert.deepEqual(events, [30, 40, 41, 50, 51, 52]);
});
