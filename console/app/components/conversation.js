//! The open conversation: its head, who has it, the timeline, the composer, and the details beside them.

import { summaryOf } from '../holder.js';
import { absorbedInto } from '../joined.js';
import { html } from '../lib.js';
import { detailsShown, toggleDetails } from '../panel.js';
import { prefer, prefs } from '../prefs.js';
import { go, route } from '../route.js';
import { isSupervisor } from '../store.js';
import { t } from '../strings.js';
import { silent, talk, talkTick } from '../talk.js';
import { ClaimBar } from './claimbar.js';
import { Composer } from './composer.js';
import { Details } from './details.js';
import { Icon, IconButton } from './icon.js';
import { Due } from './row.js';
import { Timeline } from './timeline.js';

export function Conversation() {
  const it = talkTick.value >= 0 ? talk.value : null;
  if (!it || !route.value.id) return html`<${Nothing} />`;
  if (it.status === 'gone')
    return html`<main id="conversation" class="talk" tabindex="-1"><p class="empty">${t('gone')}</p></main>`;
  const summary = summaryOf(it);
  const beside = route.value.view === 'wall';
  const into = absorbedInto(it);
  if (!summary)
    return html`<main id="conversation" class="talk" tabindex="-1" aria-busy="true"><p class="empty">${t('loading')}</p></main>`;
  return html`
    <main id="conversation" class="talk" tabindex="-1" aria-label=${summary.customer.name} key=${it.id}>
      <header class="talk-head">
        <span class="only-narrow"><${IconButton} name="back" label=${t('back')} onClick=${() => go({ id: null })} /></span>
        <div class="talk-title">
          <h2 dir="auto">${summary.customer.name}</h2>
          <p class="faint cut" dir="auto">${[summary.channel, summary.queue, summary.subject].filter(Boolean).join(' · ')}</p>
        </div>
        <${Due} summary=${summary} long=${!beside} />
        <span class=${`status ${summary.status}`}>${t(`st_${summary.status}`)}</span>
        ${isSupervisor.value && (beside ? html`<span class="silent" title=${t('silent_on')}><${Icon} name="eye-off" /><span class="sr">${t('silent_on')}</span></span>` : html`<${Silent} />`)}
        ${beside ? html`<${IconButton} name="close" label=${t('close_talk')} data-act="close" onClick=${() => go({ id: null })} />` : html`<${IconButton} name="panel" label=${t('details')} aria-pressed=${detailsShown.value} onClick=${toggleDetails} />`}
      </header>
      ${!into && html`<${ClaimBar} talk=${it} summary=${summary} />`}
      <${Timeline} key=${it.id} talk=${it} />
      ${into ? html`<${Absorbed} into=${into} />` : html`<${Composer} key=${`c-${it.id}`} id=${it.id} summary=${summary} />`}
    </main>
    ${detailsShown.value && !beside && html`<${Details} key=${`d-${it.id}`} summary=${summary} />`}`;
}

/** In place of the composer of one that goes on elsewhere. @param {{into: string}} props */
const Absorbed = ({ into }) => html`
  <div class="strip absorbed" role="status" data-part="absorbed">${t('absorbed')}
    <button type="button" data-act="open-survivor" onClick=${() => go({ id: into }, true)}>${t('absorbed_open')}</button></div>`;

const Silent = () => html`
  <button type="button" class="quiet silent" aria-pressed=${silent.value} title=${t('silent')} onClick=${() => prefer({ silent: !prefs.value.silent })}>
    <${Icon} name=${silent.value ? 'eye-off' : 'eye'} /><span class="wide">${t(silent.value ? 'silent_on' : 'silent_off')}</span>
  </button>`;

function Nothing() {
  const { keys, singleKeys } = prefs.value;
  return html`
    <main id="conversation" class="talk nothing" tabindex="-1">
      <${Icon} name="hand" />
      <p>${t('pick')}</p>
      ${
        singleKeys &&
        html`<p class="faint hints">${[
          [[keys.next, keys.previous], 'pick_move'],
          [[keys.claim], 'claim'],
          [[keys.help], 'pick_help'],
        ].map(
          ([pressed, label]) =>
            html`<span>${/** @type {string[]} */ (pressed).map((key) => html`<kbd>${key}</kbd>`)} ${t(String(label))}</span>`,
        )}</p>`
      }
    </main>`;
}
