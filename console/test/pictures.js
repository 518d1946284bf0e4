//! Takes the pictures of `docs/images/` from a demo: `node test/pictures.js`. They are looked at before they are committed.

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from './serve.js';

const path = (/** @type {string} */ it) => fileURLToPath(new URL(it, import.meta.url));
const PROGRAM = process.env.DIBS_BIN ?? path('../../target/release/dibs');
const INTO = path('../../docs/images/');
const DEMO = [
  'demo',
  '--listen',
  '127.0.0.1:0',
  '--customers',
  '26',
  '--agents',
  '5',
  '--seed',
  '7',
  '--speed',
  '1.5',
];
const LIVELY_MS = Number(process.env.LIVELY_MS ?? 150_000);
const CHARTED_MS = Number(process.env.CHARTED_MS ?? 120_000);
const SIZE = { width: 1280, height: 760 };

const demo = spawn(PROGRAM, DEMO, { stdio: ['ignore', 'pipe', 'inherit'] });
const [address, you, boss] = await new Promise((known) => {
  let said = '';
  demo.stdout.on('data', (text) => {
    said = (said + text).slice(0, 20_000);
    const tokens = [...said.matchAll(/http:\/\/([\d.:]+)\/#token=(\S+)\n/g)];
    if (tokens.length > 1) known([tokens[0][1], tokens[0][2], tokens[1][2]]);
  });
});
const server = await serve(() => address);
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});

/** @param {string} token @param {object} [options] */
async function seat(token, options = {}) {
  const page = await (await browser.newContext({ viewport: SIZE, ...options })).newPage();
  await page.goto(`http://127.0.0.1:${port}/#token=${token}`);
  await page.locator('.sidebar').waitFor();
  return page;
}

/** @param {import('playwright-core').Page} page @param {string} name */
const picture = (page, name) => page.screenshot({ path: `${INTO}${name}.png` });

/** The conversation with the most said in it that one may call, or null. */
async function talkative() {
  const base = `http://${address}/v1/workspaces/demo/conversations`;
  const get = async (/** @type {string} */ url) =>
    (await fetch(url, { headers: { authorization: `Bearer ${you}` } })).json();
  const filter = encodeURIComponent(JSON.stringify({ claimed: false, status: ['open', 'new'] }));
  const { conversations } = await get(`${base}?filter=${filter}&sort=waiting&limit=50`);
  let best = { score: 0, id: '' };
  for (const { id } of conversations) {
    const { entries } = await get(`${base}/${id}/events?limit=50`);
    const score = entries.filter((/** @type {any} */ it) => /^message_(sent|rec)/.test(it.event.kind)).length;
    if (score > best.score) best = { score, id };
  }
  return best.id;
}

try {
  mkdirSync(INTO, { recursive: true });
  const [agent, supervisor] = [await seat(you), await seat(boss)];
  await agent.waitForTimeout(LIVELY_MS); // Nothing is tested here: a team shall have had time to work.
  const id = await talkative();
  await agent.evaluate((it) => {
    location.hash = `#/waiting/${it}`;
  }, id);
  await agent.locator('.claimbar').waitFor();
  await agent.locator('[data-act=claim], [data-act=take_over]').first().click();
  await supervisor.evaluate((it) => {
    location.hash = `#/all/${it}`;
  }, id);
  await supervisor.click('#tab-note');
  await supervisor
    .getByRole('textbox', { name: 'Note' })
    .fill('@you a replacement is fine, no need to ask me.');
  await supervisor.keyboard.press('Control+Enter');
  await agent.locator('.note-entry').waitFor();
  await agent.waitForTimeout(7_000); // Until the message about the mention has gone.
  await agent.fill('#composer-text', 'You are welcome. One more thing: ');
  await supervisor.getByRole('textbox', { name: 'Note' }).pressSequentially('And ');
  await agent.locator('.others.typing').waitFor();
  await picture(agent, 'console-agent');
  await agent.emulateMedia({ colorScheme: 'dark' });
  await picture(agent, 'console-dark');
  await supervisor.setViewportSize({ width: 1600, height: 900 });
  await supervisor.click('[data-view=wall]');
  await supervisor.locator('.queue-tile').nth(1).waitFor();
  await supervisor.waitForTimeout(CHARTED_MS); // Until the charts have something to show.
  await picture(supervisor, 'console-wall');
  await supervisor.setViewportSize(SIZE);
  await supervisor.locator('.long-look').first().dispatchEvent('click');
  await supervisor.locator('.claimbar').waitFor();
  await picture(supervisor, 'console-supervisor');
  const narrow = await seat(you, { viewport: { width: 390, height: 760 } });
  await narrow.evaluate((it) => {
    location.hash = `#/waiting/${it}`;
  }, id);
  await narrow.locator('.note-entry').first().waitFor();
  await narrow.waitForTimeout(500);
  await picture(narrow, 'console-narrow');
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
  demo.kill('SIGINT');
}
