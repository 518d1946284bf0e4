//! A button that opens a small menu: arrows move in it, Escape and a press elsewhere close it, and the focus goes back to the
//! button. It lies over everything, so that no box cuts it off.

import { html, useId, useRef, useSignal } from '../lib.js';
import { IconButton } from './icon.js';

/** @typedef {{label: string, more?: string, act?: string, off?: boolean, run(): void}} MenuItem */

const GAP_PX = 4;
const EDGE_PX = 8;
/** @type {Record<string, (at: number, last: number) => number>} */
const STEPS = {
  ArrowDown: (at, last) => (at >= last ? 0 : at + 1),
  ArrowUp: (at, last) => (at <= 0 ? last : at - 1),
  Home: () => 0,
  End: (_at, last) => last,
};

/** Above its button where there is room, else below; always on the screen. @param {HTMLElement} popup @param {HTMLElement} button */
function place(popup, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popup;
  const left = Math.max(EDGE_PX, Math.min(at.right - width, innerWidth - width - EDGE_PX));
  const above = at.top - height - GAP_PX;
  popup.style.left = `${left}px`;
  popup.style.top = `${above >= EDGE_PX ? above : Math.min(at.bottom + GAP_PX, innerHeight - height - EDGE_PX)}px`;
}

/** @param {{name: string, label: string, items: () => MenuItem[], note?: string, disabled?: boolean, class?: string, act?: string}} props `items` is asked when it opens. */
export function Menu({ name, label, items, note, disabled = false, class: kind = '', act }) {
  const popup = useRef(/** @type {HTMLElement | null} */ (null));
  const button = useRef(/** @type {HTMLElement | null} */ (null));
  const shown = useSignal(/** @type {MenuItem[] | null} */ (null));
  const id = useId();
  const all = () =>
    /** @type {HTMLElement[]} */ ([
      ...(popup.current?.querySelectorAll('[role=menuitem]:not(:disabled)') ?? []),
    ]);
  const open = () => {
    shown.value = items();
    requestAnimationFrame(() => {
      if (!popup.current || !button.current) return;
      popup.current.showPopover();
      place(popup.current, button.current);
      all()[0]?.focus();
    });
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Tab') return popup.current?.hidePopover();
    const [list, step] = [all(), STEPS[event.key]];
    // Letters are commands elsewhere: not while a menu is open.
    if (event.key in STEPS || event.key.length === 1) event.stopPropagation();
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    list[step(list.indexOf(/** @type {HTMLElement} */ (document.activeElement)), list.length - 1)]?.focus();
  };
  const choose = (/** @type {MenuItem} */ it) => {
    popup.current?.hidePopover();
    button.current?.focus();
    it.run();
  };
  const toggled = (/** @type {ToggleEvent} */ event) => {
    if (event.newState === 'closed') shown.value = null;
  };
  return html`
    <span class=${`menu ${kind}`} ref=${(/** @type {HTMLElement | null} */ it) => {
      button.current = it?.querySelector('button') ?? null;
    }}>
      <${IconButton} name=${name} label=${label} disabled=${disabled} data-act=${act} aria-haspopup="menu" aria-expanded=${shown.value !== null}
        aria-controls=${shown.value ? id : undefined} onClick=${open} />
      ${
        shown.value &&
        html`<div id=${id} class="menu-list" popover="auto" ref=${popup} onToggle=${toggled} onKeyDown=${keys}>
          <div role="menu" aria-label=${label}>${shown.value.map(
            (it) =>
              html`<button type="button" role="menuitem" tabindex="-1" key=${it.label} disabled=${it.off} data-act=${it.act} onClick=${() => choose(it)}><span>${it.label}</span>${it.more && html`<span class="faint">${it.more}</span>`}</button>`,
          )}</div>
          ${note && html`<p class="faint">${note}</p>`}
        </div>`
      }
    </span>`;
}
