//! Attachments: references to files elsewhere, shown as links that say where they lead, and added to a reply as such. Nothing
//! of them is loaded here.

import { attach, detach, draft } from '../drafts.js';
import { html, useSignal } from '../lib.js';
import { client } from '../store.js';
import { t } from '../strings.js';
import { refused } from '../toasts.js';
import { Icon, IconButton } from './icon.js';
import { FormModal } from './modal.js';
import { safeLink } from './text.js';

/** @import {Attachment} from '../../sdk/types/protocol.js' */

const KB = 1_000;
/** They turn the order of what follows: a name with them can end in what it does not end in. */
const TURNING = /[\u202A-\u202E\u2066-\u2069\u200E\u200F]/g;
const HTTPS = 'https:\\/\\/.+';
const OTHER = 'application/octet-stream';
/** By the end of a name. @type {Record<string, string>} */
const TYPES = {
  pdf: 'application/pdf',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  svg: 'image/svg+xml',
  mp4: 'video/mp4',
  mp3: 'audio/mpeg',
  txt: 'text/plain',
  csv: 'text/csv',
  html: 'text/html',
  json: 'application/json',
  zip: 'application/zip',
  doc: 'application/msword',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
};

/** @param {number} bytes 0: not known. */
function size(bytes) {
  if (!bytes) return '';
  return bytes > KB * KB ? `${(bytes / KB / KB).toFixed(1)} MB` : `${Math.ceil(bytes / KB)} kB`;
}

/** @param {{file: Attachment, children?: unknown}} props */
export function File({ file, children }) {
  const href = safeLink(file.url);
  const name = file.name.replace(TURNING, '') || t('file');
  const about = [href && new URL(href).host, file.media_type, size(file.size)].filter(Boolean).join(' · ');
  return html`
    <li><${Icon} name="clip" />
      ${href ? html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow"><bdi>${name}</bdi></a>` : html`<bdi>${name}</bdi>`}
      <span class="faint cut">${about}</span>${children}</li>`;
}

/** What goes with the reply that is being written. @param {{id: string, busy: boolean}} props */
export function DraftFiles({ id, busy }) {
  const { files = [] } = draft(id, 'reply');
  if (!files.length) return null;
  return html`
    <ul class="files" aria-label=${t('attachments')}>
      ${files.map(
        (file, at) => html`<${File} file=${file}>
          <${IconButton} name="close" label=${t('detach', { name: file.name })} disabled=${busy} onClick=${() => detach(id, at)} /><//>`,
      )}
    </ul>`;
}

/** What an address says about its file: nothing, unless it is https. @param {string} address */
export function fileAt(address) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url?.protocol !== 'https:' || url.username || url.password) return null;
  const last = url.pathname.split('/').pop() ?? '';
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // Not encoded: it is the name as it is.
  }
  const end = /\.(\w+)$/.exec(last)?.[1].toLowerCase() ?? '';
  return { name: name || url.host, media_type: TYPES[end] ?? OTHER, size: 0, url: url.href };
}

/** @param {{ids: string[]}} props */
export function AttachDialog({ ids: [id] }) {
  const found = useSignal(/** @type {Attachment | null} */ (null));
  const run = (/** @type {FormData} */ data) => {
    const file = fileAt(String(data.get('url')).trim());
    const most = client.peek()?.welcome?.limits.attachments ?? 10;
    if (!file) return refused({ message: t('attach_bad') });
    if ((draft(id, 'reply').files ?? []).length >= most)
      return refused({ message: t('attach_many', { n: most }) });
    attach(id, {
      ...file,
      name: String(data.get('name')).trim() || file.name,
      size: Math.round(Number(data.get('size')) * KB),
    });
  };
  return html`
    <${FormModal} title=${t('attach')} go=${t('attach_go')} run=${run}>
      <p>${t('attach_lead')}</p>
      <label for="attach-url">${t('attach_url')}</label>
      <input id="attach-url" name="url" type="url" required pattern=${HTTPS} maxlength="2048" data-first dir="ltr" autocomplete="off"
        onInput=${(/** @type {any} */ event) => {
          found.value = fileAt(event.currentTarget.value.trim());
        }} />
      <label for="attach-name">${t('attach_name')}</label>
      <input id="attach-name" name="name" maxlength="500" dir="auto" autocomplete="off" placeholder=${found.value?.name ?? ''} />
      <label for="attach-size">${t('attach_size')}</label>
      <input id="attach-size" name="size" type="number" min="0" step="any" inputmode="decimal" />
    <//>`;
}
