//! The conversation that is being dragged. The browser shows what is carried only where it is dropped.

/** @import {Summary} from '../../sdk/types/protocol.js' */

/** @type {{summary: Summary | null}} */
export const held = { summary: null };
