/** Motions that would fold the picture: `kfusion.picture.field` again. */

import { LEAST_AREA } from "./field.js";

/** @typedef {import("./field.js").Grid} Grid */

const FINER_STEPS = 5;

/**
 * The least share of its area that a cell between four nodes keeps: the Jacobian.
 *
 * @param {Grid} grid
 * @param {Float32Array} motion
 * @param {number} share of the motion
 */
export function leastArea(grid, motion, share = 1) {
  const half = share / (2 * grid.step);
  const wide = 2 * grid.columns;
  let least = Infinity;
  for (let row = 0; row < grid.rows - 1; row++) {
    for (let at = wide * row; at < wide * (row + 1) - 2; at += 2) {
      const b = at + 2;
      const c = at + wide;
      const d = c + 2;
      const acrossX = half * (motion[b] - motion[at] + motion[d] - motion[c]);
      const acrossY = half * (motion[b + 1] - motion[at + 1] + motion[d + 1] - motion[c + 1]);
      const downX = half * (motion[c] - motion[at] + motion[d] - motion[b]);
      const downY = half * (motion[c + 1] - motion[at + 1] + motion[d + 1] - motion[b + 1]);
      least = Math.min(least, (1 + acrossX) * (1 + downY) - acrossY * downX);
    }
  }
  return least;
}

/**
 * The largest share, up to 1, of a motion that leaves every cell more than `LEAST_AREA` of its area. It is found to half a
 * percent, so that a motion that grows is held back without a jump.
 *
 * @param {Grid} grid
 * @param {Float32Array} motion
 */
export function heldBack(grid, motion) {
  const folds = (/** @type {number} */ share) => leastArea(grid, motion, share) < LEAST_AREA;
  let held = 1;
  let free = 1;
  while (held > 0.05 && folds(held)) [held, free] = [0.85 * held, held];
  for (let step = 0; step < FINER_STEPS && held < 1; step++) {
    const middle = (held + free) / 2;
    if (folds(middle)) free = middle;
    else held = middle;
  }
  return held;
}
