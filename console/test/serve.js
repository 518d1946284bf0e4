//! Serves `console/` from the disk as the program serves it, and passes `/v1` on to a running hub: for work on the console
//! and for its tests. `node test/serve.js [port] [hub's address]`.

import { createReadStream, readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { extname, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PUBLIC = /^\/(index\.html|app\/.+|sdk\/[^/]+\.js|vendor\/.+)$/;
const KINDS = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The program's own policy, so that both refuse the same. */
const POLICY = /POLICY: &str =\s*"([^"]+)"/.exec(
  readFileSync(new URL('../../server/src/http/console.rs', import.meta.url), 'utf8'),
)?.[1];
if (!POLICY) throw new Error('console.rs has no POLICY');

/** @param {() => string} hub `host:port`, asked for each time: a hub may come back elsewhere. @param {number} [port] */
export async function serve(hub, port = 0) {
  const target = () => ({ host: hub().split(':')[0], port: Number(hub().split(':')[1]) });
  const server = createServer((asked, answer) => {
    const path = normalize(decodeURI(new URL(asked.url ?? '/', 'http://x').pathname)).replace(
      /^\/$/,
      '/index.html',
    );
    if (path.startsWith('/v1/')) {
      const on = request(
        { ...target(), path: asked.url, method: asked.method, headers: asked.headers },
        (got) => {
          answer.writeHead(got.statusCode ?? 502, got.headers);
          got.pipe(answer);
        },
      );
      on.on('error', () => answer.writeHead(502).end());
      return void asked.pipe(on);
    }
    if (!PUBLIC.test(path)) return void answer.writeHead(404).end();
    const kind = KINDS[/** @type {keyof typeof KINDS} */ (extname(path))] ?? 'text/plain';
    const file = createReadStream(ROOT + path);
    file.on('error', () => answer.writeHead(404).end());
    file.on('open', () => {
      answer.writeHead(200, {
        'content-type': kind,
        'content-security-policy': POLICY,
        'cache-control': 'no-store',
      });
      file.pipe(answer);
    });
  });
  server.on('upgrade', (asked, socket, head) => {
    const on = connect(target(), () => {
      const lines = [];
      for (let n = 0; n < asked.rawHeaders.length; n += 2)
        lines.push(`${asked.rawHeaders[n]}: ${asked.rawHeaders[n + 1]}`);
      on.write(`GET ${asked.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      on.write(head);
      socket.pipe(on).pipe(socket);
    });
    for (const [one, other] of [
      [on, socket],
      [socket, on],
    ]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise((listening) => server.listen(port, '127.0.0.1', () => listening(undefined)));
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, hub] = [Number(process.argv[2] ?? 7080), process.argv[3] ?? '127.0.0.1:7070'];
  await serve(() => hub, port);
  console.log(`http://127.0.0.1:${port}/ over the hub at ${hub}`);
}
