//! The list: only the rows in sight are in the page, whatever its length, and the windows of the live view follow the scroll.

import { focusList } from '../focus.js';
import { cx, html, useLayoutEffect, useRef, useSignal } from '../lib.js';
import { chosenSort, cursor, pages, selection, sight, sort, sorts, step, toggle } from '../list.js';
import { prefs } from '../prefs.js';
import { go, queue, route, search } from '../route.js';
import { ask } from '../store.js';
import { t } from '../strings.js';
import { BulkBar } from './bulk.js';
import { Icon, IconButton } from './icon.js';
import { Row } from './row.js';

const ROW_PX = 84;
const OVER = 6;

export function List() {
  const total = pages.value?.tick.value !== undefined ? pages.value.total : 0;
  const { view } = route.value;
  return html`
    <header class="list-head">
      <h1>${t(view)} <span class="faint">${total}</span></h1>
      <label class="sort"><span class="sr">${t('sort')}</span>
        <select value=${sort.value} onChange=${(/** @type {any} */ event) => {
          chosenSort.value = { ...chosenSort.value, [view]: event.currentTarget.value };
        }}>${sorts.value.map((it) => html`<option value=${it}>${t(`sort_${it}`)}</option>`)}</select>
      </label>
      <${IconButton} name="check" label=${t(selection.value ? 'select_done' : 'select')} aria-pressed=${Boolean(selection.value)}
        onClick=${() => {
          selection.value = selection.value ? null : new Set();
        }} />
    </header>
    <${Search} />
    ${selection.value && html`<${BulkBar} />`}
    <${Grid} />`;
}

function Search() {
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Escape') search.value = '';
    if (event.key === 'Enter') focusList();
  };
  return html`
    <div class="search">
      <${Icon} name="search" />
      <input id="list-search" type="search" aria-label=${t('search')} placeholder=${t('search_hint')} value=${search.value} dir="auto"
        onInput=${(/** @type {any} */ event) => {
          search.value = event.currentTarget.value;
        }} onKeyDown=${keys} />
      ${(search.value.trim() || queue.value) && html`<${IconButton} name="save" label=${t('save_view')} data-act="save-view" onClick=${() => ask('saveView')} />`}
    </div>
    ${
      queue.value &&
      html`<button type="button" class="chip filter" onClick=${() => {
        queue.value = null;
      }}>${t('clear_queue', { queue: queue.value })}<${Icon} name="close" /></button>`
    }`;
}

/** @param {number} total @returns {string} */
function nothing(total) {
  if (total) return '';
  if (search.value) return t('none_search', { text: search.value });
  const { view } = route.value;
  if (view === 'mine') return t('none_mine', { key: prefs.value.keys.claim });
  return view === 'unclaimed' ? t('none_unclaimed') : t('none_here');
}

function Grid() {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const top = useSignal(0);
  const height = useSignal(800);
  const list = pages.value;
  const total = list && list.tick.value >= 0 ? list.total : 0;
  const first = Math.max(0, Math.floor(top.value / ROW_PX) - OVER);
  const last = Math.min(total - 1, Math.ceil((top.value + height.value) / ROW_PX) + OVER);
  list?.look(first, Math.max(first, last));
  const at = list?.indexOf(route.value.id) ?? -1;
  if (at >= 0) cursor.index = at;
  useLayoutEffect(() => {
    const grid = box.current;
    if (!grid) return;
    const measure = new ResizeObserver(() => {
      height.value = grid.clientHeight;
    });
    measure.observe(grid);
    sight.show = (index) => {
      const from = index * ROW_PX;
      if (from < grid.scrollTop) grid.scrollTop = from;
      else if (from + ROW_PX > grid.scrollTop + grid.clientHeight)
        grid.scrollTop = from + ROW_PX - grid.clientHeight;
      top.value = grid.scrollTop;
    };
    return () => measure.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0;
    top.value = 0;
  }, [list]);
  const rows = [];
  for (let index = first; index <= last; index += 1)
    rows.push(html`<${Slot} key=${index} index=${index} total=${total} />`);
  const active = at >= first && at <= last ? `row-${route.value.id}` : undefined;
  return html`
    <div id="list-grid" class=${cx('grid', selection.value && 'selecting')} role="grid" tabindex="0" ref=${box} aria-label=${t(route.value.view)}
      aria-rowcount=${total} aria-activedescendant=${active} aria-multiselectable=${Boolean(selection.value)}
      onScroll=${(/** @type {any} */ event) => {
        top.value = event.currentTarget.scrollTop;
      }} onKeyDown=${keys}>
      ${total > 0 && html`<div class="grid-all" role="rowgroup" style=${{ height: `${total * ROW_PX}px` }}>${rows}</div>`}
      ${list?.known && !total && html`<div role="row" class="empty"><div role="gridcell">${nothing(total)}</div></div>`}
      ${!list?.known && html`<div role="row" class="empty"><div role="gridcell">${t('loading')}</div></div>`}
    </div>`;
}

/** @param {{index: number, total: number}} props */
function Slot({ index }) {
  const list = pages.value;
  const summary = list && list.tick.value >= 0 ? list.row(index) : undefined;
  const place = { transform: `translateY(${index * ROW_PX}px)` };
  if (!summary || !list)
    return html`<div class="row gap" role="row" aria-rowindex=${index + 1} style=${place}><div role="gridcell">${t('loading')}</div></div>`;
  return html`<${Row} summary=${summary} activity=${list.activity(summary.id)} index=${index} place=${place.transform} />`;
}

/** Arrows work whether single keys do or not. @param {KeyboardEvent} event */
function keys(event) {
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') step(event.key === 'ArrowDown' ? 1 : -1);
  else if (event.key === 'Enter' && route.value.id) document.getElementById('conversation')?.focus();
  else if (event.key === ' ' && selection.value && route.value.id) toggle(route.value.id);
  else if (event.key === 'Escape' && route.value.id) go({ id: null });
  else return;
  event.preventDefault();
}
