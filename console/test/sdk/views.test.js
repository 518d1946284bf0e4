//! Live lists against the real program: windows that move, rows that change, who looks and who types.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Hub } from './hub.js';
import { CuttingProxy } from './proxy.js';
import { script } from './script.js';
import { refusal, told, until } from './wait.js';

test('a list follows what comes, changes and goes, as a fresh read would show it', async (t) => {
  const hub = await Hub.start(t);
  const priya = hub.client('priya');
  const view = priya.openView({ filter: { claimed: false }, sort: 'newest', limit: 10 });
  await view.ready;
  assert.deepEqual([view.total, view.rows.length], [0, 0]);
  const posted = await Promise.all(Array.from({ length: 30 }, (_, i) => hub.customer(`Question ${i}`)));
  const ids = posted.map(({ conversation }) => conversation);
  for (const id of ids.slice(0, 10)) await priya.call('claim', { conversation: id });
  for (const id of ids.slice(10, 15)) await priya.call('update', { conversation: id, status: 'closed' });
  for (const id of ids.slice(15)) await priya.call('update', { conversation: id, add_tags: ['x'] });
  const { conversations } = await priya.call('list', {
    filter: { claimed: false, tags: { any: ['x'] } },
    sort: 'newest',
  });
  assert.equal(conversations.length, 15);
  await until(
    view,
    'rows',
    () => view.total === 15 && isDeepStrictEqual(view.rows, conversations.slice(0, 10)),
  );
});

test('of several moves in a hurry the last one is shown, and a refused one changes nothing', async (t) => {
  const hub = await Hub.start(t);
  for (let i = 0; i < 25; i += 1) await hub.customer(`Question ${i}`);
  const priya = hub.client('priya');
  const view = priya.openView({ filter: {}, sort: 'oldest', limit: 5 });
  await view.ready;
  const all = (await priya.call('list', { filter: {}, sort: 'oldest', limit: 50 })).conversations;
  await Promise.all([5, 10, 15, 20].map((offset) => view.move({ offset })));
  assert.equal(view.shown.offset, 20);
  assert.deepEqual(view.rows, all.slice(20));
  const error = await refusal(view.move({ offset: 3 }));
  assert.equal(error.code, 'invalid');
  assert.deepEqual(view.rows, all.slice(20));
  await view.move({ offset: 0, limit: 0 });
  assert.deepEqual([view.rows.length, view.total], [0, 25]);
});

test('a list that was moved is opened again where it was, after a cut', async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  for (let i = 0; i < 12; i += 1) await hub.customer(`Question ${i}`);
  const priya = hub.client('priya', { port: proxy.port });
  const view = priya.openView({ filter: {}, sort: 'oldest', limit: 5 });
  await view.ready;
  await view.move({ offset: 5 });
  proxy.held.add('up');
  const moved = view.move({ offset: 10 });
  proxy.cut();
  await moved;
  const all = (await priya.call('list', { filter: {}, sort: 'oldest' })).conversations;
  assert.deepEqual(view.rows, all.slice(10));
  const { conversation } = await hub.customer('One more');
  await until(view, 'rows', () => view.rows.at(-1)?.id === conversation);
});

test('rows show who looks and who types, and so does the conversation', async (t) => {
  const hub = await Hub.start(t);
  const { conversation } = await hub.customer('Hello?');
  const [priya, marco] = [hub.client('priya'), hub.client('marco')];
  const view = priya.openView({ filter: {}, sort: 'newest' });
  const [mine, theirs] = [priya.watch(conversation), marco.watch(conversation)];
  await Promise.all([view.ready, mine.ready, theirs.ready]);
  theirs.typing(true, 'note');
  await until(mine, 'viewers', () => mine.viewers.find(({ agent }) => agent === 'marco')?.typing === 'note');
  await until(view, 'activity', () => view.activity.get(conversation)?.typing.includes('marco'));
  theirs.typing(false, 'note');
  await until(mine, 'viewers', () => mine.viewers.every(({ typing }) => !typing));
  theirs.close();
  await until(mine, 'viewers', () => mine.viewers.length === 1);
});

test('a conversation that two parts of a page watch is watched until both let go', async (t) => {
  const hub = await Hub.start(t);
  const { conversation } = await hub.customer('Hello?', { customer: 'kim' });
  const priya = hub.client('priya');
  const [one, two] = [priya.watch(conversation), priya.watch(conversation)];
  assert.equal(one, two);
  await one.ready;
  one.close();
  const { seq } = await hub.customer('Anyone?', { customer: 'kim' });
  await until(two, 'event', () => two.version >= seq);
  two.close();
  assert.equal(two.status, 'gone');
  const again = priya.watch(conversation);
  await again.ready;
  assert.notEqual(again, two);
  assert.equal(again.entries.length, one.entries.length);
});

