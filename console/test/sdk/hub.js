//! The real program for tests: started on a free port with an empty folder, killed, started again, cleared away.

import { spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { connect } from '../../sdk/index.js';

const PROGRAM = process.env.DIBS_BIN ?? new URL('../../../target/release/dibs', import.meta.url).pathname;
const SECRET = 'secret-of-the-sdk-tests-0123456789abcdef';
const NO_LIMITS = {
  '--commands-per-second': '0',
  '--ingest-per-second': '0',
  '--connections-per-address': '0',
};

/** @param {object} part */
const base64 = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** @param {string} sub @param {Record<string, unknown>} [claims] */
export function makeToken(sub, claims = {}) {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const signed = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ sub, workspace: 'acme', role: 'agent', exp, ...claims })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

export class Hub {
  port = 0;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  /** @type {import('../../sdk/index.js').Client[]} */
  #clients = [];
  #folder = '';
  #args;

  /** @param {string[]} args Further flags. */
  constructor(...args) {
    this.#args = args;
  }

  /** A hub that is ended with the test. @param {import('node:test').TestContext} test @param {string[]} args */
  static async start(test, ...args) {
    const hub = new Hub(...args);
    hub.#folder = await mkdtemp(join(tmpdir(), 'dibs-sdk-'));
    test.after(() => hub.end());
    await hub.begin();
    return hub;
  }

  async begin() {
    const limits = Object.entries(NO_LIMITS).filter(([flag]) => !this.#args.includes(flag));
    const args = [
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--data',
      this.#folder,
      ...limits.flat(),
      ...this.#args,
    ];
    const env = { ...process.env, DIBS_BIN: undefined, DIBS_AUTH_SECRET: SECRET, NO_COLOR: '1' };
    const child = spawn(PROGRAM, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.port = await new Promise((resolve, reject) => {
      let said = '';
      const listen = (/** @type {Buffer} */ chunk) => {
        said += chunk;
        const port = /listening.*127\.0\.0\.1:(\d+)|127\.0\.0\.1:(\d+).*listening/i.exec(said);
        if (port) resolve(Number(port[1] ?? port[2]));
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`the program ended with ${code}: ${said}`)));
    });
  }

  /** Ends it as a power cut would, and waits until it is gone. @param {NodeJS.Signals} [signal] */
  async kill(signal = 'SIGKILL') {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async end() {
    for (const client of this.#clients) client.close();
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /**
   * A client of an agent; through another port where one is given.
   * @param {string} sub
   * @param {{port?: number, claims?: Record<string, unknown>} & Partial<import('../../sdk/index.js').Options>} [more]
   */
  client(sub, { port = this.port, claims, ...more } = {}) {
    const client = connect({
      url: `http://127.0.0.1:${port}/v1/ws`,
      getToken: () => makeToken(sub, claims),
      WebSocket: /** @type {any} */ (WebSocket),
      backoff: { firstMs: 1, mostMs: 20 },
      lostAfterMs: 120_000,
      ...more,
    });
    this.#clients.push(client);
    return client;
  }

  /** Asks over HTTP. @param {string} path @param {{token?: string, body?: object}} [options] @returns {Promise<any>} */
  async http(path, { token = makeToken('reader'), body } = {}) {
    const response = await fetch(`http://127.0.0.1:${this.port}/v1/workspaces/acme${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw Object.assign(new Error(`${path}: ${response.status} ${answer.code}`), answer);
    return answer;
  }

  /**
   * A customer writes. @param {string} text @param {Record<string, unknown>} [more]
   * @returns {Promise<import('../../sdk/types/protocol.js').IngestAnswer>}
   */
  customer(text, { customer = randomUUID(), ...more } = {}) {
    const body = {
      key: randomUUID(),
      channel: 'web',
      customer: { id: customer, name: 'Kim' },
      text,
      ...more,
    };
    return this.http('/messages', { token: makeToken('adapter', { role: 'channel' }), body });
  }

  /** Everything that was stored of a conversation. @param {string} id @returns {Promise<any[]>} */
  async stored(id) {
    const all = [];
    for (let more = true, after = 0; more; after = all.at(-1)?.seq ?? 0) {
      const page = await this.http(`/conversations/${id}/events?limit=200&after=${after}`);
      all.push(...page.entries);
      more = page.more;
    }
    return all;
  }
}
