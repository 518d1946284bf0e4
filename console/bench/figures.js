//! Medians and the like.

/** @param {number[]} values @param {number} part Between 0 and 1. */
export const quantile = (values, part) =>
  [...values].sort((one, other) => one - other)[
    Math.min(values.length - 1, Math.floor(values.length * part))
  ];

/** @param {number[]} values */
export const median = (values) => quantile(values, 0.5);

/** @param {number[]} values Milliseconds. */
export const spread = (values) =>
  `p50 ${quantile(values, 0.5).toFixed(1)} ms, p95 ${quantile(values, 0.95).toFixed(1)} ms, most ${quantile(values, 1).toFixed(1)} ms`;
