//! A console in 65 lines: sign in, see what waits, claim, answer. No styles and no framework: how the SDK is used.

import { connect } from '../sdk/index.js';

/** @param {string} id @returns {any} */
const at = (id) => document.getElementById(id);
/** @param {string} name @param {string} text */
const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

at('sign-in').url.value = `${location.origin}/v1/ws`;
at('sign-in').onsubmit = (/** @type {Event} */ event) => {
  event.preventDefault();
  const { url, token } = at('sign-in');
  start(url.value, token.value);
};

/** @param {string} url @param {string} token */
function start(url, token) {
  const dibs = connect({ url, getToken: (why) => (why === 'refused' ? null : token), client: 'bare/1.0' });
  dibs.on('state', ({ state, reason = '' }) => {
    at('state').textContent = `${state} ${reason}`;
    at('desk').hidden = state === 'closed';
    at('sign-in').hidden = state !== 'closed';
  });
  const waiting = dibs.openView({ filter: { status: ['new', 'open'] }, sort: 'waiting', limit: 20 });
  /** @type {import('../sdk/index.js').Conversation | undefined} */
  let talk;

  waiting.on('change', () => {
    at('total').textContent = waiting.total;
    at('rows').replaceChildren(
      ...waiting.rows.map(({ id, customer, claim, last_message }) => {
        const button = element(
          'button',
          `${customer.name}: ${last_message?.excerpt ?? ''} (${claim?.agent ?? 'free'})`,
        );
        button.onclick = () => open(id);
        const item = element('li', '');
        item.append(button);
        return item;
      }),
    );
  });

  /** @param {string} id */
  function open(id) {
    talk?.close();
    const mine = dibs.watch(id);
    talk = mine;
    mine.on('change', () => {
      at('talk').hidden = false;
      at('who').textContent = mine.summary?.customer.name ?? '';
      at('viewers').textContent = mine.viewers
        .map(({ agent, typing }) => agent + (typing ? ' …' : ''))
        .join(', ');
      at('entries').replaceChildren(
        ...mine.entries.map(({ event }) => {
          const said = 'message' in event ? event.message : 'note' in event ? event.note : '';
          return element('li', `${event.kind} ${typeof said === 'object' ? said.text : ''}`);
        }),
      );
    });
  }
  dibs.on('claims', () => {
    at('claim').disabled = talk?.token !== undefined;
  });
  /** Says what went wrong; the text that was typed stays. @param {Promise<unknown> | undefined} done */
  const told = (done) =>
    done?.then(
      () => at('problem').replaceChildren(),
      (error) => at('problem').replaceChildren(error.message),
    );
  at('claim').onclick = () => told(talk?.claim());
  at('release').onclick = () => told(talk?.release());
  at('reply').oninput = () => talk?.typing(true);
  at('reply').onsubmit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const { text } = at('reply');
    told(talk?.reply(text.value).then(() => at('reply').reset()));
  };
}
