//! What each key does.

import { keyedCommands } from '../commands.js';
import { html } from '../lib.js';
import { prefs } from '../prefs.js';
import { t } from '../strings.js';
import { Modal } from './modal.js';

const FIXED = [
  ['Ctrl K', 'k_palette'],
  ['Ctrl ↵', 'k_send'],
  ['Ctrl ⇧ ↵', 'later'],
  ['Esc', 'k_escape'],
];

export const HelpDialog = () => html`
  <${Modal} title=${t('help')} wide>
    <dl class="keys">
      ${keyedCommands.map(({ name, label }) => html`<div key=${name}><dt><kbd>${prefs.value.keys[name]}</kbd></dt><dd>${label}</dd></div>`)}
      ${FIXED.map(([key, label]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${t(label)}</dd></div>`)}
    </dl>
  <//>`;
