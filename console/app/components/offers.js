//! What one is offered: above the list, until it is answered or ends.

import { answerOffer } from '../actions.js';
import { html } from '../lib.js';
import { go } from '../route.js';
import { nameOf, offers } from '../store.js';
import { t } from '../strings.js';
import { doing } from '../talk.js';
import { clock } from '../time.js';

/** @import {OfferInfo} from '../../sdk/types/protocol.js' */

export const Offers = () =>
  offers.value.size > 0 &&
  html`<ul class="offers" aria-label=${t('transfer')}>
    ${[...offers.value.values()].map((offer) => html`<${One} key=${offer.conversation} offer=${offer} />`)}
  </ul>`;

/** @param {{offer: OfferInfo}} props */
function One({ offer }) {
  const { conversation: id, from, to, note, summary, expires_at } = offer;
  const busy = doing.value.has(id);
  const text = t('team' in to ? 'offer_team' : 'offer_from', {
    name: nameOf(from),
    customer: summary.customer.name,
  });
  const accept = async () => {
    if (await answerOffer(id, true)) go({ id }, true);
  };
  return html`
    <li class="offer">
      <strong dir="auto">${text}</strong>
      ${note && html`<p dir="auto">${note}</p>`}
      <p class="faint" dir="auto">${summary.last_message?.excerpt ?? summary.subject}</p>
      <div class="row-actions">
        <button type="button" class="primary" disabled=${busy} onClick=${accept}>${t('accept')}</button>
        <button type="button" disabled=${busy} onClick=${() => answerOffer(id, false)}>${t('decline')}</button>
        <button type="button" class="quiet" onClick=${() => go({ id }, true)}>${t('open')}</button>
        <time class="faint end" datetime=${expires_at}>${clock(expires_at)}</time>
      </div>
    </li>`;
}
