//! Where tokens come from besides the person: the address that the hub's page names (`--console-token-url`), asked with the
//! browser's own cookies. Without one, only the person brings them.

const ADDRESS = /** @type {HTMLMetaElement | null} */ (document.querySelector('meta[name=dibs-token-url]'))
  ?.content;
const WITHIN_MS = 15_000;

/** Whether there is such an address. */
export const canFetch = Boolean(ADDRESS);

/** What a token says, without believing it. @param {string} text @returns {{sub?: string, workspace?: string, exp?: number} | null} */
export function claimsOf(text) {
  try {
    return JSON.parse(atob(text.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
  } catch {
    return null;
  }
}

/** The token in an answer: alone, or as the `token` of an object. @param {string} text */
function tokenIn(text) {
  try {
    return String(JSON.parse(text).token).trim();
  } catch {
    return text.trim();
  }
}

/**
 * A fresh token, or null when there is none for this person (any more). Rejected while the address cannot be reached: that is
 * tried again.
 * @returns {Promise<string | null>}
 */
export async function fetchToken() {
  if (!ADDRESS) return null;
  const answer = await fetch(ADDRESS, {
    credentials: 'include',
    cache: 'no-store',
    signal: AbortSignal.timeout(WITHIN_MS),
  });
  if (answer.status >= 500 || answer.status === 429) throw new Error(`tokens: ${answer.status}`);
  const token = answer.ok ? tokenIn(await answer.text()) : '';
  return claimsOf(token) ? token : null;
}
