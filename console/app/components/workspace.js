//! What the workspace has set, to be read: who is given what, what is promised, what happens by itself. It is changed by the
//! hub's administrators, not here.

import { html, useEffect } from '../lib.js';
import { nameOf } from '../store.js';
import { t } from '../strings.js';
import { nameOfQueue, readSettings, settings } from '../workspace.js';

/** @import {Escalation, Match, WorkspaceSettings} from '../../sdk/types/protocol.js' */

const MINUTE = 60;
const HOUR = 3600;

/** A time that was set, in words. @param {number | undefined} s */
function spell(s) {
  if (s === undefined) return '–';
  if (s < MINUTE) return t('seconds', { n: s });
  if (s < HOUR) return t('minutes', { n: Math.round(s / MINUTE) });
  return t('hours', { n: Math.floor(s / HOUR), m: Math.round((s % HOUR) / MINUTE) });
}

/** @param {string[]} names */
const list = (names) => names.join(', ') || '–';

/** @param {Match} it */
const matched = ({ queue, tier, priority, channel }) =>
  [...queue.map(nameOfQueue), ...tier, ...priority.map((it) => t(`pr_${it}`)), ...channel].join(', ') ||
  t('s_all');

/** @param {Escalation} it */
function cause({ on }) {
  if ('warned' in on) return `${t('w_at_risk')}: ${on.warned.map((it) => t(`sla_${it}`)).join(', ')}`;
  if ('breached' in on) return `${t('w_breached')}: ${on.breached.map((it) => t(`sla_${it}`)).join(', ')}`;
  if ('waiting_longer_than_s' in on) return t('s_waits', { time: spell(on.waiting_longer_than_s) });
  return t('unanswered', { n: on.unanswered_at_least });
}

/** @param {Escalation['actions'][number]} action */
function deed(action) {
  if (typeof action === 'string') return t(`s_${action}`);
  const [[name, value]] = Object.entries(action);
  return `${t(`s_${name}`)} ${Array.isArray(value) ? value.join(', ') : value}`;
}

export function Workspace() {
  useEffect(() => void readSettings(), []);
  const it = settings.value?.settings;
  return html`
    <main id="conversation" class="workspace-page" tabindex="-1">
      <h1>${t('workspace')} ${settings.value && html`<span class="faint">${t('s_version', { n: settings.value.version })}</span>`}</h1>
      <p class="faint">${t('s_lead')}</p>
      ${it ? html`<${Body} it=${it} />` : html`<p class="empty">${t('loading')}</p>`}
    </main>`;
}

/** @param {{title: string, heads: string[], rows: unknown[][]}} props */
const Table = ({ title, heads, rows }) => html`
  <section class="card" aria-label=${t(title)}>
    <h2>${t(title)}</h2>
    ${
      rows.length
        ? html`<div class="scroll" tabindex="0" role="region" aria-label=${t(title)}><table>
          <thead><tr>${heads.map((it) => html`<th scope="col" key=${it}>${t(it)}</th>`)}</tr></thead>
          <tbody>${rows.map(([first, ...others]) => html`<tr key=${first}><th scope="row" dir="auto">${first}</th>${others.map((it) => html`<td dir="auto">${it}</td>`)}</tr>`)}</tbody>
        </table></div>`
        : html`<p class="faint">${t('s_none')}</p>`
    }
  </section>`;

/** @param {{it: WorkspaceSettings}} props */
const Body = ({ it }) => html`
  <${Table} title="queues" heads=${['queue', 's_routing', 'teams', 's_skills', 's_first']} rows=${it.queues.map(
    (queue) => [
      queue.name ?? queue.id,
      t(`r_${queue.routing}`) + (queue.routing === 'manual' ? '' : `, ${t(`r_${queue.delivery}`)}`),
      queue.teams.join(', ') || t('s_everybody'),
      list(queue.skills),
      list(queue.tiers_first),
    ],
  )} />
  <${Table} title="teams" heads=${['team', 's_members']} rows=${it.teams.map((team) => [team.name ?? team.id, list(team.members.map(nameOf))])} />
  <${Table} title="agents" heads=${['agents', 's_skills', 'w_load', 's_senior']} rows=${it.agents.map(
    (agent) => [
      nameOf(agent.id),
      list(agent.skills),
      agent.capacity ?? it.capacity.default ?? t('s_no_limit'),
      list(agent.senior_for),
    ],
  )} />
  <${Table} title="promises" heads=${['s_name', 's_for', 'sla_first_response', 'sla_next_response', 'sla_resolution', 's_hours']} rows=${it.service_levels.map(
    (level) => [
      level.name,
      matched(level.match),
      spell(level.first_response_s),
      spell(level.next_response_s),
      spell(level.resolution_s),
      level.hours ? `${level.hours} (${it.hours[level.hours]?.zone ?? ''})` : t('s_always'),
    ],
  )} />
  <${Table} title="s_escalations" heads=${['s_name', 's_when', 's_for', 's_does']} rows=${it.escalations.map(
    (rule) => [rule.name, cause(rule), matched(rule.match), rule.actions.map(deed).join('; ')],
  )} />
  <${Table} title="canned" heads=${['s_name', 's_text']} rows=${it.canned.map(({ name, text }) => [name, text])} />`;