test('older entries are put in front, each once', async (t) => {
  const hub = await Hub.start(t);
  const { conversation } = await hub.customer('Hello?');
  const priya = hub.client('priya');
  for (let i = 0; i < 30; i += 1) await priya.call('note', { conversation, text: `note ${i}` });
  const talk = priya.watch(conversation, { limit: 4 });
  await talk.ready;
  assert.deepEqual([talk.entries.length, talk.more], [4, true]);
  while (talk.more) await Promise.all([talk.older(10), talk.older(10)]);
  assert.deepEqual(talk.entries, await hub.stored(conversation));
});

test('what cannot be watched is refused, and read marks reach those who watch', async (t) => {
  const hub = await Hub.start(t);
  const { conversation, seq } = await hub.customer('Hello?');
  const [priya, marco] = [hub.client('priya'), hub.client('marco')];
  const none = priya.watch('0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e');
  assert.equal((await refusal(none.ready)).code, 'not_found');
  assert.equal(none.status, 'gone');
  const talk = priya.watch(conversation);
  await talk.ready;
  const marked = told(talk, 'marks');
  await marco.call('mark_read', { conversation, up_to: seq });
  assert.equal((await marked).get('marco'), seq);
});

test('an agent who comes for the first time is shown with a name', async (t) => {
  const hub = await Hub.start(t);
  const people = hub.client('priya').watchAgents();
  await people.ready;
  hub.client('nora', { claims: { name: 'Nora N.' } });
  await until(people, 'change', () => people.agents.get('nora')?.name === 'Nora N.');
  assert.equal(people.agents.get('nora')?.connected, true);
});

test('a list that is closed refuses to move, and one that is refused is gone', async (t) => {
  const hub = await Hub.start(t);
  const priya = hub.client('priya');
  const view = priya.openView({ filter: {}, sort: 'newest', limit: 5 });
  await view.ready;
  const moving = refusal(view.move({ offset: 5 }));
  view.close();
  assert.equal((await moving).code, 'closed');
  assert.equal((await refusal(view.move({ offset: 0 }))).code, 'closed');
  const bad = priya.openView({ filter: {}, sort: 'newest', limit: 5, offset: 3 });
  const gone = told(bad, 'gone');
  assert.equal((await refusal(bad.ready)).code, 'invalid');
  assert.equal((await gone)?.code, 'invalid');
});

test('a bad move under way at a cut leaves the list as it was', async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const posted = await hub.customer('Hello?');
  const priya = hub.client('priya', { port: proxy.port });
  const view = priya.openView({ filter: {}, sort: 'newest', limit: 5 });
  await view.ready;
  proxy.held.add('up');
  const bad = refusal(view.move({ offset: 3 }));
  proxy.cut();
  assert.equal((await bad).code, 'invalid');
  const { conversation } = await hub.customer('One more');
  await until(view, 'rows', () => view.rows.length === 2);
  assert.deepEqual(
    view.rows.map(({ id }) => id),
    [conversation, posted.conversation],
  );
});

test('one move is on its way at a time, and those in between are never asked for', async (t) => {
  const hub = await script(t);
  const client = hub.client();
  const view = client.openView({ filter: {}, sort: 'newest', limit: 5 });
  const peer = await hub.peer();
  await peer.welcomes();
  await peer.answers('open_view', { seq: 10, total: 40, conversations: [] });
  await view.ready;
  const moves = [5, 10, 15, 20].map((offset) => view.move({ offset }));
  const first = await peer.hears('open_view');
  assert.deepEqual([first.offset, peer.heard], [5, []]);
  peer.says('ok', { id: first.id, seq: 11, total: 40, conversations: [] });
  const last = await peer.hears('open_view');
  assert.deepEqual([last.view, last.offset, peer.heard], [first.view, 20, []]);
  peer.says('ok', { id: last.id, seq: 12, total: 40, conversations: [] });
  await Promise.all(moves);
});

test('a change is applied as upserts, removes, order', async (t) => {
  const hub = await script(t);
  const client = hub.client();
  const view = client.openView({ filter: {}, sort: 'newest', limit: 5 });
  const peer = await hub.peer();
  await peer.welcomes();
  const row = (/** @type {string} */ id, version = 1) => ({ id, version, claim: null });
  await peer.answers('open_view', { seq: 10, total: 3, conversations: ['a', 'b', 'c'].map((id) => row(id)) });
  await view.ready;
  const said = { view: view.name, total: 3, removes: [], upserts: [] };
  peer.says('view_changed', { ...said, seq: 11, upserts: [row('b', 2)] });
  peer.says('view_changed', {
    ...said,
    seq: 12,
    upserts: [row('d', 3)],
    removes: ['a'],
    order: ['d', 'c', 'b'],
  });
  peer.says('activity', { view: said.view, rows: [{ id: 'c', viewers: ['marco'], typing: [] }] });
  await until(view, 'activity', () => view.activity.has('c'));
  assert.deepEqual(view.rows, [row('d', 3), row('c'), row('b', 2)]);
  peer.says('view_changed', { ...said, seq: 13, total: 2, removes: ['c'] });
  await until(view, 'rows', () => view.seq === 13);
  assert.deepEqual([view.rows, view.total, view.activity.size], [[row('d', 3), row('b', 2)], 2, 0]);
});
