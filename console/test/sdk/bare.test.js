//! The bare console in a real browser: one page of less than a hundred lines; what waits, a claim, a reply, a line that is cut.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPage, serve } from './browser.js';
import { Hub, makeToken } from './hub.js';
import { CuttingProxy } from './proxy.js';
import { until } from './wait.js';

const PAGE = fileURLToPath(new URL('../../examples/bare.html', import.meta.url));

test('the bare console is one page of less than a hundred lines', () => {
  const page = readFileSync(PAGE, 'utf8');
  assert.ok(page.split('\n').length < 100);
  assert.deepEqual(
    [...page.matchAll(/(?:src|href|from)\b[= ]+['"]([^'"]+)/g)].map(([, it]) => it),
    ['../sdk/index.js'],
  );
});

test('the bare console claims and answers, also through a cut line', { timeout: 90_000 }, async (t) => {
  const origin = await serve(t, fileURLToPath(new URL('../../', import.meta.url)));
  const hub = await Hub.start(t, '--allow-origin', origin);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const { conversation } = await hub.customer('Where is my refund?');
  const witness = hub.client('witness').watch(conversation);
  await witness.ready;
  const page = await openPage(t, `${origin}/examples/bare.html`);
  await page.run(
    (url, token) => {
      const form = /** @type {any} */ (document.getElementById('signIn'));
      form.url.value = url;
      form.token.value = token;
      form.requestSubmit();
    },
    `http://127.0.0.1:${proxy.port}/v1/ws`,
    makeToken('priya'),
  );
  await page.shows('#state', '^connected');
  await page.shows('#rows', 'Where is my refund.*free');
  await page.run(() => /** @type {any} */ (document.querySelector('#rows button')).click());
  await page.shows('#entries', 'message_received Where is my refund');
  await page.run(() => document.getElementById('claim')?.click());
  await page.shows('#rows', 'priya');
  proxy.held.add('down');
  await page.run(() => {
    const form = /** @type {any} */ (document.getElementById('reply'));
    form.text.value = 'On its way.';
    form.requestSubmit();
  });
  await until(witness, 'event', () => witness.entries.at(-1)?.event.kind === 'status_changed');
  proxy.cut();
  await page.shows('#entries', 'message_sent On its way');
  await page.run(() => document.getElementById('release')?.click());
  await page.shows('#entries', 'claim_released');
  assert.equal(await page.run(() => document.getElementById('problem')?.textContent), '');
  const sent = (await hub.stored(conversation)).filter(({ event }) => event.kind === 'message_sent');
  assert.equal(sent.length, 1);
  assert.deepEqual(page.complaints, []);
});
