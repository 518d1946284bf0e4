import type { GetToken } from './index.js';
/**
 * A `getToken` that asks yours only when no tab has a fresh token of the same person and workspace.
 * @param {GetToken} getToken
 * @param {Pick<BroadcastChannel, 'postMessage' | 'onmessage'>} channel
 * @returns {GetToken}
 */
export declare function sharedToken(getToken: GetToken, channel: Pick<BroadcastChannel, 'postMessage' | 'onmessage'>): GetToken;
