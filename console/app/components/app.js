//! The page: which parts there are, and which of them a narrow screen shows.

import { cx, html } from '../lib.js';
import { detailsShown } from '../panel.js';
import { prefs } from '../prefs.js';
import { route } from '../route.js';
import { asking, isSupervisor, me } from '../store.js';
import { t } from '../strings.js';
import { Banner } from './banner.js';
import { Conversation } from './conversation.js';
import { Dialogs } from './dialogs.js';
import { lazy } from './lazy.js';
import { List } from './list.js';
import { Offers } from './offers.js';
import { Sidebar } from './sidebar.js';
import { SignIn } from './signin.js';
import { Toasts } from './toasts.js';

export function App() {
  if (!me.value)
    return html`<${Banner} />${asking.value ? html`<${SignIn} />` : html`<p class="empty" role="status">${t('connecting')}</p>`}<${Toasts} />`;
  const { view, id } = route.value;
  const Screen = SCREENS[view];
  const wall = view === 'wall';
  const kiosk = wall && isSupervisor.value && prefs.value.wall.kiosk;
  return html`
    <a class="skip" href="#conversation" onClick=${skip}>${t('skip')}</a>
    <${Banner} />
    <div class=${cx('shell', id && 'has-talk', Screen && 'is-wall', kiosk && 'kiosk', !Screen && detailsShown.value && 'has-details')}>
      <${Sidebar} />
      ${Screen ? html`<${Screen} beside=${Boolean(id)} />${id && html`<${Conversation} />`}` : html`<${Middle} view=${view} /><${Conversation} />`}
    </div>
    <${Dialogs} />
    <${Toasts} />
    ${asking.value && asking.value !== 'expiring' && html`<${SignIn} over />`}`;
}

const Inbox = lazy(async () => (await import('./inbox.js')).MentionInbox);
const Loading = () =>
  html`<main id="conversation" class="wall"><p class="empty" role="status">${t('loading')}</p></main>`;
/** Screens of their own. @type {Record<string, Function>} */
const SCREENS = {
  wall: lazy(async () => (await import('./wall/wall.js')).Wall, Loading),
  workspace: lazy(async () => (await import('./workspace.js')).Workspace, Loading),
};

/** @param {{view: string}} props */
const Middle = ({ view }) => html`
  <section class="middle" aria-label=${t('conversations')}>
    <${Offers} />
    ${view === 'mentions' ? html`<${Inbox} />` : html`<${List} />`}
  </section>`;

/** @param {Event} event The address is the route's: it must not change. */
function skip(event) {
  event.preventDefault();
  document.getElementById('conversation')?.focus();
}
