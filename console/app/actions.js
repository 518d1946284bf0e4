//! What a person does to conversations. Nothing is shown as done before the hub has said so; a refusal is told in words, and
//! no refusal touches a draft.

import * as drafts from './drafts.js';
import { withEntry } from './lib.js';
import { roster } from './roster.js';
import { go } from './route.js';
import { ask, claims, client, nameOf } from './store.js';
import { t } from './strings.js';
import { guards, losses, seenUpTo, sending, setDoing, talk } from './talk.js';
import { moment } from './time.js';
import { refused, toast } from './toasts.js';

/** @import {DibsError} from '../sdk/errors.js' */
/** @import {BulkAction, BulkResult, Summary, TransferTo} from '../sdk/types/protocol.js' */
/** @import {Fields} from '../sdk/calls.js' */
/** @import {How} from './talk.js' */

const RETRIES = 3;

const hub = () => {
  const dibs = client.value;
  if (!dibs) throw new Error('not signed in');
  return dibs;
};

/** Shows what is under way, and why it failed. True when it was done. @param {string} id @param {string} what @param {() => Promise<unknown>} run */
async function attempt(id, what, run) {
  setDoing(id, what);
  try {
    await run();
    return true;
  } catch (error) {
    refused(error);
    return false;
  } finally {
    setDoing(id, null);
  }
}

/** @param {string} id */
export const claim = (id) =>
  attempt(id, 'claim', async () => {
    await hub().call('claim', { conversation: id });
    losses.value = withEntry(losses.value, id, null);
  });

/** @param {string} id */
export const release = (id) =>
  attempt(id, 'release', () => {
    const token = claims.value.get(id);
    return token ? hub().call('release', { conversation: id, token }) : Promise.resolve();
  });

/** @param {string} id @param {string} reason */
export const takeOver = (id, reason) =>
  attempt(id, 'take_over', async () => {
    await hub().call('take_over', { conversation: id, reason });
    losses.value = withEntry(losses.value, id, null);
  });

/** @param {string} id @param {TransferTo} to @param {string} note */
export const transfer = (id, to, note) =>
  attempt(id, 'transfer', async () => {
    await hub().call('transfer', {
      conversation: id,
      token: claims.value.get(id) ?? 0,
      to,
      ...(note && { note }),
    });
    toast(t('transferred'), { tone: 'good' });
  });

/** @param {string} id */
export const withdraw = (id) =>
  attempt(id, 'withdraw', () =>
    hub().call('cancel_transfer', { conversation: id, token: claims.value.get(id) ?? 0 }),
  );

/** A reply that waits for its time is not sent. @param {string} id */
export const cancelScheduled = (id) =>
  attempt(id, 'cancel_scheduled', () => hub().call('cancel_scheduled', { conversation: id }));

/** @param {string} id @param {boolean} accept */
export const answerOffer = (id, accept) =>
  attempt(id, 'answer', () => hub().call('answer_transfer', { conversation: id, accept }));

/** @param {string} id @param {Omit<Fields<'update'>, 'conversation'>} changes */
export const update = (id, changes) =>
  attempt(id, 'update', () => hub().call('update', { conversation: id, ...changes }));

/** As `attempt`, for what is written: the other tab goes on meanwhile. @param {string} id @param {drafts.Kind} kind @param {() => Promise<void>} run */
async function dispatch(id, kind, run) {
  const name = `${id}:${kind}`;
  sending.value = withEntry(sending.value, name, true);
  try {
    await run();
  } catch (error) {
    refused(error);
  } finally {
    sending.value = withEntry(sending.value, name, null);
  }
}

/** Calls dibs first where nobody holds it. @param {string} id @param {string} text @param {How} [how] */
export async function sendReply(id, text, how = {}) {
  const it = talk.value;
  if (it?.id !== id) return;
  if (sending.value.has(`${id}:reply`)) return;
  const seen = Math.max(seenUpTo(id), guards.value.get(id)?.seen ?? 0);
  await dispatch(id, 'reply', async () => {
    if (!claims.value.has(id)) await hub().call('claim', { conversation: id });
    const { files = [] } = drafts.draft(id, 'reply');
    const attachments = files.length ? { attachments: files } : {};
    const key = drafts.keyFor(id, 'reply', text, JSON.stringify([how, files]));
    const { then, at } = how;
    const fields = { seen, ...attachments, ...(then && { then }) };
    try {
      if (at) await schedule(id, { ...fields, text, at }, key);
      else await it.reply(text, { ...fields, key, retry: RETRIES });
    } catch (error) {
      if (!holdBack(id, error, how)) throw error;
      return;
    }
    drafts.sent(id, 'reply', text);
    guards.value = withEntry(guards.value, id, null);
    losses.value = withEntry(losses.value, id, null);
    it.typing(false, 'reply');
  });
}

/** Answers at a time to come. @param {string} id @param {Omit<Fields<'schedule_reply'>, 'conversation' | 'token'>} fields @param {string} key */
async function schedule(id, fields, key) {
  const token = hub().claims.get(id) ?? 0;
  await hub().call('schedule_reply', { conversation: id, token, ...fields }, { key, retry: RETRIES });
  toast(t('later_told', { time: moment(fields.at) }), { tone: 'good' });
}

