//! A hub that says what a test wants, for what the real program does too rarely to wait for: its close codes, resyncs,
//! other epochs. What it says has the shape of the contract; whether the contract is so, the real program shows.

import { WebSocket, WebSocketServer } from 'ws';
import { connect } from '../../sdk/index.js';

export const CONVERSATION = '0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e';
const TIME = '2026-11-21T10:00:00.000Z';

/** @param {number} seq @param {object} [event] @returns {any} */
export const entry = (seq, event = { kind: 'note_added', note: { id: 'n', text: `note ${seq}` } }) => ({
  seq,
  conversation: CONVERSATION,
  at: TIME,
  actor: { kind: 'system' },
  event,
});

/** What `watch` answers. @param {number[]} seqs @param {object} [more] */
export const watched = (seqs, more = {}) => ({
  conversation: CONVERSATION,
  summary: { id: CONVERSATION, version: seqs.at(-1), claim: null, tags: [] },
  entries: seqs.map((seq) => entry(seq)),
  more: false,
  viewers: [],
  ...more,
});

/** One connection, as the hub sees it. */
export class Peer {
  /** @type {any[]} */
  heard = [];
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {import('ws').WebSocket} socket */
  constructor(socket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.heard.push(JSON.parse(String(data)));
      for (const look of this.#waiting.splice(0)) look();
    });
  }

  /** Takes the first frame of a type, now or when it comes. @param {string} type @returns {Promise<any>} */
  async hears(type) {
    for (;;) {
      const at = this.heard.findIndex((frame) => frame.type === type);
      if (at >= 0) return this.heard.splice(at, 1)[0];
      await new Promise((resolve) => this.#waiting.push(() => resolve(null)));
    }
  }

  /** @param {string} type @param {object} [fields] */
  says(type, fields = {}) {
    this.socket.send(JSON.stringify({ type, ...fields }));
  }

  /** Answers a command of this type. @param {string} type @param {object} [fields] */
  async answers(type, fields = {}) {
    const { id } = await this.hears(type);
    this.says('ok', { id, ...fields });
  }

  /** Hears the hello and welcomes. @param {object} [more] @returns {Promise<any>} The hello. */
  async welcomes(more = {}) {
    const hello = await this.hears('hello');
    const agent = { id: 'priya', name: 'Priya', kind: 'human', role: 'agent', teams: [], skills: [] };
    const said = {
      session: 's',
      workspace: 'acme',
      agent,
      epoch: 'e',
      seq: 10,
      hash: 'h10',
      resumed: false,
      time: TIME,
    };
    const rest = {
      heartbeat_seconds: 25,
      limits: {},
      features: [],
      unread_mentions: 0,
      claims: [],
      offers: [],
    };
    this.says('welcome', { id: hello.id, ...said, ...rest, ...more });
    return hello;
  }
}

/** A hub by script, ended with the test. @param {import('node:test').TestContext} test */
export async function script(test) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'dibs.v1' });
  await new Promise((resolve) => server.on('listening', () => resolve(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  /** @type {Peer[]} */
  const arrived = [];
  /** @type {((peer: Peer) => void)[]} */
  const waiting = [];
  server.on('connection', (socket) => {
    const peer = new Peer(socket);
    const next = waiting.shift();
    if (next) next(peer);
    else arrived.push(peer);
  });
  /** @type {import('../../sdk/index.js').Client[]} */
  const clients = [];
  test.after(() => {
    for (const client of clients) client.close();
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return {
    /** The next connection. @returns {Promise<Peer>} */
    peer: async () => arrived.shift() ?? new Promise((resolve) => waiting.push(resolve)),
    /** @param {Partial<import('../../sdk/index.js').Options>} [options] */
    client(options = {}) {
      const backoff = { firstMs: 1, mostMs: 20 };
      const client = connect({
        url: `ws://127.0.0.1:${port}`,
        getToken: () => 'token',
        WebSocket: /** @type {any} */ (WebSocket),
        backoff,
        lostAfterMs: 60_000,
        ...options,
      });
      clients.push(client);
      return client;
    },
  };
}
