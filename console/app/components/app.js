//! The page: which parts there are, and which of them a narrow screen shows.

import { cx, html } from '../lib.js';
import { detailsShown } from '../panel.js';
import { route } from '../route.js';
import { asking, isSupervisor, me } from '../store.js';
import { t } from '../strings.js';
import { Banner } from './banner.js';
import { Conversation } from './conversation.js';
import { Dialogs } from './dialogs.js';
import { Floor } from './floor.js';
import { MentionInbox } from './inbox.js';
import { List } from './list.js';
import { Offers } from './offers.js';
import { Sidebar } from './sidebar.js';
import { SignIn } from './signin.js';
import { Toasts } from './toasts.js';

export function App() {
  if (!me.value)
    return html`<${Banner} />${asking.value ? html`<${SignIn} />` : html`<p class="empty" role="status">${t('connecting')}</p>`}<${Toasts} />`;
  const { view, id } = route.value;
  const floor = view === 'floor' && isSupervisor.value && !id;
  return html`
    <a class="skip" href="#conversation" onClick=${skip}>${t('skip')}</a>
    <${Banner} />
    <div class=${cx('shell', id && 'has-talk', floor && 'is-floor', detailsShown.value && 'has-details')}>
      <${Sidebar} />
      ${floor ? html`<${Floor} />` : html`<${Middle} view=${view} /><${Conversation} />`}
    </div>
    <${Dialogs} />
    <${Toasts} />
    ${asking.value && asking.value !== 'expiring' && html`<${SignIn} over />`}`;
}

/** @param {{view: string}} props */
const Middle = ({ view }) => html`
  <section class="middle" aria-label=${t('conversations')}>
    <${Offers} />
    ${view === 'mentions' ? html`<${MentionInbox} />` : html`<${List} />`}
  </section>`;

/** @param {Event} event The address is the route's: it must not change. */
function skip(event) {
  event.preventDefault();
  document.getElementById('conversation')?.focus();
}
