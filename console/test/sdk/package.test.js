//! The package itself: without dependencies, and with types that are those of the sources.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const console_ = fileURLToPath(new URL('../../', import.meta.url));
const sdk = join(console_, 'sdk');
const types = join(sdk, 'types');

const sources = async () => (await readdir(sdk)).filter((name) => name.endsWith('.js')).sort();

test('each file says its job first, and imports nothing from elsewhere', async () => {
  for (const name of await sources()) {
    const text = await readFile(join(sdk, name), 'utf8');
    assert.match(text, /^\/\/! /, name);
    for (const [, from] of text.matchAll(/^(?:import|export) .* from '(.*)';$/gm))
      assert.match(from, /^\.\//, name);
  }
  const { dependencies, exports } = JSON.parse(await readFile(join(sdk, 'package.json'), 'utf8'));
  assert.equal(dependencies, undefined);
  assert.equal(exports['.'].default, './index.js');
});

test('the types are those of the sources and of the protocol', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'dibs-types-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const tsc = join(console_, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['-p', join(console_, 'tsconfig.types.json'), '--outDir', folder]);
  const [made, committed] = [await readdir(folder), await readdir(types)];
  assert.deepEqual([...made, 'protocol.d.ts'].sort(), committed.sort(), 'npm run types');
  for (const name of made)
    assert.equal(
      await readFile(join(types, name), 'utf8'),
      await readFile(join(folder, name), 'utf8'),
      `${name}: npm run types`,
    );
  const protocol = join(console_, '../protocol/generated/dibs.d.ts');
  assert.equal(
    await readFile(join(types, 'protocol.d.ts'), 'utf8'),
    await readFile(protocol, 'utf8'),
    'npm run types',
  );
});
