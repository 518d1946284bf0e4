//! What a person may choose: theme, alerts, and which key does what.

import { tone } from '../alerts.js';
import { keyedCommands } from '../commands.js';
import { html, useSignal } from '../lib.js';
import { DEFAULT_KEYS, prefer, prefs } from '../prefs.js';
import { go } from '../route.js';
import { signOut } from '../session.js';
import { features } from '../store.js';
import { t } from '../strings.js';
import { close, Modal } from './modal.js';

export function SettingsDialog() {
  const denied = useSignal(false);
  const { theme, singleKeys, notify, sound } = prefs.value;
  const notifications = async (/** @type {boolean} */ on) => {
    const allowed = on && (await globalThis.Notification?.requestPermission()) === 'granted';
    denied.value = on && !allowed;
    prefer({ notify: allowed });
  };
  return html`
    <${Modal} title=${t('settings')} wide>
      <div class="stack">
        <fieldset class="segments"><legend>${t('theme')}</legend>
          ${
            /** @type {const} */ (['system', 'light', 'dark']).map(
              (it) =>
                html`<label key=${it}><input type="radio" name="theme" checked=${theme === it} onChange=${() => prefer({ theme: it })} /><span>${t(`theme_${it}`)}</span></label>`,
            )
          }
        </fieldset>
        <${Check} name="set_notify" on=${notify} set=${notifications} />
        ${denied.value && html`<p class="error" role="alert">${t('set_notify_denied')}</p>`}
        <${Check} name="set_sound" on=${sound} set=${(/** @type {boolean} */ on) => {
          prefer({ sound: on });
          if (on) tone();
        }} />
        <${Check} name="set_keys" on=${singleKeys} set=${(/** @type {boolean} */ on) => prefer({ singleKeys: on })} />
        <p class="faint">${t('set_keys_hint')}</p>
        ${singleKeys && html`<${Keys} />`}
        <div class="row-actions right">${
          features.value.has('settings') &&
          html`<button type="button" data-act="workspace" onClick=${() => {
            close();
            go({ view: 'workspace', id: null }, true);
          }}>${t('workspace')}</button>`
        }<button type="button" onClick=${signOut}>${t('signout')}</button></div>
      </div>
    <//>`;
}

/** @param {{name: string, on: boolean, set(on: boolean): void}} props */
const Check = ({ name, on, set }) => html`
  <label class="check"><input type="checkbox" checked=${on} onChange=${(/** @type {any} */ event) => set(event.currentTarget.checked)} /> ${t(name)}</label>`;

function Keys() {
  const { keys } = prefs.value;
  /** A key that another command has is swapped with it. @param {string} name @param {string} key */
  const change = (name, key) => {
    const other = Object.keys(keys).find((it) => keys[it] === key);
    prefer({ keys: { ...keys, ...(other && { [other]: keys[name] }), [name]: key } });
  };
  return html`
    <dl class="keys">
      ${keyedCommands.map(
        ({ name, label }) => html`<div key=${name}>
          <dt><input class="key" aria-label=${t('set_key_of', { name: label })} value=${keys[name]} maxlength="1" readOnly
            onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
              if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.key === ' ') return;
              event.preventDefault();
              event.stopPropagation();
              change(name, event.key);
            }} /></dt><dd>${label}</dd></div>`,
      )}
    </dl>
    <div class="row-actions"><button type="button" onClick=${() => prefer({ keys: { ...DEFAULT_KEYS } })}>${t('set_reset')}</button></div>`;
}
