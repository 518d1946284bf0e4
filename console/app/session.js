//! Who is signed in, and the one connection: tokens in, the SDK's news out into the store. A token stays in this tab, unless
//! the person asks the browser to keep it.

import { connect } from '../sdk/index.js';
import { feedAlerts } from './alerts.js';
import { draftsOf } from './drafts.js';
import { handed, onHanded } from './fragment.js';
import { batch, ticker, withEntry } from './lib.js';
import { asking, claims, client, link, marks, me, offers, people, unread } from './store.js';

/** @import {Client} from '../sdk/client.js' */

const NAME = 'dibs.token';
const SPARE_S = 5;

let token = '';
/** The last one that the hub did not accept. */
let refused = '';
/** Whoever waits for a token. @type {((token: string | null) => void)[]} */
const waiting = [];

/** What a token says, without believing it. @param {string} text @returns {{sub?: string, exp?: number} | null} */
export function claimsOf(text) {
  try {
    return JSON.parse(atob(text.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
  } catch {
    return null;
  }
}

/** Takes a token: signs in, or renews. False when it is none. @param {string} text @param {boolean} [keep] Beyond this tab. */
export function signIn(text, keep = Boolean(localStorage.getItem(NAME))) {
  const given = text.trim();
  if (!claimsOf(given)) return false;
  const same = claimsOf(given)?.sub === claimsOf(token)?.sub;
  token = given;
  sessionStorage.setItem(NAME, token);
  if (keep) localStorage.setItem(NAME, token);
  else localStorage.removeItem(NAME);
  asking.value = null;
  if (client.value && same && link.value.state !== 'closed')
    for (const give of waiting.splice(0)) give(token);
  else start();
  client.value?.retry();
  return true;
}

export function signOut() {
  for (const store of [sessionStorage, localStorage]) store.removeItem(NAME);
  token = '';
  for (const give of waiting.splice(0)) give(null);
  client.value?.close();
  location.reload();
}

/** Begins with what there is: the address, this tab, what the browser was asked to keep. */
export function begin() {
  onHanded((given) => signIn(given));
  const known = handed ?? sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME);
  if (!known || !signIn(known)) asking.value = 'signin';
}

/** The token, or a promise of the next one that the person gives. @param {'connect' | 'refresh' | 'refused'} why */
function getToken(why) {
  const left = (claimsOf(token)?.exp ?? 0) - Date.now() / 1000;
  if (why === 'refused') refused = token;
  if (why === 'connect' && left > SPARE_S && token !== refused) return token;
  asking.value = why === 'refresh' ? 'expiring' : left > SPARE_S ? 'refused' : 'expired';
  return /** @type {Promise<string | null>} */ (new Promise((resolve) => waiting.push(resolve)));
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
      const told = { ...welcome.agent, workspace: welcome.workspace };
      // The same person after a reconnect: lists and views are not opened anew, the SDK has them back.
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
