//! The left edge: the views with their live counts, those of one's own, and oneself: status, connection, settings.

import { setPresence } from '../actions.js';
import { html } from '../lib.js';
import { prefs } from '../prefs.js';
import { go, route } from '../route.js';
import { signOut } from '../session.js';
import { ask, isSupervisor, link, me, people, unread } from '../store.js';
import { t } from '../strings.js';
import { counts, views } from '../views.js';
import { Avatar } from './avatar.js';
import { Icon, IconButton } from './icon.js';
import { SavedViews } from './saved.js';

export const Sidebar = () => html`
  <nav class="sidebar" aria-label=${t('views')}>
    <div class="brand"><img src="/app/mark.svg" alt="" width="24" height="24" /><span>${t('product')}</span>
      <span class="faint workspace">${me.value?.workspace}</span></div>
    <ul class="views">
      ${views.value.map((it) => html`<${Item} key=${it.name} name=${it.name} icon=${it.icon} />`)}
    </ul>
    ${isSupervisor.value && html`<ul class="views ruled"><${Item} name="wall" icon="gauge" /></ul>`}
    ${prefs.value.saved.length > 0 && html`<${SavedViews} />`}
    <${Me} />
  </nav>`;

/** They call for somebody while there are any. */
const LOUD = new Set(['mentions', 'unclaimed', 'assigned', 'late']);

/** @param {{name: string, icon: string}} props */
function Item({ name, icon }) {
  const here = route.value.view === name;
  const count = name === 'mentions' ? unread.value : counts.value.get(name);
  const loud = LOUD.has(name) && (count ?? 0) > 0;
  return html`
    <li>
      <button type="button" class="view" aria-current=${here ? 'page' : undefined} data-view=${name}
        onClick=${() => go({ view: name, id: null }, true)}>
        <${Icon} name=${icon} /><span class="view-name">${t(name)}</span>
        ${count !== undefined && html`<span class=${loud ? 'count loud' : count ? 'count' : 'count none'}>${count}</span>`}
      </button>
    </li>`;
}

function Me() {
  const agent = me.value;
  if (!agent) return null;
  const status = people.value.agents.get(agent.id)?.status ?? 'online';
  const state = link.value.state;
  return html`
    <div class="me">
      <${Avatar} id=${agent.id} name=${agent.name} />
      <div class="me-text">
        <span class="me-name" dir="auto">${agent.name}</span>
        <label class="presence" data-status=${state === 'connected' ? status : 'offline'}>
          <span class="dot" aria-hidden="true"></span>
          <span class="sr">${t('my_status')}</span>
          <select value=${status} disabled=${state !== 'connected'}
            onChange=${(/** @type {any} */ event) => setPresence(event.currentTarget.value)}>
            ${['online', 'away', 'busy'].map((it) => html`<option value=${it}>${t(it)}</option>`)}
          </select>
        </label>
      </div>
      <${IconButton} name="settings" label=${t('settings')} onClick=${() => ask('settings')} />
      <${IconButton} name="leave" label=${t('signout')} data-act="signout" onClick=${signOut} />
    </div>`;
}
