//! Figures and settings against the real program: rows that change replace those before, all come again after a reconnect,
//! and settings are read, written, and not overwritten unseen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hub } from './hub.js';
import { CuttingProxy } from './proxy.js';
import { refusal, until } from './wait.js';

const SUPERVISOR = { role: 'supervisor' };

test('figures are kept as rows by id, and come back after the line broke', async (t) => {
  const hub = await Hub.start(t);
  const proxy = await CuttingProxy.start(t, () => hub.port);
  const zoe = hub.client('zoe', { claims: SUPERVISOR, port: proxy.port });
  await zoe.ready;
  const stats = zoe.watchStats();
  await stats.ready;
  await hub.customer('Where is it?', { queue: 'parcels' });
  await until(stats, 'change', () => stats.queues.get('parcels')?.waiting === 1);
  const { conversation } = await hub.customer('And mine?', { queue: 'returns' });
  await until(stats, 'change', () => stats.queues.get('returns')?.waiting === 1);
  assert.equal(stats.queues.get('parcels')?.waiting, 1, 'what did not change stays');
  assert.equal(stats.workspace?.waiting, 2);
  proxy.cut();
  const priya = hub.client('priya');
  await priya.call('claim', { conversation });
  await until(stats, 'change', () => stats.agents.get('priya')?.load === 1);
  await until(stats, 'change', () => stats.workspace?.claimed === 1);
  assert.equal(stats.queues.get('parcels')?.waiting, 1);
});

test('figures are for supervisors', async (t) => {
  const hub = await Hub.start(t);
  const error = await refusal(hub.client('priya').watchStats().ready);
  assert.equal(error.code, 'forbidden');
});

test('settings are read, written by an admin, and not overwritten unseen', async (t) => {
  const hub = await Hub.start(t);
  const [ada, priya] = [hub.client('ada', { claims: { role: 'admin' } }), hub.client('priya')];
  const { version, settings } = await priya.call('settings', {});
  const canned = [{ name: 'thanks', text: 'Thank you.' }];
  const written = await ada.call('set_settings', { settings: { ...settings, canned }, expect: version });
  assert.deepEqual((await priya.call('settings', {})).settings.canned, canned);
  assert.equal((await priya.call('settings', {})).version, written.version);
  const late = await refusal(ada.call('set_settings', { settings, expect: version }));
  assert.equal(late.code, 'conflict');
  assert.equal((await refusal(priya.call('set_settings', { settings }))).code, 'forbidden');
});
