//! The words of the console where a number meets them: one of something is never several.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue, t } from '../../app/strings.js';

/** Words that follow a number and have the form of several: `{n} minutes`. */
const SEVERAL = /\{n\} [a-z]+s\b/;

/** @type {[key: string, values: Record<string, string | number>, said: string][]} */
const TABLE = [
  ['n_wait', { queue: 'Billing', n: 1 }, 'Somebody in Billing waits for more than 1 minute'],
  ['n_wait', { queue: 'Billing', n: 2 }, 'Somebody in Billing waits for more than 2 minutes'],
  ['n_wait', { queue: 'Billing', n: 10 }, 'Somebody in Billing waits for more than 10 minutes'],
  ['attach_many', { n: 1 }, 'A reply has at most 1 file.'],
  ['attach_many', { n: 10 }, 'A reply has at most 10 files.'],
  ['conversations_n', { n: 0 }, '0 conversations'],
  ['conversations_n', { n: 1 }, '1 conversation'],
  ['conversations_n', { n: 21 }, '21 conversations'],
  ['members_n', { n: 1 }, '1 member'],
  ['members_n', { n: 0 }, '0 members'],
  ['typing', { n: 1, names: 'Ben' }, 'Ben is typing'],
  ['typing', { n: 2, names: 'Ben, Ada' }, 'Ben, Ada are typing'],
  ['looks', { n: 1, names: 'Ben' }, 'Ben is looking'],
  ['looks', { n: 3, names: 'Ben, Ada, Chi' }, 'Ben, Ada, Chi are looking'],
];

for (const [key, values, said] of TABLE)
  test(`${key} with ${values.n}: “${said}”`, () => {
    assert.equal(t(key, values), said);
  });

test('no text has one form only where a number stands before several of something', () => {
  const wrong = Object.entries(catalogue).filter(
    ([, words]) => typeof words === 'string' && SEVERAL.test(words),
  );
  assert.deepEqual(wrong, []);
});

test('every text with several forms says different things, and has all that the language needs', () => {
  const categories = new Intl.PluralRules('en').resolvedOptions().pluralCategories;
  for (const [key, words] of Object.entries(catalogue))
    if (typeof words !== 'string') {
      assert.deepEqual(Object.keys(words).sort(), [...categories].sort(), key);
      assert.equal(new Set(Object.values(words)).size, categories.length, key);
    }
});
