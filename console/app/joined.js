//! Conversations that were made one, or two, as their own timelines tell it. Messages stay where they were stored: what was
//! joined is read from the others.

/** @import {Conversation} from '../sdk/conversation.js' */
/** @import {EventEntry} from '../sdk/types/protocol.js' */

/** @param {EventEntry['event']} event @param {'merged' | 'split'} kind @returns {{into?: string, from?: string, messages: string[], conversations: string[]} | null} */
function told(event, kind) {
  if (event.kind !== kind || ('redacted' in event && event.redacted)) return null;
  return { messages: [], conversations: [], .../** @type {object} */ (event) };
}

/** Which conversation goes on in place of this one; null when it is not over so. @param {Conversation} talk */
export function absorbedInto({ entries }) {
  for (const { event } of entries) {
    const into = told(event, 'merged')?.into;
    if (into) return into;
  }
  return null;
}

/** Where messages of it went: into which conversation, by message. @param {Conversation} talk @returns {Map<string, string>} */
export function movedOf({ entries }) {
  const moved = new Map();
  for (const { event } of entries) {
    const it = told(event, 'split');
    if (it?.into) for (const message of it.messages) moved.set(message, it.into);
  }
  return moved;
}

/** Where the rest of its timeline is: other conversations, and which messages of them (all when empty). @param {EventEntry['event']} event @returns {{from: string, messages: string[]}[]} */
export function sourcesOf(event) {
  const split = told(event, 'split');
  if (split?.from) return [{ from: split.from, messages: split.messages }];
  return (told(event, 'merged')?.conversations ?? []).map((from) => ({ from, messages: [] }));
}
