//! What came in while one wrote: shown before the reply may go, which is kept as it is.

import { sendReply } from '../actions.js';
import { draft } from '../drafts.js';
import { focusComposer } from '../focus.js';
import { html, useEffect, useRef, withEntry } from '../lib.js';
import { t } from '../strings.js';
import { guards } from '../talk.js';
import { Entry } from './entry.js';

/** @param {{id: string, guard: import('../talk.js').Guard, customer: import('../../sdk/types/protocol.js').Customer}} props */
export function Guard({ id, guard, customer }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => box.current?.focus(), [guard]);
  const edit = () => {
    guards.value = withEntry(guards.value, id, null);
    focusComposer();
  };
  return html`
    <div class="guard" role="alertdialog" aria-labelledby="guard-title" aria-describedby="guard-lead" tabindex="-1" ref=${box}>
      <h3 id="guard-title">${t('stale_title')}</h3>
      <p id="guard-lead" class="faint">${t('stale_lead')}</p>
      <div class="guard-list" tabindex="0" role="group" aria-label=${t('stale_title')}>${guard.missed.map((entry) => html`<${Entry} key=${entry.seq} entry=${entry} customer=${customer} />`)}</div>
      <div class="row-actions">
        <button type="button" class="primary" data-act="edit" onClick=${edit}>${t('stale_edit')}</button>
        <button type="button" data-act="send-anyway" onClick=${() => sendReply(id, draft(id, 'reply').text.trim(), guard.how)}>${t('stale_send')}</button>
      </div>
    </div>`;
}
