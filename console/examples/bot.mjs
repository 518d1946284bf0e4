//! A bot for Node: it claims what nobody holds, answers what it knows, and hands everything else over to a person.
//! It keeps nothing: what it holds is in the welcome, what waits is in a list, so it may be killed at any time.
//!
//!     DIBS_URL=ws://127.0.0.1:7070/v1/ws DIBS_TOKEN=… DIBS_TEAM=support node examples/bot.mjs

import WebSocket from 'ws';
import { connect, DibsError } from '../sdk/index.js';

const { DIBS_URL = 'ws://127.0.0.1:7070/v1/ws', DIBS_TOKEN = '', DIBS_TEAM } = process.env;
const FOR_PEOPLE = 'for-people';
/** @type {[RegExp, string][]} */
const ANSWERS = [
  [/\b(open|hours|closed)\b/i, 'We are here from 9 to 17, Monday to Friday.'],
  [/\b(refund|money back)\b/i, 'Refunds take three working days once the parcel has arrived.'],
];

const dibs = connect({
  url: DIBS_URL,
  // A service would fetch one: a token that was refused will be refused again.
  getToken: (why) => (why === 'refused' ? null : DIBS_TOKEN || null),
  WebSocket: /** @type {any} */ (WebSocket),
  client: 'example-bot/1.0',
});
/** Conversations at work. @type {Set<string>} */
const busy = new Set();

dibs.on('state', ({ state, reason = '' }) => console.log(state, reason));
dibs.on('state', ({ state }) => {
  if (state === 'closed') process.exitCode = 1;
});

const waiting = dibs.openView({
  filter: { claimed: false, status: ['new', 'open'], tags: { none: [FOR_PEOPLE] } },
  sort: 'waiting',
  limit: 20,
});
waiting.on('rows', () =>
  waiting.rows.filter((row) => row.unanswered > 0).forEach((row) => void take(row.id)),
);
dibs.on('welcome', () => [...dibs.claims.keys()].forEach((id) => void take(id)));
// Nobody took what was offered: it goes back to the list, for people.
dibs.on('offer_gone', ({ conversation, reason }) => {
  const token = dibs.claims.get(conversation);
  if (reason !== 'accepted' && token) dibs.call('release', { conversation, token }).catch(tell);
});

/** Claims a conversation and does one thing with it. @param {string} id */
async function take(id) {
  if (busy.has(id)) return;
  busy.add(id);
  const talk = dibs.watch(id);
  try {
    await talk.ready;
    if (talk.summary?.offer) return;
    await talk.claim();
    await answer(talk);
  } catch (error) {
    tell(error);
  } finally {
    talk.close();
    busy.delete(id);
  }
}

/** Answers, or hands over; again when the customer wrote meanwhile. @param {import('../sdk/index.js').Conversation} talk */
async function answer(talk) {
  const said = talk.entries.flatMap(({ event }) =>
    'message' in event && event.kind === 'message_received' ? [event.message.text] : [],
  );
  const known = ANSWERS.find(([pattern]) => pattern.test(said.at(-1) ?? ''));
  try {
    // Resolving lets go. If the customer writes again, the conversation opens again and is back in the list.
    if (known) await talk.reply(known[1], { then: 'resolved', retry: 5 });
    else await handOver(talk);
  } catch (error) {
    if (!(error instanceof DibsError) || error.code !== 'stale') throw error;
    if (talk.version < (error.details.missed?.at(-1)?.seq ?? 0)) await once(talk, 'event');
    await answer(talk);
  }
}

/** @param {import('../sdk/index.js').Conversation} talk */
async function handOver(talk) {
  await talk.update({ add_tags: [FOR_PEOPLE] }, { retry: 5 });
  await talk.note(DIBS_TEAM ? `@${DIBS_TEAM} I do not know this one.` : 'I do not know this one.', {
    retry: 5,
  });
  if (DIBS_TEAM) await talk.transfer({ team: DIBS_TEAM }, 'Not for a bot.', { retry: 5 });
  else await talk.release({ retry: 5 });
}

/** @param {import('../sdk/index.js').Conversation} talk @param {'event'} name */
const once = (talk, name) => new Promise((resolve) => talk.on(name, resolve));

/** Others are faster, or take over: that is no fault. @param {unknown} error */
function tell(error) {
  if (error instanceof DibsError && /^(already_claimed|claim_lost|not_claimed|conflict)$/.test(error.code))
    return;
  console.error(error instanceof DibsError ? `${error.code}: ${error.message}` : error);
}

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    dibs.close();
    process.exitCode = 0;
  });
