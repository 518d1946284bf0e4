//! What everybody does, for those who ask: agents and teams, and a supervisor's figures.

import { Live } from './live.js';

/** @import {Client} from './client.js' */
/** @import {AgentRow, PresenceRow, TeamRow, WatchAgentsAnswer} from './protocol.js' */

/** @extends {Live<{presence: PresenceRow[]}>} */
export class Agents extends Live {
  /** By id. @type {Map<string, AgentRow>} */
  agents = new Map();
  /** @type {TeamRow[]} */
  teams = [];
  #cut = false;

  /** @param {Client} client */
  constructor(client) {
    super(client, 'watch_agents', 'unwatch_agents');
  }

  /** @param {WatchAgentsAnswer} answer */
  take({ agents, teams, more = false }) {
    this.agents = new Map(agents.map((agent) => [agent.id, agent]));
    this.teams = teams;
    this.#cut = more;
    this.emit('change', undefined);
  }

  /** @param {PresenceRow[]} rows Of agents that are known, or are new: those are asked for. */
  push(rows) {
    let unknown = false;
    for (const row of rows) {
      const known = this.agents.get(row.id);
      unknown ||= !known;
      const empty = {
        name: row.id,
        kind: 'human',
        role: 'agent',
        teams: [],
        last_seen_at: null,
        capacity: null,
      };
      this.agents.set(row.id, /** @type {AgentRow} */ ({ ...(known ?? empty), ...row }));
    }
    if (unknown && !this.#cut) this.ask();
    this.emit('presence', rows);
    this.emit('change', undefined);
  }
}

/** @extends {Live<{}>} */
export class Stats extends Live {
  /** The latest. @type {Record<string, unknown>} */
  stats = {};

  /** @param {Client} client */
  constructor(client) {
    super(client, 'watch_stats', 'unwatch_stats');
  }

  /** @param {Record<string, unknown>} frame Of `watch_stats`, or a push. */
  take({ type: _type, id: _id, ...stats }) {
    this.stats = { ...this.stats, ...stats };
    this.emit('change', undefined);
  }
}
