//! Starts the console. `fragment` comes first: no code runs before the token has left the address.

import './fragment.js';
import { App } from './components/app.js';
import { listen } from './keys.js';
import { html, render } from './lib.js';
import { begin } from './session.js';

const root = document.getElementById('root');
if (root) {
  begin();
  listen();
  root.textContent = '';
  render(html`<${App} />`, root);
}
