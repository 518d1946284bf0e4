import { Live } from './live.js';
import type { Client } from './client.js';
import type { AgentRow, PresenceRow, TeamRow, WatchAgentsAnswer } from './protocol.js';
/** @import {Client} from './client.js' */
/** @import {AgentRow, PresenceRow, TeamRow, WatchAgentsAnswer} from './protocol.js' */
/** @extends {Live<{presence: PresenceRow[]}>} */
export declare class Agents extends Live<{
    presence: PresenceRow[];
}> {
    #private;
    /** By id. @type {Map<string, AgentRow>} */
    agents: Map<string, AgentRow>;
    /** @type {TeamRow[]} */
    teams: TeamRow[];
    /** @param {Client} client */
    constructor(client: Client);
    /** @param {WatchAgentsAnswer} answer */
    take({ agents, teams, more }: WatchAgentsAnswer): void;
    /** @param {PresenceRow[]} rows Of agents that are known, or are new: those are asked for. */
    push(rows: PresenceRow[]): void;
}
/** @extends {Live<{}>} */
export declare class Stats extends Live<{}> {
    /** The latest. @type {Record<string, unknown>} */
    stats: Record<string, unknown>;
    /** @param {Client} client */
    constructor(client: Client);
    /** @param {Record<string, unknown>} frame Of `watch_stats`, or a push. */
    take({ type: _type, id: _id, ...stats }: Record<string, unknown>): void;
}
