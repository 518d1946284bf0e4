//! The keyboard: one listener for the page. Single keys work outside of fields and dialogs, may be changed, and may be turned
//! off; combinations always work.

import { keyedCommands } from './commands.js';
import { focusList, isField } from './focus.js';
import { prefs } from './prefs.js';
import { ask, dialog } from './store.js';

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.isComposing || event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    return ask('palette');
  }
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.value) return;
  if (isField(event.target)) {
    const { type } = /** @type {HTMLInputElement} */ (event.target);
    if (event.key === 'Escape') focusList();
    if (type !== 'checkbox') return;
  }
  if (!prefs.value.singleKeys) return;
  const command = keyedCommands.find(({ name }) => prefs.value.keys[name] === event.key);
  if (!command?.when()) return;
  event.preventDefault();
  command.run();
}

export const listen = () => addEventListener('keydown', pressed);
