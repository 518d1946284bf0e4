//! What the console does in figures, in headless Chromium against the real program: `node bench/run.js [paint] [rows]
//! [claims]
//! [wall] [--folder]`. Prints medians; asserts nothing. `DIBS_BIN` names another program than that of this folder;
//! `--folder` has the console from the folder through a proxy, not the one in the program.

import { World } from '../test/app/world.js';
import { claims } from './claims.js';
import { paint } from './paint.js';
import { rows } from './rows.js';
import { wall } from './wall.js';

const ALL = { paint, rows, claims, wall };
const folder = process.argv.includes('--folder');
const wanted = process.argv.slice(2).filter((it) => it !== '--folder');
const unknown = wanted.find((it) => !(it in ALL));
if (unknown) throw new Error(`there is no ${unknown}: there are ${Object.keys(ALL).join(', ')}`);
for (const [name, measure] of Object.entries(ALL)) {
  if (wanted.length && !wanted.includes(name)) continue;
  const world = await (folder ? World.begin() : World.alone());
  try {
    for (const line of await measure(world)) console.log(`${name}: ${line}`);
  } finally {
    await world.end();
  }
}