/** Whether it was held back because something came that the writer has not seen. @param {string} id @param {unknown} error @param {How} how */
function holdBack(id, error, how) {
  const { code, details } = /** @type {DibsError} */ (error);
  const missed = details?.missed ?? [];
  if (code !== 'stale' || !missed.length) return false;
  const guard = { missed, seen: Math.max(...missed.map((it) => it.seq)), how };
  guards.value = withEntry(guards.value, id, guard);
  return true;
}

/** @param {string} id @param {string} text */
export async function sendNote(id, text) {
  await dispatch(id, 'note', async () => {
    const key = drafts.keyFor(id, 'note', text);
    const { unknown } = await hub().call('note', { conversation: id, text }, { key, retry: RETRIES });
    drafts.sent(id, 'note', text);
    if (talk.value?.id === id) talk.value.typing(false, 'note');
    tellUnknown(unknown);
  });
}

/** Who is not told of a note: nobody has that name, or they were never here. @param {string[]} names */
function tellUnknown(names) {
  const never = new Set(roster.peek().agents.flatMap((it) => (it.never ? it.id : [])));
  const said = (/** @type {string[]} */ all) => ({
    n: all.length,
    names: all.map((it) => `@${it}`).join(', '),
  });
  const [absent, unknown] = [names.filter((it) => never.has(it)), names.filter((it) => !never.has(it))];
  if (absent.length) toast(t('absent_mentions', said(absent)));
  if (unknown.length) toast(t('unknown_mentions', said(unknown)));
}

/** Where a note would mention somebody. */
const MENTION = /(^|[^\p{L}\p{N}._-])@/gu;
/** Invisible, and in no name: what follows an `@` with it mentions nobody. */
const JOINER = '\u2060';

/** A note that mentions its holder, and nobody else. @param {string} id @param {string} holder @param {string} text */
export const whisper = (id, holder, text) =>
  attempt(id, 'whisper', async () => {
    const said = `@${holder} ${text.trim().replace(MENTION, `$1@${JOINER}`)}`;
    await hub().call('note', { conversation: id, text: said }, { retry: RETRIES });
    toast(t('whispered', { name: nameOf(holder) }), { tone: 'good' });
  });

/** Starts another conversation with the same customer; one holds it from the first moment. @param {Summary} summary @param {string} subject */
export const openWith = ({ id, customer, channel, queue }, subject) =>
  attempt(id, 'open', async () => {
    const { conversation } = await hub().call('open', {
      customer,
      channel,
      queue,
      ...(subject && { subject }),
    });
    go({ id: conversation }, true);
  });

/** Makes one of several, unless the one that goes on has changed hands since it was looked at; then that one is open. @param {Summary} into @param {string[]} conversations */
export const merge = (into, conversations) =>
  attempt(into.id, 'merge', async () => {
    const expect = { claim: into.claim, status: into.status };
    await hub().call('merge', { into: into.id, conversations, expect });
    toast(t('merge_done', { n: conversations.length }), { tone: 'good' });
    go({ id: into.id }, true);
  });

/** Makes a conversation of its own of messages. @param {string} id @param {string[]} messages @param {string} subject */
export const split = (id, messages, subject) =>
  attempt(id, 'split', async () => {
    const { conversation } = await hub().call('split', {
      conversation: id,
      messages,
      ...(subject && { subject }),
    });
    const act = { label: t('open'), run: () => go({ id: conversation }, true) };
    toast(t('split_done', { n: messages.length }), { tone: 'good', act });
  });

/**
 * Gives it to somebody: what one holds is offered to them, anything else becomes theirs to see to. Refused when somebody
 * else has called it, or it was given to somebody else, since it was looked at.
 * @param {Summary} summary @param {string} agent
 */
export function give(summary, agent) {
  const { id, claim: held, assignee } = summary;
  if (claims.peek().has(id)) return transfer(id, { agent }, '');
  return attempt(id, 'give', async () => {
    await hub().call('update', { conversation: id, assignee: agent, expect: { assignee, claim: held } });
    const names = { name: nameOf(agent), customer: summary.customer.name, holder: nameOf(held?.agent ?? '') };
    toast(t(held && held.agent !== agent ? 'given_held' : 'given', names), { tone: 'good' });
  });
}

/** What the last bulk action came to. @type {{results: BulkResult[], names: Map<string, string>}} */
export const outcome = { results: [], names: new Map() };

/** The same for many, in as many commands as it takes; then each one's result. @param {string[]} ids @param {BulkAction} action @param {Map<string, string>} names */
export async function bulk(ids, action, names) {
  const most = hub().welcome?.limits.bulk ?? 100;
  outcome.results = [];
  outcome.names = names;
  try {
    for (let from = 0; from < ids.length; from += most) {
      const { results } = await hub().call('bulk', { conversations: ids.slice(from, from + most), action });
      outcome.results.push(...results);
    }
  } catch (error) {
    refused(error);
  }
  if (outcome.results.length) ask('results');
}

/** One's own, or for supervisors somebody's. @param {'online' | 'away' | 'busy'} status @param {string} [agent] */
export const setPresence = (status, agent) =>
  hub()
    .call('set_presence', { status, ...(agent && { agent }) })
    .catch(refused);

/** @param {TransferTo} to */
export const nameOfTarget = (to) => ('agent' in to ? nameOf(to.agent) : to.team);
