//! Where replies and notes are written. What is written is kept at each key stroke; only the hub's word that it is stored
//! clears it.

import { sendNote, sendReply } from '../actions.js';
import { cleared, draft, keep } from '../drafts.js';
import { html, useLayoutEffect, useRef, useSignal } from '../lib.js';
import { ask, claims, client, features, nameOf, online } from '../store.js';
import { t } from '../strings.js';
import { guards, sending, setTab, tabs, talk } from '../talk.js';
import { canned } from '../workspace.js';
import { DraftFiles } from './files.js';
import { Guard } from './guard.js';
import { Icon, IconButton } from './icon.js';
import { laterItems } from './later.js';
import { candidates, insert, MentionList } from './mention.js';
import { Menu } from './menu.js';

/** @import {Summary} from '../../sdk/types/protocol.js' */

const MOST_PX = 220;

/** @param {{id: string, summary: Summary}} props */
export function Composer({ id, summary }) {
  const tab = tabs.value.get(id) ?? 'reply';
  const guard = guards.value.get(id);
  return html`
    <section class=${`composer ${tab}`} aria-label=${t(tab)}>
      ${guard && tab === 'reply' && html`<${Guard} id=${id} guard=${guard} customer=${summary.customer} />`}
      <div class="tabs" role="tablist">
        ${
          /** @type {const} */ (['reply', 'note']).map(
            (kind) => html`
            <button type="button" role="tab" id=${`tab-${kind}`} aria-selected=${tab === kind} aria-controls="composer-panel"
              tabindex=${tab === kind ? 0 : -1} onClick=${() => setTab(id, kind)} onKeyDown=${(
                /** @type {KeyboardEvent} */ event,
              ) => {
                if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
                const other = kind === 'reply' ? 'note' : 'reply';
                setTab(id, other);
                document.getElementById(`tab-${other}`)?.focus();
              }}><${Icon} name=${kind} />${t(kind)}${draft(id, kind).text && tab !== kind ? html`<span class="draft-mark">${t('draft')}</span>` : ''}</button>`,
          )
        }
      </div>
      <div id="composer-panel" role="tabpanel" aria-labelledby=${`tab-${tab}`}>
        <${Field} key=${tab} id=${id} kind=${tab} summary=${summary} />
      </div>
    </section>`;
}

/** @param {{id: string, kind: 'reply' | 'note', summary: Summary}} props */
function Field({ id, kind, summary }) {
  const area = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const text = useSignal(draft(id, kind).text);
  const completing = useSignal(/** @type {ReturnType<typeof candidates>} */ (null));
  const busy = sending.value.has(`${id}:${kind}`);
  useLayoutEffect(() => {
    const it = area.current;
    if (!it) return;
    it.style.height = 'auto';
    it.style.height = `${Math.min(it.scrollHeight + 2, MOST_PX)}px`;
  }, [text.value]);
  useLayoutEffect(() => {
    text.value = draft(id, kind).text;
  }, [cleared.value]);
  const write = (/** @type {string} */ value) => {
    text.value = value;
    keep(id, kind, value);
    talk.peek()?.typing(Boolean(value), kind);
  };
  const send = async (/** @type {'pending' | 'resolved' | undefined} */ then = undefined) => {
    const said = text.value.trim();
    if (!said || busy || blocked(id, kind, summary)) return;
    area.current?.focus();
    await (kind === 'note' ? sendNote(id, said) : sendReply(id, said, then && { then }));
  };
  const later = () => {
    if (kind === 'reply' && features.value.has('schedule_reply') && !blocked(id, kind, summary))
      ask('later', [id]);
  };
  const complete = (/** @type {string} */ name) => {
    if (!area.current || !completing.value) return;
    const [value, at] = insert(text.value, completing.value, name);
    write(value);
    completing.value = null;
    area.current.value = value;
    area.current.setSelectionRange(at, at);
    area.current.focus();
  };
  return html`
    <div class="field">
      <textarea id="composer-text" ref=${area} rows="2" dir="auto" value=${text.value} readOnly=${busy} maxlength=${client.value?.welcome?.limits.text_bytes}
        aria-label=${t(kind)} placeholder=${kind === 'note' ? t('note_hint') : t('reply_hint', { name: summary.customer.name })}
        aria-controls=${completing.value ? 'mention-list' : undefined} aria-activedescendant=${completing.value ? `mention-${completing.value.at}` : undefined}
        onInput=${(/** @type {any} */ event) => {
          write(event.currentTarget.value);
          completing.value =
            kind === 'note' ? candidates(text.value, event.currentTarget.selectionStart) : null;
        }}
        onBlur=${() => talk.peek()?.typing(false, kind)} onKeyDown=${keys(completing, complete, send, later)}></textarea>
      ${completing.value && html`<${MentionList} found=${completing.value} pick=${complete} />`}
      ${kind === 'reply' && html`<${DraftFiles} id=${id} busy=${busy} />`}
      <${Foot} id=${id} kind=${kind} summary=${summary} empty=${!text.value.trim()} busy=${busy} send=${send} />
    </div>`;
}

