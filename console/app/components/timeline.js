//! What happened, in order: stays at the newest while one is there, keeps its place while one reads further up, and says who
//! has read how far.

import { mayChange } from '../commands.js';
import { movedOf, sourcesOf } from '../joined.js';
import { html, useLayoutEffect, useRef, useSignal } from '../lib.js';
import { ask, me, nameOf } from '../store.js';
import { t } from '../strings.js';
import { inSight, talkTick } from '../talk.js';
import { day } from '../time.js';
import { refused, toast } from '../toasts.js';
import { Entry, isDrawn } from './entry.js';
import { ScheduledBubble } from './later.js';
import { lazy } from './lazy.js';

/** @import {Conversation} from '../../sdk/conversation.js' */
/** @import {EventEntry} from '../../sdk/types/protocol.js' */
/** @import {MenuItem} from './menu.js' */

const Elsewhere = lazy(async () => (await import('./joined.js')).Elsewhere);

const NEAR_PX = 60;

/** @param {{talk: Conversation}} props */
export function Timeline({ talk }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const place = useRef({ atEnd: true, height: 0, top: 0, first: 0 });
  const atEnd = useSignal(true);
  const version = talkTick.value;
  useLayoutEffect(() => {
    const it = box.current;
    if (!it) return;
    const { current } = place;
    const first = talk.entries[0]?.seq ?? 0;
    if (current.atEnd) it.scrollTop = it.scrollHeight;
    else if (first < current.first) it.scrollTop = current.top + it.scrollHeight - current.height;
    Object.assign(current, { height: it.scrollHeight, top: it.scrollTop, first });
    if (current.atEnd) inSight();
  }, [version]);
  useLayoutEffect(() => {
    const it = box.current;
    if (!it) return;
    const keep = new ResizeObserver(() => {
      if (place.current.atEnd) it.scrollTop = it.scrollHeight;
    });
    for (const part of [it, it.firstElementChild]) if (part) keep.observe(part);
    return () => keep.disconnect();
  }, []);
  useLayoutEffect(() => {
    const back = () => place.current.atEnd && inSight();
    document.addEventListener('visibilitychange', back);
    return () => document.removeEventListener('visibilitychange', back);
  }, []);
  const scrolled = (/** @type {any} */ event) => {
    const it = event.currentTarget;
    const { current } = place;
    const near = it.scrollHeight - it.scrollTop - it.clientHeight < NEAR_PX;
    // What comes, or takes room, moves the end away from who is there: only going up is leaving it.
    const end = near || (current.atEnd && it.scrollTop >= current.top);
    Object.assign(current, { atEnd: end, top: it.scrollTop, height: it.scrollHeight });
    atEnd.value = end;
    if (end) inSight();
  };
  const toEnd = () => {
    place.current.atEnd = atEnd.value = true;
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };
  return html`
    <div class="timeline-box">
      <div class="timeline" role="log" aria-label=${t('timeline')} tabindex="0" ref=${box} onScroll=${scrolled}>
        <div class="entries">
          ${talk.more && html`<button type="button" class="quiet earlier" onClick=${() => talk.older().catch(refused)}>${t('earlier')}</button>`}
          ${rows(talk)}
        </div>
      </div>
      ${!atEnd.value && html`<button type="button" class="to-end" onClick=${toEnd}>${t('jump')}</button>`}
    </div>`;
}

/** Entries with a line for each day, and under the last one that somebody has read their name. @param {Conversation} talk */
function rows(talk) {
  const deliveries = new Map();
  const ends = scheduleEnds(talk);
  const moved = movedOf(talk);
  for (const { event } of talk.entries)
    if (event.kind === 'message_delivery' && 'state' in event) deliveries.set(event.message, event);
  const drawn = talk.entries.filter(isDrawn);
  const seen = readers(talk, drawn);
  const customer = talk.summary?.customer ?? { id: '', name: '' };
  let last = '';
  return drawn.flatMap((entry) => {
    const date = day(entry.at);
    const message =
      'message' in entry.event && typeof entry.event.message === 'object' ? entry.event.message.id : '';
    const end = ends.get(message);
    const parts = [
      entry.event.kind === 'reply_scheduled' && 'message' in entry.event && end !== 'sent'
        ? html`<${ScheduledBubble} key=${entry.seq} id=${talk.id} it=${entry.event} dropped=${end !== undefined} />`
        : html`<${Entry} key=${entry.seq} entry=${entry} customer=${customer} delivery=${deliveries.get(message)} moved=${moved.get(message)} menu=${message ? () => messageMenu(talk, entry, message) : undefined} />`,
      ...sourcesOf(entry.event).map(
        ({ from, messages }) =>
          html`<${Elsewhere} key=${`e${entry.seq}-${from}`} from=${from} messages=${messages} customer=${customer} />`,
      ),
    ];
    if (date !== last) parts.unshift(html`<h3 class="day" key=${`d${entry.seq}`}>${date}</h3>`);
    const names = seen.get(entry.seq);
    if (names)
      parts.push(
        html`<p class="seen" key=${`s${entry.seq}`}>${t('seen_by', { names: names.join(', ') })}</p>`,
      );
    last = date;
    return parts;
  });
}

/** What can be done with a message. @param {Conversation} talk @param {EventEntry} entry @param {string} message @returns {MenuItem[]} */
function messageMenu(talk, { event }, message) {
  const text = 'message' in event && typeof event.message === 'object' ? event.message.text : '';
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast(t('copied'));
    } catch (error) {
      refused(error);
    }
  };
  const splits = mayChange() && talk.summary?.status !== 'closed' && !movedOf(talk).has(message);
  return [
    { label: t('copy'), act: 'copy', run: () => void copy() },
    ...(splits
      ? [{ label: t('split_menu'), act: 'split', run: () => ask('split', [talk.id, message]) }]
      : []),
  ];
}

/** What became of scheduled replies: `sent`, or why not. @param {Conversation} talk @returns {Map<string, string>} */
function scheduleEnds(talk) {
  const ends = new Map();
  for (const { event } of talk.entries)
    if (event.kind === 'schedule_dropped' && 'reason' in event) ends.set(event.message, event.reason);
    else if (event.kind === 'message_sent' && 'message' in event) ends.set(event.message.id, 'sent');
  return ends;
}

/** @param {Conversation} talk @param {{seq: number}[]} drawn @returns {Map<number, string[]>} */
function readers(talk, drawn) {
  const found = new Map();
  for (const [agent, upTo] of talk.marks) {
    if (agent === me.value?.id) continue;
    const at = drawn.findLast((it) => it.seq <= upTo)?.seq;
    if (at) found.set(at, [...(found.get(at) ?? []), nameOf(agent)]);
  }
  return found;
}
