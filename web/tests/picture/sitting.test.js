import assert from "node:assert/strict";
import { test } from "node:test";

import { STILL } from "../../src/motion/life.js";
import { lipGap, settledLips } from "../../src/picture/anatomy.js";
import { sources } from "../../src/picture/field.js";
import { noise } from "../../src/picture/raster.js";
import { Sitting } from "../../src/picture/sitting.js";
import { cases, readPicture, speech } from "./fixtures.js";

const EVERY_NODE = 23;
const sittings = cases().map((known) => ({
  known,
  sitting: new Sitting(readPicture(`${known.name}.png`), known.points),
}));

/** How many corners of cells are turned over in what is drawn: between nodes it is bilinear. @param {Sitting} sitting @param {ArrayLike<number>} points */
function folds(sitting, points) {
  const { grid, upper, lower } = sitting.moment(points, STILL);
  let found = 0;
  for (const motion of [upper, lower]) {
    for (let node = 0; node < grid.size; node++) {
      if ((node + 1) % grid.columns === 0 || node + grid.columns >= grid.size) continue;
      const [a, b, c, d] = [node, node + 1, node + grid.columns, node + grid.columns + 1];
      for (const [first, second] of [
        [a, b],
        [c, d],
      ]) {
        for (const [over, under] of [
          [a, c],
          [b, d],
        ]) {
          const across = [0, 1].map(
            (axis) => motion[2 * second + axis] - motion[2 * first + axis] + (axis === 0 ? grid.step : 0),
          );
          const down = [0, 1].map(
            (axis) => motion[2 * under + axis] - motion[2 * over + axis] + (axis === 1 ? grid.step : 0),
          );
          if (across[0] * down[1] - across[1] * down[0] <= 0) found++;
        }
      }
    }
  }
  return found;
}

/** How far some nodes have moved from where they should be, pixels. @param {Float32Array} found @param {number[]} wanted */
const distancesTo = (found, wanted) =>
  wanted.map((value, at) => Math.abs(found[2 * EVERY_NODE * Math.floor(at / 2) + (at % 2)] - value));

for (const { known, sitting } of sittings) {
  test(`the layers of the ${known.name} portrait move as in Python`, () => {
    const { axes } = sitting;
    const { grid } = sitting.stage;
    const { left, top, step, columns, rows } = grid;
    assert.deepEqual({ left, top, step, columns, rows }, known.grid);
    const { moments } = known;
    for (const { points, life, upper, lower } of moments) {
      const moment = sitting.moment(points, { ...STILL, brows: life.brows });
      const off = [...distancesTo(moment.upper, upper), ...distancesTo(moment.lower, lower)].sort((a, b) => a - b);
      assert.ok(off[Math.floor(0.95 * off.length)] < 0.0004 * axes.unitPx);
      assert.ok(off[off.length - 1] < 0.002 * axes.unitPx);
    }
  });

  test(`the lips of the ${known.name} portrait open as in Python`, () => {
    for (const { points, opening } of known.moments) assert.ok(Math.abs(sitting.opening(points) - opening) < 1e-4);
  });

  test(`no frame of a speech folds the ${known.name} portrait`, () => {
    for (const points of speech()) assert.equal(folds(sitting, points), 0);
  });

  test(`landmarks of no face do not fold the ${known.name} portrait`, () => {
    const next = noise(7);
    for (let time = 0; time < 5; time++) {
      assert.equal(
        folds(
          sitting,
          known.points.map((at) => at + 6 * next()),
        ),
        0,
      );
    }
  });

  test(`the ${known.name} portrait that does not move is the portrait`, () => {
    const { upper, lower, still } = sitting.moment(known.points, STILL);
    for (const layer of [upper, lower, still]) assert.ok(layer.every((by) => Math.abs(by) < 1e-3));
  });
}

test("a motion that would fold is held back, and one that would not is left", () => {
  const { sitting } = sittings[0];
  const far = new Float64Array(136);
  far[2 * 57 + 1] = -0.6;
  assert.ok(Math.abs(sitting.motions(far).moved[2 * 57 + 1]) < 0.6);
  const near = new Float64Array(136);
  near[2 * 57 + 1] = 0.02;
  assert.equal(sitting.motions(near).moved[2 * 57 + 1], 0.02);
});

test("what moves comes back to where it was", () => {
  const { sitting } = sittings[0];
  const moved = new Float64Array(136);
  for (const point of [57, 58, 56, 66, 65, 67]) moved[2 * point + 1] = 0.08;
  const { lower } = sitting.motions(moved);
  const { grid } = sitting.stage;
  const goal = grid.nodes().map((at, index) => at + lower[index]);
  const back = sources(grid, lower, goal);
  grid.nodes().forEach((at, index) => assert.ok(Math.abs(back[index] - at) < 0.02));
});

test("lips that are nearly shut are shut, and open without a jump", () => {
  const face = new Float64Array(136);
  let before = 0;
  for (let gap = -0.02; gap < 0.2; gap += 0.001) {
    for (const point of [65, 66, 67]) face[2 * point + 1] = gap;
    const now = lipGap(settledLips(face));
    if (gap <= 0.03) assert.ok(Math.abs(now) < 1e-12);
    assert.ok(now - before >= -1e-12 && now - before < 0.005);
    before = now;
  }
  assert.ok(Math.abs(before - 0.199) < 1e-3);
});

test("a head that sways leaves the frame of the picture where it is", () => {
  const { known, sitting } = sittings[0];
  const { grid, still } = sitting.moment(known.points, { ...STILL, shift: [0.03, 0.02], roll: 0.02 });
  let most = 0;
  for (let node = 0; node < grid.size; node++) {
    const [column, row] = [node % grid.columns, Math.floor(node / grid.columns)];
    const motion = Math.hypot(still[2 * node], still[2 * node + 1]);
    most = Math.max(most, motion);
    if (column === 0 || row === 0 || column === grid.columns - 1 || row === grid.rows - 1) assert.ok(motion < 1e-6);
  }
  assert.ok(most > 0.03 * sitting.axes.unitPx);
});
