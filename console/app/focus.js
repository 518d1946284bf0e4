//! Where the keyboard goes: parts of the page by their ids, found when they are needed.

/** After the next drawing: what is asked for may not be there yet. @param {string} id */
export function focusOn(id) {
  requestAnimationFrame(() => document.getElementById(id)?.focus());
}

export const focusComposer = () => focusOn('composer-text');
export const focusSearch = () => focusOn('list-search');

/** Out of a field, at once: the next key is for the page. */
export function focusList() {
  const list = document.getElementById('list-grid');
  if (list) list.focus();
  else if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

/** Whether keys are for what is written there. @param {EventTarget | null} target */
export const isField = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
