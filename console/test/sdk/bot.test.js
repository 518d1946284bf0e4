//! The example bot, as a process of its own: it claims, answers, and hands over to a person.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Hub, makeToken } from './hub.js';
import { until } from './wait.js';

const BOT = fileURLToPath(new URL('../../examples/bot.mjs', import.meta.url));

/** Starts the bot, and gives what ends it. @param {import('node:test').TestContext} t @param {Hub} hub */
function startBot(t, hub) {
  const env = {
    ...process.env,
    DIBS_URL: `ws://127.0.0.1:${hub.port}/v1/ws`,
    DIBS_TOKEN: makeToken('robo', { kind: 'bot' }),
    DIBS_TEAM: 'support',
  };
  const bot = spawn(process.execPath, [BOT], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const gone = new Promise((resolve) => bot.on('exit', resolve));
  const end = (/** @type {NodeJS.Signals} */ signal) => {
    bot.kill(signal);
    return gone;
  };
  t.after(() => end('SIGKILL'));
  return end;
}

test('a bot answers what it knows, and a person gets the rest', async (t) => {
  const hub = await Hub.start(t);
  const nora = hub.client('nora', { claims: { teams: ['support'] } });
  await nora.ready;
  const { conversation } = await hub.customer('When are you open?', { customer: 'kim' });
  const talk = nora.watch(conversation);
  await talk.ready;
  const endBot = startBot(t, hub);
  await until(talk, 'change', () => talk.summary?.status === 'resolved');
  assert.equal(talk.summary?.last_message?.from, 'bot');
  assert.equal(talk.summary?.claim, null);

  await hub.customer('And why is the sky blue?', { customer: 'kim' });
  await until(nora, 'offers', () => nora.offers.has(conversation), 20_000);
  assert.equal(nora.unreadMentions, 1);
  await nora.call('answer_transfer', { conversation, accept: true });
  await talk.reply('Because it scatters.');
  await until(talk, 'change', () => talk.summary?.unanswered === 0);

  const declined = (await hub.customer('Tell me a joke.', { customer: 'lee' })).conversation;
  await until(nora, 'offers', () => nora.offers.has(declined), 20_000);
  const second = nora.watch(declined);
  await second.ready;
  await nora.call('answer_transfer', { conversation: declined, accept: false });
  await until(second, 'change', () => second.summary?.claim === null);
  assert.deepEqual(second.summary?.tags, ['for-people']);
  assert.equal(await endBot('SIGTERM'), 0);
});

test('a bot that was killed goes on with what it held', async (t) => {
  const hub = await Hub.start(t);
  const { conversation } = await hub.customer('Are you closed today?');
  const robo = hub.client('robo', { claims: { kind: 'bot' } });
  await robo.call('claim', { conversation });
  robo.close();
  const talk = hub.client('nora').watch(conversation);
  await talk.ready;
  startBot(t, hub);
  await until(talk, 'change', () => talk.summary?.status === 'resolved');
  const granted = talk.entries.filter(({ event }) => event.kind === 'claim_granted');
  assert.equal(granted.length, 1);
});
