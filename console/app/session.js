//! Who is signed in, and the one connection: tokens in, the SDK's news out into the store. A token stays in this tab, unless
//! the person asks the browser to keep it.

import { connect } from '../sdk/index.js';
import { feedAlerts } from './alerts.js';
import { draftsOf } from './drafts.js';
import { handed, onHanded } from './fragment.js';
import { batch, ticker, withEntry } from './lib.js';
import { asking, claims, client, features, link, marks, me, offers, people, unread } from './store.js';
import { canFetch, claimsOf, fetchToken } from './tokens.js';

/** @import {Client} from '../sdk/client.js' */

const NAME = 'dibs.token';
/** Set in a tab that signed out: nothing is fetched there until the person wants it. */
const OUT = 'dibs.out';
const SPARE_S = 5;
/** Between two tokens that are fetched because one ends. */
const EVERY_MS = 10_000;

let token = '';
/** The last one that the hub did not accept. */
let refused = '';
/** The last one that was fetched and not welcomed yet. */
let untried = '';
let fetchedAt = 0;
/** Whoever waits for a token. @type {((token: string | null) => void)[]} */
const waiting = [];

/** Whether two tokens are of the same person at the same place. @param {string} one @param {string} other */
function areSame(one, other) {
  const [first, second] = [claimsOf(one), claimsOf(other)];
  return first?.sub === second?.sub && first?.workspace === second?.workspace;
}

/** Takes a token: signs in, or renews. False when it is none. @param {string} text @param {boolean} [keep] Beyond this tab. */
export function signIn(text, keep = Boolean(localStorage.getItem(NAME))) {
  const given = text.trim();
  if (!claimsOf(given)) return false;
  const same = areSame(given, token);
  take(given);
  if (keep) localStorage.setItem(NAME, token);
  else localStorage.removeItem(NAME);
  asking.value = null;
  if (client.value && same && link.value.state !== 'closed')
    for (const give of waiting.splice(0)) give(token);
  else start();
  client.value?.retry();
  return true;
}

/** @param {number} ms */
const pause = (ms) => new Promise((over) => setTimeout(over, Math.max(0, ms)));

/** @param {string} given */
function take(given) {
  token = given;
  sessionStorage.setItem(NAME, token);
  sessionStorage.removeItem(OUT);
}

/** Fetches a token where the hub says, and signs in with it; asks the person when there is none. */
export async function signInAgain() {
  const fresh = await fetchToken().catch(() => null);
  if (!fresh || !signIn(fresh)) asking.value ??= 'signin';
  return Boolean(fresh);
}

export function signOut() {
  for (const store of [sessionStorage, localStorage]) store.removeItem(NAME);
  sessionStorage.setItem(OUT, '1');
  token = '';
  for (const give of waiting.splice(0)) give(null);
  client.value?.close();
  location.reload();
}

/** Begins with what there is: the address, this tab, what the browser was asked to keep. */
export function begin() {
  onHanded((given) => signIn(given));
  const known = handed ?? sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME);
  if (known && signIn(known)) return;
  if (canFetch && !sessionStorage.getItem(OUT)) void signInAgain();
  else asking.value = 'signin';
}

/** The token, a fetched one, or a promise of the next one that the person gives. @param {'connect' | 'refresh' | 'refused'} why */
async function getToken(why) {
  const left = (claimsOf(token)?.exp ?? 0) - Date.now() / 1000;
  if (why === 'refused') refused = token;
  if (why === 'connect' && left > SPARE_S && token !== refused) return token;
  // Tokens that live shortly are not fetched without a pause.
  if (why === 'refresh') await pause(Math.min(fetchedAt + EVERY_MS - Date.now(), (left - SPARE_S) * 1_000));
  fetchedAt = Date.now();
  // A fetched one that was never welcome is not fetched again: the next would be as good.
  const fresh = refused && refused === untried ? null : await fetchToken();
  if (fresh && fresh !== refused) {
    if (!areSame(fresh, token)) {
      signIn(fresh); // Somebody else has signed in: this connection ends.
      return null;
    }
    take(fresh);
    untried = fresh;
    return fresh;
  }
  asking.value = why === 'refresh' ? 'expiring' : left > SPARE_S ? 'refused' : 'expired';
  return new Promise((resolve) => waiting.push(resolve));
}

function start() {
  client.value?.close();
  const url = `${location.origin}/v1/ws`;
  const dibs = connect({ url, getToken, client: 'console/1.0' });
  client.value = dibs;
  dibs.on('state', (change) => {
    if (client.peek() === dibs) link.value = change;
  });
  dibs.on('welcome', (welcome) =>
    batch(() => {
      untried = '';
      const told = { ...welcome.agent, workspace: welcome.workspace };
      // The same person after a reconnect: lists and views are not opened anew, the SDK has them back.
      if (String([...features.peek()]) !== String(welcome.features))
        features.value = new Set(welcome.features);
      if (JSON.stringify(told) !== JSON.stringify(me.value)) me.value = told;
      draftsOf(`${welcome.workspace}/${welcome.agent.id}`);
      readMarks(dibs);
    }),
  );
  dibs.on('claims', (map) => {
    claims.value = new Map(map);
  });
  dibs.on('offers', (map) => {
    offers.value = new Map(map);
  });
  dibs.on('unread', (n) => {
    unread.value = n;
  });
  dibs.on('read_marks', ({ conversation, marks: told }) => {
    const mine = told.find((it) => it.agent === dibs.me);
    if (mine) marks.value = withEntry(marks.value, conversation, mine.up_to);
  });
  follow(dibs);
  feedAlerts(dibs);
}

/** @param {Client} dibs */
function follow(dibs) {
  const agents = dibs.watchAgents();
  const { tick, bump } = ticker();
  agents.on('change', bump);
  tick.subscribe(() => {
    people.value = { agents: agents.agents, teams: agents.teams };
  });
}

/** @param {Client} dibs */
function readMarks(dibs) {
  dibs
    .call('read_marks', {}, { retry: 3 })
    .then((answer) => {
      marks.value = new Map(Object.entries(answer.marks));
    })
    .catch(() => {}); // Rows look unread until they are read again: no harm.
}
