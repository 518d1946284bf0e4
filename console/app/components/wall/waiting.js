//! Who waits longest, or another list that was chosen: to look at silently, and to give to somebody by dragging or by keys.

import { html, useEffect, useLayoutEffect, useMemo, useSignal } from '../../lib.js';
import { preferWall, prefs } from '../../prefs.js';
import { go, route } from '../../route.js';
import { ask, client, features, me, nameOf } from '../../store.js';
import { t } from '../../strings.js';
import { filterOf, viewOf } from '../../views.js';
import { held } from '../../wall/held.js';
import { nameOfQueue, shared } from '../../workspace.js';
import { given } from '../give.js';
import { IconButton } from '../icon.js';
import { Due } from '../row.js';
import { Wait } from './tiles.js';

/** @import {Filter, Sort, Summary} from '../../../sdk/types/protocol.js' */
/** @typedef {{key: string, name: string, filter: Filter, sort: Sort}} Choice */

const ROWS = 15;

/** What can be listed: by waiting, by promise, and what was saved by oneself or for all. @returns {Choice[]} */
function choices() {
  const kept = ['waiting', 'unclaimed', ...(features.value.has('sla') ? ['risk', 'late'] : [])].map(
    (name) => {
      const { filter: all, sort } = viewOf(name);
      // As the figures count it: what is pending or resolved waits for nobody. Who does not wait comes last.
      /** @type {Filter} */
      const filter = name === 'waiting' ? { status: ['new', 'open'] } : all;
      return {
        key: name,
        name: t(name),
        filter,
        sort: name === 'unclaimed' ? /** @type {Sort} */ ('waiting') : sort,
      };
    },
  );
  const mine = prefs.value.saved.map((it) => ({
    key: `saved:${it.name}`,
    name: it.name,
    filter: filterOf(it),
    sort: it.sort ?? viewOf(it.base).sort,
  }));
  const others = shared.value.map(({ name, filter, sort }) => ({
    key: `shared:${name}`,
    name,
    filter,
    sort,
  }));
  return [...kept, ...mine, ...others];
}

export function Waiting() {
  const all = choices();
  const choice = all.find((it) => it.key === prefs.value.wall.list) ?? all[0];
  const rows = useSignal(/** @type {Summary[] | null} */ (null));
  const total = useSignal(0);
  const asked = JSON.stringify([choice.filter, choice.sort]);
  useEffect(() => {
    const view = client.peek()?.openView({ filter: choice.filter, sort: choice.sort, limit: ROWS });
    view?.on('change', () => {
      rows.value = choice.key === 'waiting' ? view.rows.filter((it) => it.waiting_since) : view.rows;
      total.value = view.total;
    });
    return () => view?.close();
  }, [client.value, me.value, asked]);
  return html`
    <section class="card longest" aria-labelledby="wall-waiting">
      <header>
        <h2 id="wall-waiting" class="sr">${choice.name}</h2>
        <label><span class="sr">${t('wall_list')}</span>
          <select value=${choice.key} onChange=${(/** @type {any} */ event) => preferWall({ list: event.currentTarget.value })}>
            ${all.map((it) => html`<option value=${it.key}>${it.name}</option>`)}</select></label>
        ${choice.key !== 'waiting' && html`<span class="faint">${total.value}</span>`}
      </header>
      <ol>${rows.value?.map((it) => html`<${Item} key=${it.id} it=${it} />`)}</ol>
      ${rows.value?.length === 0 && html`<p class="faint">${t('none_here')}</p>`}
    </section>`;
}

/** @param {{it: Summary}} props */
function Item({ it }) {
  const { id, customer, queue, waiting_since: waits, claim, assignee } = it;
  const since = useSignal(waits);
  useLayoutEffect(() => {
    since.value = waits;
  }, [waits]);
  const handOver = () => {
    given.summary = it;
    ask('give', [id]);
  };
  const who = claim
    ? nameOf(claim.agent)
    : assignee
      ? t('for_name', { name: nameOf(assignee) })
      : t('nobody');
  return useMemo(
    () => html`
    <li class=${route.value.id === id ? 'long here' : 'long'} data-id=${id} draggable="true"
      onDragStart=${(/** @type {DragEvent} */ event) => {
        held.summary = it;
        event.dataTransfer?.setData('text/plain', customer.name);
      }} onDragEnd=${() => {
        held.summary = null;
      }}>
      <button type="button" class="long-look" data-act="look" onClick=${() => go({ id }, !route.peek().id)}>
        <span class="row-line"><span class="row-name" dir="auto">${customer.name}</span><span class="end"><${Wait} since=${since} /></span></span>
        <span class="row-line faint"><span class="cut" dir="auto">${nameOfQueue(queue)} · ${who}</span><span class="end"><${Due} summary=${it} /></span></span>
      </button>
      <${IconButton} name="hand" label=${t('give_title', { name: customer.name })} data-act="give" onClick=${handOver} />
    </li>`,
    [it, route.value.id === id, who],
  );
}
