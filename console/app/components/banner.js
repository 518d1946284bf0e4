//! How the connection is, whenever it is not well; and that a session is about to end.

import { html, useSignal } from '../lib.js';
import { asking, client, link, me } from '../store.js';
import { t } from '../strings.js';
import { SignIn } from './signin.js';

export function Banner() {
  const renewing = useSignal(false);
  const { state } = link.value;
  if (asking.value === 'expiring')
    return html`
      <div class="banner warn" role="alert">
        <span>${t('signin_expiring')}</span>
        <button type="button" class="quiet" onClick=${() => {
          renewing.value = !renewing.value;
        }}>${t('renew')}</button>
      </div>
      ${renewing.value && html`<${SignIn} over />`}`;
  if (!me.value || state === 'connected') return html`<div class="banner-none" role="status"></div>`;
  const bad = state === 'lost' || state === 'closed';
  return html`
    <div class=${bad ? 'banner bad' : 'banner warn'} role=${bad ? 'alert' : 'status'}>
      <span>${t(state)}</span>
      ${state !== 'closed' && html`<button type="button" class="quiet" onClick=${() => client.value?.retry()}>${t('retry')}</button>`}
    </div>`;
}
