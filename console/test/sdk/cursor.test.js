//! The cursor and the backoff, without a line: what to resume from, and when to dial.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '../../sdk/backoff.js';
import { Cursor } from '../../sdk/cursor.js';

const welcomed = () => {
  const cursor = new Cursor();
  cursor.welcome({ resumed: false, epoch: 'e', seq: 10, hash: 'h10' });
  return cursor;
};

test('nothing can be resumed before the first welcome', () => {
  assert.equal(new Cursor().resume([]), undefined);
});

test('a welcome that resumed leaves the cursor for the replay', () => {
  const cursor = welcomed();
  cursor.welcome({ resumed: true, epoch: 'e', seq: 20, hash: 'h20' });
  assert.deepEqual(cursor.resume(['c']), { epoch: 'e', seq: 10, hash: 'h10', watching: ['c'] });
});

test('the hash is sent only with the very seq that it belongs to', () => {
  const cursor = welcomed();
  cursor.event(11);
  assert.deepEqual(cursor.resume([]), { epoch: 'e', seq: 11, watching: [] });
  cursor.position({ seq: 14, hash: 'h14' });
  assert.deepEqual(cursor.resume([]), { epoch: 'e', seq: 14, hash: 'h14', watching: [] });
});

test('the cursor never goes back', () => {
  const cursor = welcomed();
  cursor.event(30);
  cursor.position({ seq: 12, hash: 'h12' });
  assert.deepEqual(cursor.resume([]), { epoch: 'e', seq: 30, watching: [] });
});

test('a resync holds the cursor until the next position', () => {
  const cursor = welcomed();
  cursor.resync();
  cursor.event(15);
  assert.equal(cursor.resume([])?.seq, 10);
  cursor.position({ seq: 16, hash: 'h16' });
  assert.equal(cursor.resume([])?.seq, 16);
});

test('a new epoch cannot be resumed before the next position, and may begin lower', () => {
  const cursor = welcomed();
  cursor.resync('e2');
  assert.equal(cursor.resume([]), undefined);
  cursor.position({ seq: 3, hash: 'h3' });
  assert.deepEqual(cursor.resume([]), { epoch: 'e2', seq: 3, hash: 'h3', watching: [] });
});

test('a welcome of another epoch says so', () => {
  const cursor = welcomed();
  assert.equal(cursor.welcome({ resumed: false, epoch: 'e', seq: 11, hash: 'h11' }), false);
  assert.equal(cursor.welcome({ resumed: false, epoch: 'e2', seq: 2, hash: 'h2' }), true);
});

test('waits double from half a second to twenty, with full jitter', () => {
  const most = new Backoff({ random: () => 1 });
  const waits = Array.from({ length: 8 }, () => most.next(1006));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
  assert.equal(new Backoff({ random: () => 0 }).next(1006), 0);
  most.attempts = 5_000;
  assert.equal(most.next(1006), 20_000);
});

test('the close code and the server decide the least', () => {
  const least = () => new Backoff({ random: () => 0 });
  assert.equal(least().next(4029), 10_000);
  assert.equal(least().next(1001, 3_000), 3_000);
  for (const code of [1001, 1006, 1011, 1012, 1013, 4008, 4009]) assert.equal(least().next(code), 0);
  for (const code of [1003, 1007, 1009, 4000, 4003, 4010]) assert.equal(least().next(code), null);
});

test('a new token is tried at once, and then with backoff', () => {
  const backoff = new Backoff({ random: () => 1 });
  assert.equal(backoff.next(4001), 0);
  assert.equal(backoff.next(4001), 1000);
  assert.equal(backoff.next(4002), 2000);
});
