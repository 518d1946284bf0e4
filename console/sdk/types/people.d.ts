import { Live } from './live.js';
import type { Client } from './client.js';
import type { AgentRow, AgentStats, PresenceRow, QueueStats, StatsFrame, TeamRow, TeamStats, WatchAgentsAnswer, WorkspaceStats } from './protocol.js';
/** @import {Client} from './client.js' */
/** @import {AgentRow, AgentStats, PresenceRow, QueueStats, StatsFrame, TeamRow, TeamStats, WatchAgentsAnswer, WorkspaceStats} from './protocol.js' */
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
    /** The latest. @type {WorkspaceStats | null} */
    workspace: WorkspaceStats | null;
    /** By id, as all below. @type {Map<string, QueueStats>} */
    queues: Map<string, QueueStats>;
    /** @type {Map<string, TeamStats>} */
    teams: Map<string, TeamStats>;
    /** @type {Map<string, AgentStats>} */
    agents: Map<string, AgentStats>;
    /** @param {Client} client */
    constructor(client: Client);
    /** @param {StatsFrame} frame Rows that changed, or all. */
    push(frame: StatsFrame): void;
}
