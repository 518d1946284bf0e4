//! What the workspace has set, as far as the console shows it. The hub does not tell of changes: it is read at each welcome,
//! from time to time, and when somebody looks at it.

import { computed, effect, signal, untracked } from './lib.js';
import { client, features, link, me } from './store.js';

/** @import {WorkspaceSettings} from '../sdk/types/protocol.js' */

const AGAIN_MS = 60_000;

/** @type {import('./lib.js').Signal<{version: number, settings: WorkspaceSettings} | null>} */
export const settings = signal(null);
/** Replies that one can pick. */
export const canned = computed(() => settings.value?.settings.canned ?? []);
/** Lists that are shared with me. */
export const shared = computed(() => {
  const [views, agent] = [settings.value?.settings.views ?? [], me.value];
  return views.filter(({ shared_with: whom }) => {
    if (whom === 'everyone') return true;
    return 'agent' in whom ? whom.agent === agent?.id : Boolean(agent?.teams.includes(whom.team));
  });
});
const names = computed(
  () => new Map(settings.value?.settings.queues.map(({ id, name }) => [id, name ?? id]) ?? []),
);
/** What to call a queue. @param {string} id */
export const nameOfQueue = (id) => names.value.get(id) ?? id;

/** Reads them, and draws anew only when they have changed. */
export async function readSettings() {
  const dibs = client.peek();
  if (!dibs || !features.peek().has('settings')) return;
  try {
    const { version, settings: told } = await dibs.call('settings', {}, { retry: 2 });
    if (client.peek() === dibs && version !== settings.peek()?.version)
      settings.value = { version, settings: told };
  } catch {
    // They are read again.
  }
}

effect(() => {
  if (me.value && features.value.has('settings') && link.value.state === 'connected')
    untracked(() => void readSettings());
});
setInterval(() => {
  if (!document.hidden && link.peek().state === 'connected') void readSettings();
}, AGAIN_MS);
