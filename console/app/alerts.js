//! What calls for attention when one is not looking: toasts, the number in the title, and, when asked for, notifications of
//! the desktop and a sound.

import { effect } from './lib.js';
import { prefs } from './prefs.js';
import { go, route } from './route.js';
import { me, nameOf, offers, unread } from './store.js';
import { t } from './strings.js';
import { lostClaim } from './talk.js';
import { toast } from './toasts.js';

/** @import {Client} from '../sdk/client.js' */

const TONE_S = 0.12;
/** @type {AudioContext | null} */
let audio = null;

/** A short tone, made here: no file to load. */
export function tone() {
  try {
    audio ??= new AudioContext();
    const from = audio.currentTime;
    const [wave, level] = [audio.createOscillator(), audio.createGain()];
    wave.frequency.setValueAtTime(660, from);
    wave.frequency.setValueAtTime(880, from + TONE_S / 2);
    level.gain.setValueAtTime(0.06, from);
    level.gain.exponentialRampToValueAtTime(0.001, from + TONE_S * 2);
    wave.connect(level).connect(audio.destination);
    wave.start(from);
    wave.stop(from + TONE_S * 2);
  } catch {
    // A browser without sound.
  }
}

/** @param {string} text @param {string} more @param {string} id */
function alert(text, more, id) {
  if (prefs.value.sound) tone();
  if (!prefs.value.notify || !document.hidden || globalThis.Notification?.permission !== 'granted') return;
  const note = new Notification(text, { body: more, tag: id });
  note.onclick = () => {
    focus();
    go({ id }, true);
    note.close();
  };
}

/** @param {Client} dibs */
export function feedAlerts(dibs) {
  const open = (/** @type {string} */ id) => ({ label: t('open'), run: () => go({ id }, true) });
  dibs.on('mention', ({ by, excerpt, conversation }) => {
    const text = t('mention_by', { name: nameOf(by) });
    toast(text, { more: excerpt, act: open(conversation) });
    alert(text, excerpt, conversation);
  });
  dibs.on('offer', ({ from, note, conversation, summary }) => {
    alert(t('offer_from', { name: nameOf(from), customer: summary.customer.name }), note ?? '', conversation);
  });
  dibs.on('claim_lost', ({ conversation, by, reason }) => {
    const mine = by === me.value?.id || /^(release|resolved|snoozed|merged)$/.test(reason);
    if (mine) return;
    lostClaim(conversation, by, reason);
    const text = by ? t('claim_lost_toast', { name: nameOf(by) }) : t('claim_expired_toast');
    if (route.value.id !== conversation) toast(text, { tone: 'bad', act: open(conversation) });
    alert(text, '', conversation);
  });
}

effect(() => {
  const count = unread.value + offers.value.size;
  document.title = count ? `(${count}) ${t('product')}` : t('product');
});
