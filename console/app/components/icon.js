//! One symbol of the sprite, which is in the page itself: a file of its own was asked for again whenever one was drawn. It is decoration: what it stands beside, or its button's label, says the same in words.

import { html } from '../lib.js';

/** @param {{name: string}} props */
export const Icon = ({ name }) =>
  html`<svg class="icon" aria-hidden="true" focusable="false"><use href=${`#i-${name}`} /></svg>`;

/** A button that is only a symbol. @param {{name: string, label: string, [more: string]: unknown}} props */
export const IconButton = ({ name, label, ...more }) =>
  html`<button type="button" class="icon-button" aria-label=${label} title=${label} ...${more}><${Icon} name=${name} /></button>`;
