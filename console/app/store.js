//! The console's state, as signals: who one is, how the connection is, where one is looking. Fed by `session`; it draws
//! nothing and asks nothing of the hub.

import { computed, signal } from './lib.js';

/** @import {Client} from '../sdk/client.js' */
/** @import {StateChange} from '../sdk/index.js' */
/** @import {AgentInfo, AgentRow, OfferInfo, TeamRow} from '../sdk/types/protocol.js' */

/** @type {import('./lib.js').Signal<Client | null>} */
export const client = signal(null);
/** @type {import('./lib.js').Signal<StateChange>} */
export const link = signal({ state: 'connecting' });
/** What the hub knows beyond the first version of the protocol. @type {import('./lib.js').Signal<Set<string>>} */
export const features = signal(new Set());
/** @type {import('./lib.js').Signal<(AgentInfo & {workspace: string}) | null>} */
export const me = signal(null);
/** Tokens of one's own claims. @type {import('./lib.js').Signal<Map<string, number>>} */
export const claims = signal(new Map());
/** @type {import('./lib.js').Signal<Map<string, OfferInfo>>} */
export const offers = signal(new Map());
export const unread = signal(0);
/** @type {import('./lib.js').Signal<{agents: Map<string, AgentRow>, teams: TeamRow[]}>} */
export const people = signal({ agents: new Map(), teams: [] });
/** Up to where one has read, by conversation. @type {import('./lib.js').Signal<Map<string, number>>} */
export const marks = signal(new Map());
/** Set while a token is asked for: why. @type {import('./lib.js').Signal<null | 'signin' | 'expired' | 'refused' | 'expiring'>} */
export const asking = signal(/** @type {null | 'signin' | 'expired' | 'refused' | 'expiring'} */ (null));

export const isSupervisor = computed(() => me.value?.role === 'supervisor' || me.value?.role === 'admin');
export const online = computed(() => link.value.state === 'connected');

/** What to call somebody. @param {string} id */
export const nameOf = (id) =>
  id === me.value?.id ? me.value.name : (people.value.agents.get(id)?.name ?? id);

/** Which dialog is open, and what it is about. @type {import('./lib.js').Signal<{kind: string, ids: string[]} | null>} */
export const dialog = signal(null);

/** @param {string} kind @param {string[]} [ids] */
export const ask = (kind, ids = []) => {
  dialog.value = { kind, ids };
};