/** Whether somebody else has it, so that a reply cannot be sent. @param {string} id @param {string} kind @param {Summary} summary */
const blocked = (id, kind, summary) => kind === 'reply' && Boolean(summary.claim) && !claims.value.has(id);

/** @param {{id: string, kind: 'reply' | 'note', summary: Summary, empty: boolean, busy: boolean, send(then?: 'pending' | 'resolved'): void}} props */
function Foot({ id, kind, summary, empty, busy, send }) {
  const held = blocked(id, kind, summary);
  const off = empty || busy || held || !online.value;
  const label = kind === 'note' ? 'add_note' : claims.value.has(id) || held ? 'send' : 'send_claim';
  return html`
    <div class="field-foot">
      ${kind === 'reply' && html`<${IconButton} name="clip" label=${t('attach')} data-act="attach" disabled=${busy} onClick=${() => ask('attach', [id])} />`}
      ${kind === 'reply' && canned.value.length > 0 && html`<${IconButton} name="text" label=${t('canned')} data-act="canned" disabled=${busy} onClick=${() => ask('canned', [id])} />`}
      <span class="faint cut" role="status">${held ? t('held_hint', { name: nameOf(summary.claim?.agent ?? '') }) : busy ? t('sending') : ''}</span>
      ${
        kind === 'reply' &&
        claims.value.has(id) &&
        html`<button type="button" class="quiet wide" disabled=${off} onClick=${() => send('pending')}>${t('send_pending')}</button>
          <button type="button" class="quiet wide" disabled=${off} onClick=${() => send('resolved')}>${t('send_resolved')}</button>`
      }
      <div class="send">
        <button type="button" class="primary" data-act="send" disabled=${off} onClick=${() => send()}>${t(label)} <kbd aria-hidden="true">Ctrl ↵</kbd></button>
        ${kind === 'reply' && html`<${More} id=${id} summary=${summary} off=${off} send=${send} />`}
      </div>
    </div>`;
}

/** The other ways to send, beside the button that does. @param {{id: string, summary: Summary, off: boolean, send(then?: 'pending' | 'resolved'): void}} props */
function More({ id, summary, off, send }) {
  const can = features.value.has('schedule_reply');
  const items = () => [
    { label: t('send_pending'), act: 'send_pending', run: () => send('pending') },
    { label: t('send_resolved'), act: 'send_resolved', run: () => send('resolved') },
    ...(can ? laterItems(id) : []),
  ];
  const note = can ? `${t('later_lead')}${summary.scheduled ? ` ${t('later_again')}` : ''}` : undefined;
  return html`<${Menu} name="chevron" label=${t('send_more')} act="send-more" class="send-more" disabled=${off} items=${items} note=${note} />`;
}

/** @param {any} completing @param {(name: string) => void} complete @param {() => void} send @param {() => void} later */
function keys(completing, complete, send, later) {
  return (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      return event.shiftKey ? later() : send();
    }
    const found = completing.value;
    if (!found) return;
    const { names, at } = found;
    if (event.key === 'Escape') completing.value = null;
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp')
      completing.value = {
        ...found,
        at: (at + (event.key === 'ArrowDown' ? 1 : names.length - 1)) % names.length,
      };
    else if (event.key === 'Enter' || event.key === 'Tab') complete(names[at].id);
    else return;
    event.preventDefault();
  };
}
