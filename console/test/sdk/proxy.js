//! A TCP proxy that cuts: at once, after so many bytes, or while it holds one direction back.

import { createServer, connect as dial } from 'node:net';

/** @typedef {{near: import('node:net').Socket, far: import('node:net').Socket}} Pair */

export class CuttingProxy {
  port = 0;
  /** How many connections were cut. */
  cuts = 0;
  /** Bytes towards the client after which the next connections are cut. */
  budget = () => Infinity;
  /** Holds back what goes `up` to the hub or `down` from it. @type {Set<'up' | 'down'>} */
  held = new Set();
  /** @type {Set<Pair>} */
  #pairs = new Set();
  #server;

  /** @param {() => number} target The port to go to, asked at each connection. */
  constructor(target) {
    this.#server = createServer((near) => {
      const far = dial(target(), '127.0.0.1');
      const pair = { near, far };
      let left = this.budget();
      this.#pairs.add(pair);
      near.on('data', (bytes) => this.held.has('up') || far.write(bytes));
      far.on('data', (/** @type {Buffer} */ bytes) => {
        if (this.held.has('down')) return;
        near.write(bytes.subarray(0, Math.min(bytes.length, left)));
        left -= bytes.length;
        if (left < 0) this.#end(pair, true);
      });
      for (const socket of [near, far]) {
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => this.#end(pair, false));
      }
    });
  }

  /** A proxy that is ended with the test. @param {import('node:test').TestContext} test @param {() => number} target */
  static async start(test, target) {
    const proxy = new CuttingProxy(target);
    test.after(() => {
      proxy.cut();
      proxy.#server.close();
    });
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', () => resolve(null)));
    proxy.port = /** @type {import('node:net').AddressInfo} */ (proxy.#server.address()).port;
    return proxy;
  }

  /** Cuts every line, and holds nothing back any more. */
  cut() {
    this.held.clear();
    for (const pair of this.#pairs) this.#end(pair, true);
  }

  /** @param {Pair} pair @param {boolean} cut Whether it was the proxy that ended it. */
  #end(pair, cut) {
    if (!this.#pairs.delete(pair)) return;
    if (cut) this.cuts += 1;
    // What was written before the cut still arrives: a cut in the middle of a frame is one.
    if (cut) pair.near.end();
    else pair.near.destroy();
    pair.far.destroy();
  }
}
