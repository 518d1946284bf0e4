//! What everybody does, for those who ask: agents and teams, and a supervisor's figures.

import { Live } from './live.js';

/** @import {Client} from './client.js' */
/** @import {AgentRow, AgentStats, PresenceRow, QueueStats, StatsFrame, TeamRow, TeamStats, WatchAgentsAnswer, WorkspaceStats} from './protocol.js' */

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
      const first = { name: row.id, kind: 'human', role: 'agent', teams: [], capacity: null };
      this.agents.set(row.id, /** @type {AgentRow} */ ({ ...first, last_seen_at: null, ...known, ...row }));
    }
    if (unknown && !this.#cut) this.ask();
    this.emit('presence', rows);
    this.emit('change', undefined);
  }
}

/** @extends {Live<{}>} */
export class Stats extends Live {
  /** The latest. @type {WorkspaceStats | null} */
  workspace = null;
  /** By id, as all below. @type {Map<string, QueueStats>} */
  queues = new Map();
  /** @type {Map<string, TeamStats>} */
  teams = new Map();
  /** @type {Map<string, AgentStats>} */
  agents = new Map();

  /** @param {Client} client */
  constructor(client) {
    super(client, 'watch_stats', 'unwatch_stats');
  }

  /** @param {StatsFrame} frame Rows that changed, or all. */
  push(frame) {
    if (frame.workspace) this.workspace = frame.workspace;
    for (const kind of /** @type {const} */ (['queues', 'teams', 'agents'])) {
      /** @type {Map<string, any>} */
      const rows = this[kind];
      if (frame.whole) rows.clear();
      for (const row of frame[kind] ?? []) rows.set(row.id, row);
    }
    this.emit('change', undefined);
  }
}
