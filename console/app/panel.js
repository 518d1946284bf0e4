//! Whether the details are shown: beside the conversation where there is room, as each person prefers; over it elsewhere, and
//! then only until they are put away again.

import { computed, signal } from './lib.js';
import { prefer, prefs } from './prefs.js';

const room = matchMedia('(min-width: 1280px)');
const wide = signal(room.matches);
const over = signal(false);
room.addEventListener('change', () => {
  wide.value = room.matches;
});

export const detailsShown = computed(() => (wide.value ? prefs.value.details : over.value));

export function toggleDetails() {
  if (wide.value) prefer({ details: !prefs.value.details });
  else over.value = !over.value;
}
