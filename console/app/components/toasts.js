//! Short messages in the corner, read out by screen readers as they come.

import { html } from '../lib.js';
import { t } from '../strings.js';
import { dismiss, toasts } from '../toasts.js';
import { IconButton } from './icon.js';

export const Toasts = () => html`
  <div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
      ({ id, text, more, tone, act }) => html`
        <div class=${`toast ${tone}`} key=${id}>
          <div class="toast-text"><strong>${text}</strong>${more && html`<span dir="auto">${more}</span>`}</div>
          ${
            act &&
            html`<button type="button" class="quiet" onClick=${() => {
              act.run();
              dismiss(id);
            }}>${act.label}</button>`
          }
          <${IconButton} name="close" label=${t('close')} onClick=${() => dismiss(id)} />
        </div>`,
    )}
  </div>`;
