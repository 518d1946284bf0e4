//! What axe says of a page.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Serious and critical findings. @param {import('playwright-core').Page} page @returns {Promise<string[]>} */
export async function findings(page) {
  // Put in from outside: the page's own policy lets no script in.
  const results = await page.evaluate(
    `(() => { const module = undefined, define = undefined; ${AXE}; return axe.run(document); })()`,
  );
  return /** @type {any} */ (results).violations
    .filter((/** @type {any} */ it) => it.impact === 'serious' || it.impact === 'critical')
    .map(
      (/** @type {any} */ it) =>
        `${it.id}: ${it.nodes.map((/** @type {any} */ node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join('\n')}`,
    );
}
