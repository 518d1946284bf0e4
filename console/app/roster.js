//! Everybody who may be meant: those the hub has seen, and those whom only the settings name. The latter have never been here;
//! the hub knows an agent from the first hello, so that nothing can be given to them before, and lists say why.

import { computed } from './lib.js';
import { people } from './store.js';
import { t } from './strings.js';
import { settings } from './workspace.js';

/** @import {AgentRow} from '../sdk/types/protocol.js' */
/** @typedef {Pick<AgentRow, 'id' | 'name' | 'connected' | 'status' | 'claims' | 'capacity'> & {never: boolean}} Person `never`: they were never here. */
/** @typedef {{id: string, name: string, members: string[]}} Team */

/** Whom only the settings name. @param {string} id @returns {Person} */
const stranger = (id) => ({
  id,
  name: id,
  connected: false,
  status: 'online',
  claims: 0,
  capacity: null,
  never: true,
});

/** Who is here comes first, then who was, then who never was. @type {import('./lib.js').Signal<{agents: Person[], teams: Team[]}>} */
export const roster = /** @type {any} */ (
  computed(() => {
    const { agents, teams } = people.value;
    const set = settings.value?.settings;
    /** @type {Map<string, Person>} */
    const all = new Map();
    for (const it of agents.values()) all.set(it.id, { ...it, never: false });
    const named = [
      ...(set?.teams ?? []).flatMap(({ members }) => members),
      ...(set?.agents ?? []).map(({ id }) => id),
    ];
    for (const id of named) if (!all.has(id)) all.set(id, stranger(id));
    const place = (/** @type {Person} */ it) => (it.connected ? 0 : it.never ? 2 : 1);
    return {
      agents: [...all.values()].sort(
        (one, other) => place(one) - place(other) || one.name.localeCompare(other.name),
      ),
      teams: teamsOf(teams, set?.teams ?? []),
    };
  })
);

/** @param {{id: string, members: string[]}[]} seen @param {{id: string, name?: string, members: string[]}[]} set @returns {Team[]} */
function teamsOf(seen, set) {
  /** @type {Map<string, Team>} */
  const all = new Map(seen.map(({ id, members }) => [id, { id, name: id, members }]));
  for (const { id, name = id, members } of set)
    all.set(id, { id, name, members: [...new Set([...(all.get(id)?.members ?? []), ...members])] });
  return [...all.values()];
}

/** Somebody with how they are, as lists to choose from have them. @param {Person} it */
export function labelOf({ name, connected, status, claims, capacity, never }) {
  if (never) return `${name} (${t('never_here')})`;
  const load = capacity === null ? String(claims) : `${claims}/${capacity}`;
  return `${name} (${t(connected ? status : 'offline')}, ${t('a_holds', { load })})`;
}
