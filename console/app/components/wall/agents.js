//! The agents' grid: who is here, how they are, and what they hold against what they take. A conversation may be dropped on
//! each of them. Only cells whose figures changed are drawn anew: a frame of thousands costs what has changed.

import { give, setPresence } from '../../actions.js';
import { cx, html, useSignal } from '../../lib.js';
import { preferWall, prefs } from '../../prefs.js';
import { ask, people } from '../../store.js';
import { t } from '../../strings.js';
import { stats, told } from '../../wall/figures.js';
import { held } from '../../wall/held.js';
import { Avatar } from '../avatar.js';
import { close, Modal } from '../modal.js';

/** @import {AgentStats} from '../../../sdk/types/protocol.js' */

const STATUSES = /** @type {const} */ (['online', 'away', 'busy']);
/** So many are drawn, unless all are asked for: more are for reading, not for a wall. */
const MOST = 200;
/** What was drawn last, by agent: the same again is not looked at. @type {Map<string, {it: AgentStats, name: string, reason: string, over: boolean, cell: unknown}>} */
const drawn = new Map();

/** Who is here, and who is called what: while that stays the same, so do all places. */
const last = { people: people.peek(), team: '', here: new Map(), ids: /** @type {string[]} */ ([]) };

/** Whether anybody came, left, or is another one. @param {Map<string, AgentStats>} agents @param {string} team */
function isPlaced(agents, team) {
  if (last.people !== people.value || last.team !== team || last.here.size !== agents.size) return false;
  for (const it of agents.values()) if (last.here.get(it.id) !== it.connected) return false;
  return true;
}

/** Who is here comes first, then by name: places stay as they are, so that the eye finds them. @param {string} team */
function placed(team) {
  /** @type {Map<string, AgentStats>} */
  const agents = stats.value?.agents ?? new Map();
  if (!isPlaced(agents, team)) {
    const all = [];
    last.here.clear();
    for (const it of agents.values()) {
      const person = people.value.agents.get(it.id);
      last.here.set(it.id, it.connected);
      if (team && !person?.teams.includes(team)) continue;
      all.push({ id: it.id, place: `${it.connected ? 0 : 1}${(person?.name ?? it.id).toLowerCase()}` });
    }
    all.sort((one, other) => (one.place < other.place ? -1 : 1));
    Object.assign(last, { people: people.value, team, ids: all.map(({ id }) => id) });
  }
  return last.ids.flatMap((id) => agents.get(id) ?? []);
}

/** Why they are as they are, in their words. @param {object | undefined} person */
const reasonOf = (person) => (person && 'reason' in person ? String(person.reason ?? '') : '');

export function Agents() {
  told.value;
  const over = useSignal('');
  const whole = useSignal(false);
  const { team } = prefs.value.wall;
  const all = placed(team);
  const shown = whole.value ? all : all.slice(0, MOST);
  const id = (/** @type {Event} */ event) =>
    /** @type {HTMLElement} */ (event.target).closest?.('[data-agent]')?.getAttribute('data-agent') ?? '';
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    const [agent, summary] = [id(event), held.summary];
    over.value = '';
    if (agent && summary) void give(summary, agent);
  };
  return html`
    <section class="card" aria-labelledby="wall-agents">
      <header>
        <h2 id="wall-agents">${t('agents')} <span class="faint">${all.filter((it) => it.connected).length}</span></h2>
        ${
          people.value.teams.length > 0 &&
          html`<label class="end"><span class="sr">${t('team')}</span>
          <select value=${team} onChange=${(/** @type {any} */ event) => preferWall({ team: event.currentTarget.value })}>
            <option value="">${t('all_teams')}</option>${people.value.teams.map((it) => html`<option value=${it.id}>${it.id}</option>`)}</select></label>`
        }
      </header>
      <ul class="agent-cells" onDragOver=${(/** @type {DragEvent} */ event) => {
        over.value = held.summary ? id(event) : '';
        if (over.value) event.preventDefault();
      }} onDragLeave=${() => {
        over.value = '';
      }} onDrop=${drop}>
        ${shown.map((it) => cellOf(it, over.value === it.id))}
        ${all.length === 0 && html`<li class="faint">${t('a_none')}</li>`}
      </ul>
      ${
        all.length > shown.length &&
        html`<button type="button" class="quiet" onClick=${() => {
          whole.value = true;
        }}>${t('all_agents', { n: all.length })}</button>`
      }
    </section>`;
}

/** @param {AgentStats} it @param {boolean} over */
function cellOf(it, over) {
  const person = people.value.agents.get(it.id);
  const name = person?.name ?? it.id;
  const reason = reasonOf(person);
  const known = drawn.get(it.id);
  if (known?.it === it && known.name === name && known.reason === reason && known.over === over)
    return known.cell;
  const cell = draw(it, name, reason, over);
  drawn.set(it.id, { it, name, reason, over, cell });
  return cell;
}

/** @param {AgentStats} it @param {string} name @param {string} reason @param {boolean} over */
function draw(it, name, reason, over) {
  const state = it.connected ? it.status : 'offline';
  const full = it.capacity !== null && it.load >= it.capacity;
  const most = it.capacity ?? Math.max(8, it.load);
  const load = it.capacity === null ? String(it.load) : `${it.load}/${it.capacity}`;
  const said = [name, t(state), reason, t('a_holds', { load })].filter(Boolean).join(', ');
  return html`
    <li key=${it.id} class=${cx('agent-cell', !it.connected && 'off', it.breached > 0 && 'hot', over && 'over')} data-agent=${it.id} data-status=${state}>
      <button type="button" class="agent-button" title=${said} onClick=${() => ask('agent', [it.id])}>
        <span class="dot" aria-hidden="true"></span><${Avatar} id=${it.id} name=${name} small />
        <span class="cut" dir="auto">${name}</span><span class="sr">, ${[t(state), reason].filter(Boolean).join(', ')}, ${t('a_load')} </span>
        <span class=${cx('end agent-load', full && 'full')}>${load}</span>
        <meter class=${full ? 'full' : ''} min="0" max=${most} value=${it.load} aria-hidden="true"></meter>
      </button>
    </li>`;
}

/** One agent's figures, and their status to be set. @param {{ids: string[]}} props */
export function AgentDialog({ ids: [id] }) {
  told.value;
  const it = stats.value?.agents.get(id);
  const person = people.value.agents.get(id);
  if (!it) return null;
  const seconds = it.handle_time.day?.p50_s;
  const pairs = /** @type {[string, unknown][]} */ ([
    ['a_status', [t(it.connected ? it.status : 'offline'), reasonOf(person)].filter(Boolean).join(': ')],
    ['teams', person?.teams.join(', ') || '–'],
    ['a_load', it.capacity === null ? it.load : `${it.load}/${it.capacity}`],
    ['w_waiting', it.waiting],
    ['w_breached', it.breached],
    ['a_handle', seconds === undefined ? '–' : t('minutes', { n: Math.max(1, Math.round(seconds / 60)) })],
  ]);
  return html`
    <${Modal} title=${person?.name ?? id}>
      <dl class="pairs">${pairs.map(([name, value]) => html`<div key=${name}><dt>${t(name)}</dt><dd dir="auto">${value}</dd></div>`)}</dl>
      <div class="row-actions" role="group" aria-label=${t('a_set')}>
        ${STATUSES.map(
          (status) =>
            html`<button type="button" key=${status} aria-pressed=${status === it.status} onClick=${() => {
              close();
              void setPresence(status, id);
            }}>${t(status)}</button>`,
        )}
      </div>
    <//>`;
}
