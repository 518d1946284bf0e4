//! Takes the token out of the address before anything else runs, so that it is in no history, no copied link and no referrer.

const PREFIX = '#token=';

/** @returns {string | null} */
function take() {
  if (!location.hash.startsWith(PREFIX)) return null;
  const token = location.hash.slice(PREFIX.length);
  history.replaceState(null, '', location.pathname);
  return decodeURIComponent(token);
}

/** The token that the page was opened with. */
export const handed = take();

/** Tells of a token that is put into the address of an open page. @param {(token: string) => void} listener */
export function onHanded(listener) {
  addEventListener('hashchange', () => {
    const token = take();
    if (token) listener(token);
  });
}
