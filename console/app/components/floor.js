//! The floor, for supervisors: live queues with their oldest wait, and the agents with what they hold.

import { html, useEffect, useSignal } from '../lib.js';
import { figures, followQueues } from '../queues.js';
import { go, queue } from '../route.js';
import { client, people } from '../store.js';
import { t } from '../strings.js';
import { heat, now, since } from '../time.js';
import { counts } from '../views.js';
import { Avatar } from './avatar.js';

/** @import {AgentRow} from '../../sdk/types/protocol.js' */

export function Floor() {
  useEffect(
    () => (client.peek() ? followQueues(/** @type {any} */ (client.peek())) : undefined),
    [client.value],
  );
  const here = [...people.value.agents.values()].filter((it) => it.connected);
  const [oldest] = figures.value.flatMap((it) => it.oldest ?? []).sort();
  const tiles = [
    ['floor_waiting', counts.value.get('waiting')],
    ['floor_oldest', oldest && now.value ? since(oldest) : undefined],
    ['floor_unclaimed', counts.value.get('unclaimed')],
    ['floor_held', here.reduce((sum, it) => sum + it.claims, 0)],
    ['floor_people', here.length],
  ];
  return html`
    <main id="conversation" class="floor" tabindex="-1">
      <h1>${t('floor')}</h1>
      <ul class="tiles">${tiles.map(([name, value]) => html`<li key=${name}><b>${value ?? '–'}</b><span>${t(String(name))}</span></li>`)}</ul>
      <div class="floor-tables"><${Queues} /><${Agents} /></div>
    </main>`;
}

const Queues = () => html`
  <section class="card" aria-labelledby="floor-queues">
    <h2 id="floor-queues">${t('queues')}</h2>
    <table>
      <thead><tr><th scope="col">${t('queue')}</th><th scope="col" class="num">${t('q_open')}</th><th scope="col" class="num">${t('q_unclaimed')}</th><th scope="col" class="num">${t('q_oldest')}</th></tr></thead>
      <tbody>
        ${figures.value.map(
          (it) => html`<tr key=${it.queue}>
            <th scope="row"><button type="button" class="value" onClick=${() => {
              go({ view: 'all', id: null }, true);
              queue.value = it.queue;
            }}>${it.queue}</button></th>
            <td class="num">${it.open}</td><td class="num">${it.unclaimed}</td>
            <td class="num">${it.oldest && now.value ? html`<time class=${`wait ${heat(it.oldest)}`} datetime=${it.oldest}>${since(it.oldest)}</time>` : '–'}</td>
          </tr>`,
        )}
        ${figures.value.length === 0 && html`<tr><td colspan="4" class="faint">${t('q_none')}</td></tr>`}
      </tbody>
    </table>
  </section>`;

function Agents() {
  const all = useSignal(false);
  /** @type {(one: AgentRow, other: AgentRow) => number} */
  const order = (one, other) =>
    Number(other.connected) - Number(one.connected) ||
    other.claims - one.claims ||
    one.name.localeCompare(other.name);
  const agents = [...people.value.agents.values()].sort(order);
  const shown = all.value ? agents : agents.slice(0, 100);
  return html`
    <section class="card" aria-labelledby="floor-agents">
      <h2 id="floor-agents">${t('agents')}</h2>
      <table>
        <thead><tr><th scope="col">${t('a_status')}</th><th scope="col">${t('agents')}</th><th scope="col">${t('teams')}</th><th scope="col" class="num">${t('a_load')}</th></tr></thead>
        <tbody>${shown.map((it) => html`<${Agent} key=${it.id} agent=${it} />`)}
          ${agents.length === 0 && html`<tr><td colspan="4" class="faint">${t('a_none')}</td></tr>`}</tbody>
      </table>
      ${
        agents.length > shown.length &&
        html`<button type="button" class="quiet" onClick=${() => {
          all.value = true;
        }}>${t('more')}</button>`
      }
    </section>`;
}

/** @param {{agent: AgentRow}} props */
function Agent({ agent }) {
  const { id, name, kind, status, connected, claims, capacity, teams, last_seen_at: seen } = agent;
  const state = connected ? status : 'offline';
  return html`
    <tr class=${connected ? '' : 'off'}>
      <td><span class="presence" data-status=${state}><span class="dot" aria-hidden="true"></span>${t(state)}${!connected && seen ? ` · ${since(seen)}` : ''}</span></td>
      <th scope="row"><span class="named"><${Avatar} id=${id} name=${name} small /><span dir="auto">${name}</span>${kind === 'bot' && html`<span class="tag">${t('bot')}</span>`}</span></th>
      <td class="faint">${teams.join(', ')}</td>
      <td class="num"><span class="load"><meter min="0" max=${capacity ?? 10} value=${claims} aria-label=${`${t('a_load')}: ${name}`}></meter>${claims}${capacity ? `/${capacity}` : ''}</span></td>
    </tr>`;
}
