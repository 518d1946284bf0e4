//! A dialog over the page: the browser keeps the focus in it, Escape closes it, and the focus returns to where it was.

import { html, useLayoutEffect, useRef } from '../lib.js';
import { dialog } from '../store.js';
import { t } from '../strings.js';
import { IconButton } from './icon.js';

export const close = () => {
  dialog.value = null;
};

/** @param {{title: string, wide?: boolean, plain?: boolean, children?: unknown}} props `plain`: without a head of its own. */
export function Modal({ title, wide = false, plain = false, children }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const own = useRef(dialog.peek());
  // Its event comes late: another dialog may be open by then.
  const closed = () => dialog.peek() === own.current && close();
  // Before the next key can be pressed: it is for the dialog.
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const it = box.current;
    it?.showModal();
    const first = /** @type {HTMLElement | null} */ (it?.querySelector('[data-first]') ?? null);
    first?.focus();
    return () => {
      it?.close();
      if (before?.isConnected && before !== document.body) before.focus();
      else document.getElementById('conversation')?.focus();
    };
  }, []);
  const outside = (/** @type {MouseEvent} */ event) => event.target === box.current && close();
  return html`
    <dialog ref=${box} class=${wide ? 'wide-dialog' : plain ? 'plain' : ''} aria-label=${title} onClose=${closed} onClick=${outside}>
      <div class="dialog-body">
        ${!plain && html`<header><h2>${title}</h2><${IconButton} name="close" label=${t('close')} onClick=${close} /></header>`}
        ${children}
      </div>
    </dialog>`;
}

/** A dialog that is a form: fields, and a button that does it. @param {{title: string, go: string, danger?: boolean, off?: boolean, run(data: FormData): void, children?: unknown}} props */
export function FormModal({ title, go, run, danger = false, off = false, children }) {
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const data = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    close();
    run(data);
  };
  return html`
    <${Modal} title=${title}>
      <form class="stack" onSubmit=${submit}>
        ${children}
        <div class="row-actions right">
          <button type="button" onClick=${close}>${t('cancel')}</button>
          <button type="submit" disabled=${off} class=${danger ? 'primary danger' : 'primary'}>${go}</button>
        </div>
      </form>
    <//>`;
}
