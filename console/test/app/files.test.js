//! The files themselves: what is loaded, how much it weighs, and what must not stand in them.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { catalogue } from '../../app/strings.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WEIGHT = 120 * 1024;
const LINES = 400;

/** @param {string} path */
const read = (path) => readFileSync(join(ROOT, path), 'utf8');
/** @param {string} folder */
const list = (folder) =>
  readdirSync(join(ROOT, folder), { recursive: true }).map((it) => join(folder, String(it)));
const sources = list('app').filter((it) => it.endsWith('.js'));

/** Whatever is imported from a module, and by those. @param {string} path @param {Set<string>} found */
function graph(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, from] of read(path).matchAll(/^(?:import|export)\b[^'"]*?from ?['"](\.[^'"]+)['"]/gm))
    graph(normalize(join(dirname(path), from)), found);
  for (const [, from] of read(path).matchAll(/^import ?['"](\.[^'"]+)['"]/gm))
    graph(normalize(join(dirname(path), from)), found);
  for (const [, from] of path.startsWith('vendor') ? read(path).matchAll(/from"(\.[^"]+)"/g) : [])
    graph(normalize(join(dirname(path), from)), found);
  return found;
}

test('the page loads all modules at once: none waits for another to name it', () => {
  const page = read('index.html');
  const named = [...page.matchAll(/<link rel="modulepreload" href="\/([^"]+)">/g)].map(([, it]) => it).sort();
  const wanted = [...graph('app/main.js')].filter((it) => it !== 'app/main.js').sort();
  assert.deepEqual(
    named,
    wanted,
    `put into index.html:\n${wanted.map((it) => `<link rel="modulepreload" href="/${it}">`).join('\n')}`,
  );
});

test('everything together weighs no more than 120 KiB, compressed', (context) => {
  const page = [...read('index.html').matchAll(/(?:href|src)="\/((?:app|sdk|vendor)[^"]+)"/g)].map(
    ([, it]) => it,
  );
  const all = new Set(['index.html', ...page]);
  const weight = [...all].reduce((sum, it) => sum + gzipSync(read(it), { level: 9 }).length, 0);
  context.diagnostic(`${all.size} files, ${weight} bytes`);
  assert.ok(weight <= WEIGHT, `${weight} bytes`);
});

test('nothing makes markup of text, and nothing calls elsewhere', () => {
  for (const path of sources) {
    const source = read(path);
    assert.doesNotMatch(
      source,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|dangerouslySet/,
      path,
    );
    assert.doesNotMatch(source.replaceAll(/LINK = .*/g, ''), /['"`]https?:\/\/(?!x\b)/, path);
  }
});

test('each file says its job first, and is short enough to be read', () => {
  for (const path of [...sources, ...list('test/app').filter((it) => it.endsWith('.js'))]) {
    assert.match(read(path), /^\/\/! [A-Z]/, path);
    assert.ok(read(path).split('\n').length <= LINES, path);
  }
});

test('every word that is asked for is in the catalogue', () => {
  const known = new Set(Object.keys(catalogue));
  assert.ok(known.size > 200);
  for (const path of sources)
    for (const [, key] of read(path).matchAll(/\bt\('(\w+)'/g)) assert.ok(known.has(key), `${path}: ${key}`);
});

test('every symbol that is drawn is in the sprite', () => {
  const sprite = read('index.html');
  for (const path of sources)
    for (const [, name] of read(path).matchAll(/(?:Icon|IconButton)} name="([\w-]+)"|icon: '(\w+)'/g))
      if (name) assert.ok(sprite.includes(`<symbol id="i-${name}"`), `${path}: ${name}`);
});
