//! One conversation in the list: who, on which channel, what was said last, how long they wait, and who is at it.

import { drafted } from '../drafts.js';
import { cx, html } from '../lib.js';
import { selection, toggle } from '../list.js';
import { dueOf } from '../promises.js';
import { go, route } from '../route.js';
import { marks, me, nameOf } from '../store.js';
import { t } from '../strings.js';
import { brief, full, heat, moment, since, until } from '../time.js';
import { Avatar } from './avatar.js';
import { Icon } from './icon.js';

/** @import {ActivityRow, Summary} from '../../sdk/types/protocol.js' */

const TAGS_SHOWN = 2;
const CHANNELS = new Set(['email', 'chat', 'whatsapp', 'instagram', 'web', 'phone', 'sms']);

/** @param {{summary: Summary, activity?: ActivityRow, index: number, place: string}} props */
export function Row({ summary, activity, index, place }) {
  const {
    id,
    customer,
    channel,
    claim,
    last_message: last,
    waiting_since: waits,
    priority,
    subject,
    tags,
  } = summary;
  const here = route.value.id === id;
  const chosen = selection.value?.has(id) ?? false;
  const mine = claim?.agent === me.value?.id;
  const unread = last?.from === 'customer' && last.seq > (marks.value.get(id) ?? 0);
  const press = () => (selection.value ? toggle(id) : go({ id }, !route.value.id));
  return html`
    <div id=${`row-${id}`} class=${cx('row', here && 'here', unread && 'unread', mine && 'mine')} role="row" aria-rowindex=${index + 1}
      aria-selected=${selection.value ? chosen : here} style=${{ transform: place }} onClick=${press}>
      ${
        selection.value &&
        html`<div role="gridcell" class="pick"><input type="checkbox" tabindex="-1" checked=${chosen} aria-label=${t('select_row', { name: customer.name })} /></div>`
      }
      <div role="gridcell" class="row-main">
        <div class="row-line">
          <${Icon} name=${CHANNELS.has(channel) ? channel : 'chat'} /><span class="sr">${channel}</span>
          <span class="row-name" dir="auto">${customer.name}</span>
          ${priority !== 'normal' && html`<span class=${`prio ${priority}`}>${t(`pr_${priority}`)}</span>`}
          ${drafted.value.has(id) && html`<span class="draft-mark">${t('draft')}</span>`}
          <span class="end">${
            waits
              ? html`<time class=${`wait ${heat(waits)}`} datetime=${waits} title=${t('waits', { time: since(waits) })}>${since(waits)}</time>`
              : last && html`<time class="faint" datetime=${last.at}>${brief(last.at)}</time>`
          }</span>
        </div>
        <div class="row-line excerpt" dir="auto">${last && last.from !== 'customer' && html`<${Icon} name="reply" />`}<span class="cut">${subject && html`<b>${subject}</b> `}${last?.excerpt}</span>
          ${summary.unanswered > 1 && html`<span class="count loud end" title=${t('unanswered', { n: summary.unanswered })}>${summary.unanswered}</span>`}</div>
        <div class="row-line foot">
          ${
            claim
              ? html`<span class=${mine ? 'holder mine' : 'holder'} title=${t('held_by', { name: nameOf(claim.agent) })}><${Avatar} id=${claim.agent} name=${nameOf(claim.agent)} small />${mine ? t('you') : nameOf(claim.agent)}</span>`
              : html`<span class="holder none">${t('unclaimed')}</span>`
          }
          ${summary.scheduled && html`<${Later} it=${summary.scheduled} />`}
          <${Due} summary=${summary} />
          ${tags.slice(0, TAGS_SHOWN).map((tag) => html`<span class="tag" dir="auto">${tag}</span>`)}
          ${tags.length > TAGS_SHOWN && html`<span class="tag">+${tags.length - TAGS_SHOWN}</span>`}
          <${Who} activity=${activity} holder=${claim?.agent} />
        </div>
      </div>
    </div>`;
}

/** That a reply waits for its time. @param {{it: NonNullable<Summary['scheduled']>}} props */
function Later({ it }) {
  const text = t('later_row', { name: nameOf(it.agent), time: moment(it.at) });
  return html`<span class="later" title=${text}><${Icon} name="clock" /><span class="sr">${text}</span></span>`;
}

/** What is promised next, and how it stands. @param {{summary: Summary, long?: boolean}} props */
export function Due({ summary, long = false }) {
  const due = dueOf(summary);
  if (!due) return null;
  const text = t(`due_${due.target}`, { time: full(due.at) });
  return html`<time class=${`due ${due.tone}`} datetime=${due.at} title=${text}><${Icon} name="alarm" /><span class="sr">${t(`sla_${due.target}`)} </span>${long && html`<span>${t(`sla_${due.target}`)}</span>`}${until(due.at)}</time>`;
}

/** Who types, else who looks, besides oneself. @param {{activity?: ActivityRow, holder?: string}} props */
function Who({ activity }) {
  const other = (/** @type {string} */ id) => id !== me.value?.id;
  const typing = activity?.typing.filter(other) ?? [];
  const looking = activity?.viewers.filter(other) ?? [];
  if (typing.length) {
    const text = t('typing', { n: typing.length, names: typing.map(nameOf).join(', ') });
    return html`<span class="who typing end" title=${text}><span class="cut">${nameOf(typing[0])}</span><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span><span class="sr">${text}</span></span>`;
  }
  if (!looking.length) return null;
  const text = t('looking', { names: looking.map(nameOf).join(', ') });
  return html`<span class="who end" title=${text}><${Icon} name="eye" />${looking.length}<span class="sr">${text}</span></span>`;
}
