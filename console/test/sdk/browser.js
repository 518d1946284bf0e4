//! A real browser for tests, spoken to over its own protocol, and a server of static files under a strict policy: only the
//! page's very own script is let in, by its digest.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { WebSocket } from 'ws';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript' };

/** Serves a folder. @param {import('node:test').TestContext} test @param {string} folder @returns {Promise<string>} Its origin. */
export async function serve(test, folder) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://x').pathname);
    if (path === '/favicon.ico') return void response.writeHead(204).end();
    const type = TYPES[/** @type {keyof typeof TYPES} */ (extname(path))];
    const body = type && (await readFile(join(folder, path)).catch(() => undefined));
    if (!body) return void response.writeHead(404).end();
    const script = /<script type="module">([\s\S]*?)<\/script>/.exec(String(body))?.[1] ?? '';
    const digest = createHash('sha256').update(script).digest('base64');
    const policy = `default-src 'self'; script-src 'self' 'sha256-${digest}'; connect-src 'self' ws://127.0.0.1:*; frame-ancestors 'none'`;
    response.writeHead(200, { 'content-type': type, 'content-security-policy': policy }).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
}

/** Opens a page in a browser that is ended with the test. @param {import('node:test').TestContext} test @param {string} url */
export async function openPage(test, url) {
  const folder = await mkdtemp(join(tmpdir(), 'dibs-browser-'));
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--remote-debugging-port=0',
  ];
  const browser = spawn(BROWSER, [...flags, `--user-data-dir=${folder}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = new Promise((resolve) => browser.on('exit', resolve));
  test.after(async () => {
    browser.kill('SIGKILL');
    await gone;
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const port = await new Promise((resolve, reject) => {
    let said = '';
    browser.on('error', reject);
    browser.on('exit', () => reject(new Error(`the browser ended: ${said}`)));
    browser.stderr.on('data', (chunk) => {
      said += chunk;
      const found = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(said);
      if (found) resolve(found[1]);
    });
  });
  const pages = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const target = pages.find((/** @type {any} */ it) => it.type === 'page');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  test.after(() => socket.terminate());
  return new Page(socket).open(url);
}

class Page {
  /** What the page complained about. @type {string[]} */
  complaints = [];
  #lastId = 0;
  /** @type {Map<number, (answer: any) => void>} */
  #waiting = new Map();
  #loaded = () => {};

  /** @param {WebSocket} socket */
  constructor(socket) {
    this.socket = socket;
    socket.on('message', (data) => {
      const { id, method, params, ...answer } = JSON.parse(String(data));
      if (id) this.#waiting.get(id)?.(answer);
      else if (method === 'Page.loadEventFired') this.#loaded();
      else if (method === 'Runtime.exceptionThrown')
        this.complaints.push(params.exceptionDetails.exception?.description);
      else if (method === 'Log.entryAdded' && params.entry.level === 'error')
        this.complaints.push(params.entry.text);
    });
  }

  /** @param {string} method @param {object} [params] @returns {Promise<any>} */
  async #ask(method, params = {}) {
    this.#lastId += 1;
    const id = this.#lastId;
    this.socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await new Promise((resolve) => this.#waiting.set(id, resolve));
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** @param {string} url */
  async open(url) {
    for (const part of ['Page', 'Runtime', 'Log']) await this.#ask(`${part}.enable`);
    const loaded = new Promise((resolve) => {
      this.#loaded = () => resolve(null);
    });
    await this.#ask('Page.navigate', { url });
    await loaded;
    return this;
  }

  /** Runs in the page. @template T @param {(...args: any[]) => T} run @param {any[]} args @returns {Promise<Awaited<T>>} */
  async run(run, ...args) {
    const expression = `(${run})(...${JSON.stringify(args)})`;
    const { result, exceptionDetails } = await this.#ask('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Until an element's text matches: looked at whenever the page changes. @param {string} selector @param {string} pattern */
  shows(selector, pattern) {
    return this.run(
      (selector, pattern) =>
        new Promise((resolve, reject) => {
          const text = () => document.querySelector(selector)?.textContent ?? '';
          const look = () => new RegExp(pattern).test(text()) && resolve(text());
          const watch = new MutationObserver(look);
          watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
          setTimeout(
            () => reject(new Error(`${selector} shows ${JSON.stringify(text())}, not ${pattern}`)),
            20_000,
          );
          look();
        }),
      selector,
      pattern,
    );
  }
}
