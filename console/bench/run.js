//! What the console does in figures, in headless Chromium against the real program: `node bench/run.js [paint] [rows]
//! [claims]`. Prints medians; asserts nothing. `DIBS_BIN` names another program than that of this folder.

import { World } from '../test/app/world.js';
import { claims } from './claims.js';
import { paint } from './paint.js';
import { rows } from './rows.js';

const ALL = { paint, rows, claims };
const wanted = process.argv.slice(2);
const unknown = wanted.find((it) => !(it in ALL));
if (unknown) throw new Error(`there is no ${unknown}: there are ${Object.keys(ALL).join(', ')}`);
for (const [name, measure] of Object.entries(ALL)) {
  if (wanted.length && !wanted.includes(name)) continue;
  const world = await World.alone();
  try {
    for (const line of await measure(world)) console.log(`${name}: ${line}`);
  } finally {
    await world.end();
  }
}
