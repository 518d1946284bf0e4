//! How much the SDK weighs. What is measured: all its modules one after the other, without their comments (which are half
//! of them), otherwise as they are served: nothing is renamed, no line is joined; then `gzip -9`. A bundler that minifies
//! makes it smaller still.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

const MOST_BYTES = 8_000;
const MOST_BYTES_WITH_COMMENTS = 14_000;
const SDK = fileURLToPath(new URL('../../sdk', import.meta.url));

/** @param {string} source */
const withoutComments = (source) =>
  source.replace(/\/\*\*[\s\S]*?\*\/|^\s*\/\/.*$|\s\/\/ .*$/gm, '').replace(/^\s*\n/gm, '');
/** @param {string} text */
const packed = (text) => gzipSync(text, { level: 9 }).length;

test(`the SDK weighs less than ${MOST_BYTES} bytes`, async (t) => {
  const names = (await readdir(SDK)).filter((name) => name.endsWith('.js')).sort();
  const sources = await Promise.all(names.map((name) => readFile(join(SDK, name), 'utf8')));
  const bare = sources.map(withoutComments);
  const [served, counted] = [packed(sources.join('')), packed(bare.join(''))];
  t.diagnostic(`${counted} bytes without comments, ${served} as served, gzipped`);
  assert.ok(counted < MOST_BYTES, `${counted} bytes without comments`);
  assert.ok(served < MOST_BYTES_WITH_COMMENTS, `${served} bytes as served`);

  // What was weighed is the SDK: it loads, and it has everything that the sources have.
  const folder = await mkdtemp(join(tmpdir(), 'dibs-size-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await Promise.all(names.map((name, at) => writeFile(join(folder, name), bare[at])));
  const load = (/** @type {string} */ from) => import(pathToFileURL(join(from, 'index.js')).href);
  assert.deepEqual(Object.keys(await load(folder)), Object.keys(await load(SDK)));
});
