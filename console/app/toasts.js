//! Short messages that come and go, and the refusals of the hub in words.

import { signal } from './lib.js';
import { nameOf } from './store.js';
import { t } from './strings.js';

/** @import {DibsError} from '../sdk/errors.js' */
/** @typedef {{id: number, text: string, tone: 'info' | 'good' | 'bad', more?: string, act?: {label: string, run(): void}}} Toast */

const STAYS_MS = 6_000;
const MOST = 4;
let last = 0;

/** @type {import('./lib.js').Signal<Toast[]>} */
export const toasts = signal([]);

/** @param {string} text @param {Partial<Omit<Toast, 'id' | 'text'>>} [more] */
export function toast(text, more = {}) {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text, tone: more.tone ?? 'info', ...more }].slice(-MOST);
  setTimeout(() => dismiss(id), STAYS_MS);
}

/** @param {number} id */
export const dismiss = (id) => {
  toasts.value = toasts.value.filter((it) => it.id !== id);
};

/** Why it was not done, for a person. @param {unknown} error */
export function why(error) {
  const { code, message, details = {} } = /** @type {DibsError} */ (error);
  if (code === 'already_claimed' && details.holder)
    return t('err_already_claimed', { name: nameOf(details.holder) });
  if (code === 'claim_lost')
    return details.holder ? t('err_claim_lost_to', { name: nameOf(details.holder) }) : t('err_claim_lost');
  if (/^(offline|unknown_outcome|unknown_command)$/.test(code)) return t(`err_${code}`);
  return message || t('err_other');
}

/** @param {unknown} error */
export const refused = (error) => toast(why(error), { tone: 'bad' });
