//! A world for a test: a real hub on a free port that can be killed and comes back, the console before it, Chromium, people
//! with tokens, and customers who write. Everything that it makes is gone after `end`.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from '../serve.js';

const PROGRAM =
  process.env.DIBS_BIN ?? fileURLToPath(new URL('../../../target/release/dibs', import.meta.url));
const SECRET = 'a-secret-of-tests-that-is-long-enough-0123456789';
const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** Far more than anything here takes, on a machine that is busy. */
const PATIENCE_MS = 30_000;
/** How often a channel that is too fast repeats a message. */
const TRIES = 200;
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];

/** @typedef {import('playwright-core').Page} Page */

/** @param {string} data @param {string[]} more Further flags. @returns {Promise<{address: string, process: import('node:child_process').ChildProcess}>} */
async function startHub(data, more) {
  const args = [
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--data',
    data,
    '--auth-secret',
    SECRET,
    '--connections-per-address',
    '200',
    '--commands-per-second',
    '0',
    '--ingest-per-second',
    '0',
    ...more,
  ];
  const env = { ...process.env, DIBS_BIN: undefined, DIBS_LONG: undefined };
  const child = spawn(PROGRAM, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const address = await new Promise((resolve, reject) => {
    let said = '';
    const hear = (/** @type {Buffer} */ text) => {
      said += text;
      const found = /127\.0\.0\.1:([1-9]\d+)/.exec(said);
      if (found) resolve(found[0]);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('exit', () => reject(new Error(`the hub ended: ${said}`)));
  });
  return { address, process: child };
}

export class World {
  /** @type {string[]} */
  errors = [];
  #data;
  #args;
  #count = 0;

  /** @param {string} data @param {string[]} args @param {Awaited<ReturnType<typeof startHub>>} hub @param {import('playwright-core').Browser} browser */
  constructor(data, args, hub, browser) {
    this.#data = data;
    this.#args = args;
    this.hub = hub;
    this.browser = browser;
    /** @type {import('node:http').Server | undefined} */
    this.server = undefined;
  }

  /** The console is served from the folder, so that its address outlives the hub. @param {...string} args Further flags of the hub. */
  static async begin(...args) {
    const world = await World.alone(...args);
    world.server = await serve(() => world.hub.address);
    return world;
  }

  /** The console is the one in the program. @param {...string} args Further flags of the hub. */
  static async alone(...args) {
    const data = mkdtempSync(join(tmpdir(), 'dibs-console-'));
    const browser = await chromium.launch({ executablePath: BROWSER, args: ARGS });
    return new World(data, args, await startHub(data, args), browser);
  }

  get url() {
    const address = /** @type {import('node:net').AddressInfo | null} */ (this.server?.address() ?? null);
    return `http://${address ? `127.0.0.1:${address.port}` : this.hub.address}/`;
  }

  /** @param {string} agent @param {...string} more Flags of `dibs token`. */
  token(agent, ...more) {
    const args = ['token', '--workspace', 'acme', '--agent', agent, '--auth-secret', SECRET, ...more];
    return execFileSync(PROGRAM, args).toString().trim();
  }

  /** A page whose faults are noted. @param {string} who @param {object} [options] @returns {Promise<Page>} */
  async page(who, options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1400, height: 860 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.errors.push(`${who}: ${error.stack}`));
    page.on('console', (said) => {
      if (said.type() === 'error' && !/WebSocket|502|ERR_/.test(said.text()))
        this.errors.push(`${who}: ${said.text()}`);
    });
    return page;
  }

  /** Somebody with a window of their own. @param {string} agent @param {{role?: string, view?: string, options?: object, team?: string, ttl?: string}} [more] @returns {Promise<Page>} */
  async seat(agent, { role = 'agent', view = 'unclaimed', options = {}, team, ttl } = {}) {
    const page = await this.page(agent, options);
    const name = agent[0].toUpperCase() + agent.slice(1);
    const token = this.token(
      agent,
      '--name',
      name,
      '--role',
      role,
      ...(team ? ['--team', team] : []),
      ...(ttl ? ['--ttl', ttl] : []),
    );
    await page.goto(`${this.url}#token=${token}`);
    await page.locator('.sidebar').waitFor();
    if (view !== 'unclaimed') await page.click(`[data-view=${view}]`);
    return page;
  }

  /** A customer writes; → the conversation's id. @param {string} text @param {object} [more] */
  async write(text, more = {}) {
    this.#adapter ??= this.token('web-form', '--role', 'channel');
    const n = ++this.#count;
    const body = {
      key: `k${n}`,
      channel: 'web',
      customer: { id: `c${n}`, name: `Customer ${n}` },
      text,
      ...more,
    };
    for (let tries = 0; ; tries += 1) {
      const answer = await fetch(`http://${this.hub.address}/v1/workspaces/acme/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#adapter}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const got = await answer.json();
      if (answer.ok) return got.conversation;
      if (got.code !== 'rate_limited' || tries === TRIES) throw new Error(JSON.stringify(got));
      await new Promise((later) => setTimeout(later, got.retry_after_ms * (1 + Math.random())));
    }
  }
  /** @type {string | undefined} */
  #adapter;

  /** What the workspace has set from now on: all of it. @param {object} settings */
  async set(settings) {
    const answer = await fetch(`http://${this.hub.address}/v1/workspaces/acme/settings`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${this.token('ada', '--role', 'admin')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ settings }),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** The hub dies at once, and the kernel closes its sockets. */
  async kill() {
    const gone = new Promise((resolve) => this.hub.process.removeAllListeners('exit').on('exit', resolve));
    this.hub.process.kill('SIGKILL');
    await gone;
  }

  async revive() {
    this.hub = await startHub(this.#data, this.#args);
  }

  async end() {
    await this.browser?.close();
    this.server?.closeAllConnections();
    this.server?.close();
    await this.kill();
    rmSync(this.#data, { recursive: true, force: true });
  }
}

/** Opens a conversation by its row. @param {Page} page @param {string} id */
export async function open(page, id) {
  await page.click(`#row-${id}`);
  await page.locator('.claimbar').waitFor();
}

/** @param {Page} page @param {string} text */
export const sees = (page, text) => page.getByText(text).first().waitFor();
