import type { Code, Refusal } from './protocol.js';
/** @import {Code, Refusal} from './protocol.js' */
/**
 * A refusal of the server, or one of the SDK's own: `offline` (nothing was sent), `unknown_outcome` (it was sent, and
 * whether it was done cannot be known), `closed` (the client is over).
 */
export declare class DibsError extends Error {
    /** Stable. */
    code: "closed" | "offline" | "unknown_outcome" | Code;
    /** The refusal's further fields: `holder`, `missed`, `current`, `field`, `retry_after_ms`… */
    details: Partial<Refusal>;
    /** The command's key: the same command with it again is safe. */
    key: string | undefined;
    name: string;
    /**
     * @param {Code | 'offline' | 'unknown_outcome' | 'closed'} code
     * @param {string} message One sentence for a person.
     * @param {Partial<Refusal>} [details]
     * @param {string} [key]
     */
    constructor(code: Code | 'offline' | 'unknown_outcome' | 'closed', message: string, details?: Partial<Refusal>, key?: string);
}
