//! A wall that nobody sits at: the screen stays on, and a session that has ended comes back by itself as soon as the place
//! where tokens are fetched gives one.

import { signInAgain } from '../session.js';
import { asking, link } from '../store.js';
import { canFetch } from '../tokens.js';

const AGAIN_MS = 30_000;

/** Until the answer is called. */
export function keepUp() {
  const timer = setInterval(() => {
    const over = asking.peek() !== null || link.peek().state === 'closed';
    if (over && canFetch) void signInAgain();
  }, AGAIN_MS);
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  const stayOn = async () => {
    if (document.hidden) return;
    // Refused where there is no such thing, or the battery is low: the screen may then go off.
    lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null;
  };
  document.addEventListener('visibilitychange', stayOn);
  void stayOn();
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', stayOn);
    void lock?.release();
  };
}
