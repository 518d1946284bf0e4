//! What the types refuse: `npm run check` fails where one of these mistakes is none. Nothing here is run.

/** @param {import('../../sdk/index.js').Client} client @param {import('../../sdk/index.js').Conversation} talk */
export async function mistakes(client, talk) {
  // @ts-expect-error There is no such command.
  await client.call('answer', {});
  // @ts-expect-error A reply needs what was seen.
  await client.call('reply', { conversation: 'c', token: 1, text: 'x' });
  // @ts-expect-error Keys are options, not fields.
  await client.call('note', { conversation: 'c', text: 'x', key: 'k' });
  // @ts-expect-error A token is a number.
  await client.call('release', { conversation: 'c', token: '1' });
  // @ts-expect-error The answer to claim has no such field.
  (await client.call('claim', { conversation: 'c' })).message;
  // @ts-expect-error There is no such sort.
  client.openView({ filter: {}, sort: 'random' });
  // @ts-expect-error There is no such filter.
  client.openView({ filter: { colour: 'red' }, sort: 'newest' });
  // @ts-expect-error There is no such event.
  client.on('message', () => {});
  // @ts-expect-error An entry is not a summary.
  talk.on('event', (/** @type {import('../../sdk/types/protocol.js').Summary} */ entry) => entry);
  // @ts-expect-error There is no such end.
  await talk.reply('x', { then: 'closed' });
}
