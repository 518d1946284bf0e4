//! One symbol of the sprite. It is decoration: what it stands beside, or its button's label, says the same in words.

import { html } from '../lib.js';

/** @param {{name: string}} props */
export const Icon = ({ name }) =>
  html`<svg class="icon" aria-hidden="true" focusable="false"><use href=${`/app/icons.svg#${name}`} /></svg>`;

/** A button that is only a symbol. @param {{name: string, label: string, [more: string]: unknown}} props */
export const IconButton = ({ name, label, ...more }) =>
  html`<button type="button" class="icon-button" aria-label=${label} title=${label} ...${more}><${Icon} name=${name} /></button>`;
