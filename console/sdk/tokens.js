//! One token for all tabs of a person: nothing else is shared between them.

/** @import {GetToken} from './index.js' */

/** What a JWT says; nothing when it is none. @param {string} token @returns {{sub?: string, workspace?: string, exp?: number}} */
const claims = (token) => {
  try {
    return JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
  } catch {
    return {};
  }
};

/**
 * A `getToken` that asks yours only when no tab has a fresh token of the same person and workspace.
 * @param {GetToken} getToken
 * @param {Pick<BroadcastChannel, 'postMessage' | 'onmessage'>} channel
 * @returns {GetToken}
 */
export function sharedToken(getToken, channel) {
  let token = '';
  channel.onmessage = ({ data }) => {
    const [mine, theirs] = [claims(token), claims(String(data?.token))];
    const same = theirs.sub && theirs.sub === mine.sub && theirs.workspace === mine.workspace;
    if (same && (theirs.exp ?? 0) > (mine.exp ?? 0)) token = data.token;
  };
  return async (why) => {
    const left = (claims(token).exp ?? 0) - Date.now() / 1000;
    if (why !== 'refused' && left > 90) return token;
    const fresh = await getToken(why);
    token = fresh ?? '';
    if (fresh) channel.postMessage({ token });
    return fresh;
  };
}
