//! Asks for a token: at the start, or over everything else when the one that there was has ended.

import { html, useEffect, useRef, useSignal } from '../lib.js';
import { signIn, signInAgain } from '../session.js';
import { asking } from '../store.js';
import { t } from '../strings.js';
import { canFetch } from '../tokens.js';

/** @param {{over?: boolean}} props `over` the console, whose drafts stay. */
export function SignIn({ over = false }) {
  const bad = useSignal(false);
  const none = useSignal(false);
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => field.current?.focus(), []);
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const data = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    bad.value = !signIn(String(data.get('token')), data.has('keep'));
  };
  const again = async () => {
    none.value = false;
    none.value = !(await signInAgain());
  };
  const lead = asking.value && asking.value !== 'signin' ? t(`signin_${asking.value}`) : t('signin_lead');
  return html`
    <div class=${over ? 'signin over' : 'signin'}>
      <form class="card" onSubmit=${submit} aria-labelledby="signin-title">
        <img src="/app/mark.svg" alt="" width="40" height="40" />
        <h1 id="signin-title">${t('signin_title')}</h1>
        <p>${lead}</p>
        <label for="signin-token">${t('signin_token')}</label>
        <textarea id="signin-token" name="token" rows="4" required autocomplete="off" spellcheck=${false}
          aria-invalid=${bad.value} aria-describedby="signin-bad" ref=${field}></textarea>
        <p id="signin-bad" class="error" role="alert">${bad.value ? t('signin_bad') : ''}</p>
        <label class="check"><input type="checkbox" name="keep" /> ${t('signin_keep')}</label>
        <button type="submit" class="primary">${t('signin_go')}</button>
        ${canFetch && html`<button type="button" data-act="again" onClick=${again}>${t('signin_again')}</button>`}
        <p class="error" role="alert">${none.value ? t('signin_none') : ''}</p>
      </form>
    </div>`;
}
