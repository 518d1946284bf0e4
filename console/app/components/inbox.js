//! The inbox of mentions: newest first, unread ones marked, older ones on demand.

import { cx, html, useSignal, useSignalEffect } from '../lib.js';
import { go, route } from '../route.js';
import { client, nameOf, unread } from '../store.js';
import { t } from '../strings.js';
import { brief } from '../time.js';
import { refused } from '../toasts.js';
import { Avatar } from './avatar.js';

/** @import {MentionRow} from '../../sdk/types/protocol.js' */

const PAGE = 50;

export function MentionInbox() {
  const rows = useSignal(/** @type {MentionRow[] | null} */ (null));
  const more = useSignal(false);
  const load = async (/** @type {number | undefined} */ before = undefined) => {
    try {
      const answer = await client.value?.call('mentions', { limit: PAGE, ...(before && { before }) });
      const got = answer?.mentions ?? [];
      rows.value = before ? [...(rows.value ?? []), ...got] : got;
      more.value = got.length === PAGE;
    } catch (error) {
      refused(error);
    }
  };
  // Whenever one comes or is read elsewhere, the number changes.
  useSignalEffect(() => void (unread.value >= 0 && client.value && load()));
  const read = (/** @type {number} */ seq) =>
    client.value?.call('read_mentions', { up_to: seq }).catch(refused);
  const newest = rows.value?.[0]?.seq;
  return html`
    <header class="list-head">
      <h1>${t('mentions')} <span class="faint">${t('unread', { n: unread.value })}</span></h1>
      <button type="button" disabled=${!unread.value || !newest} onClick=${() => newest && read(newest)}>${t('mark_read')}</button>
    </header>
    <ul class="inbox" tabindex="0" aria-label=${t('mentions')}>
      ${rows.value?.map((row) => html`<${One} key=${row.seq} row=${row} read=${read} />`)}
      ${more.value && html`<li><button type="button" class="quiet" onClick=${() => load(rows.value?.at(-1)?.seq)}>${t('earlier')}</button></li>`}
      ${rows.value?.length === 0 && html`<li class="empty">${t('none_mentions')}</li>`}
    </ul>`;
}

/** @param {{row: MentionRow, read(seq: number): void}} props */
const One = ({ row, read }) => html`
  <li>
    <button type="button" class=${cx('mention', !row.read && 'unread')} aria-current=${route.value.id === row.conversation ? 'true' : undefined}
      onClick=${() => {
        if (!row.read) read(row.seq);
        go({ id: row.conversation }, true);
      }}>
      <${Avatar} id=${row.by} name=${nameOf(row.by)} />
      <span class="mention-text"><b>${t('mention_by', { name: nameOf(row.by) })}</b><span dir="auto">${row.excerpt}</span></span>
      <time class="faint" datetime=${row.at}>${brief(row.at)}</time>
    </button>
  </li>`;
