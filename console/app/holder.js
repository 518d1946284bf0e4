//! The open conversation's summary, with the claim as its newest events have it: events come at once, summaries are gathered
//! while much happens. Who presses first must be seen at once.

/** @import {Conversation} from '../sdk/conversation.js' */
/** @import {Summary} from '../sdk/types/protocol.js' */

const CLAIMS = /^claim_(granted|released|expired)$/;

/** @param {Conversation | null} it @returns {Summary | null} */
export function summaryOf(it) {
  const summary = it?.summary;
  if (!it || !summary) return null;
  const entry = it.entries.findLast(({ seq, event }) => seq > summary.version && CLAIMS.test(event.kind));
  if (!entry) return summary;
  const { event, at } = entry;
  if (event.kind !== 'claim_granted') return { ...summary, claim: null };
  // Without its content, it is known only that somebody has it: the summary will say who.
  const { agent, token } = /** @type {Partial<{agent: string, token: number}>} */ (event);
  return agent && token ? { ...summary, claim: { agent, token, since: at } } : summary;
}
