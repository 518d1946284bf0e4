//! Why a command was not done, or is not known to be done.

/** @import {Code, Refusal} from './protocol.js' */

/**
 * A refusal of the server, or one of the SDK's own: `offline` (nothing was sent), `unknown_outcome` (it was sent, and
 * whether it was done cannot be known), `closed` (the client is over).
 */
export class DibsError extends Error {
  name = 'DibsError';

  /**
   * @param {Code | 'offline' | 'unknown_outcome' | 'closed'} code
   * @param {string} message One sentence for a person.
   * @param {Partial<Refusal>} [details]
   * @param {string} [key]
   */
  constructor(code, message, details = {}, key = undefined) {
    super(message);
    /** Stable. */
    this.code = code;
    /** The refusal's further fields: `holder`, `missed`, `current`, `field`, `retry_after_ms`… */
    this.details = details;
    /** The command's key: the same command with it again is safe. */
    this.key = key;
  }
}
