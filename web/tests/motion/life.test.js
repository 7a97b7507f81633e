import assert from "node:assert/strict";
import { test } from "node:test";

import { Life } from "../../src/motion/index.js";

const FPS = 60;

/** Signs of so many seconds at 60 frames a second, lips that talk. */
function lived(
  /** @type {object} */ options,
  seconds = 60,
  opening = (/** @type {number} */ t) => Math.abs(Math.sin(9 * t)),
) {
  const life = new Life(options);
  return Array.from({ length: seconds * FPS }, (_, frame) => life.at(frame / FPS, 0.2 * opening(frame / FPS)));
}

/** Blinks that begin. @param {{ closed: number }[]} signs */
const blinks = (signs) => signs.filter(({ closed }, at) => closed > 0 && !(signs[at - 1]?.closed > 0)).length;

test("eyes blink about 22 times a minute", () => {
  const counts = [1, 2, 3, 4, 5].map((seed) => blinks(lived({ seed }, 240)) / 4);
  const mean = counts.reduce((total, count) => total + count) / counts.length;
  assert.ok(mean > 18 && mean < 26, `${mean} a minute`);
});

test("a pause of the lips brings a blink early", () => {
  const talking = (/** @type {number} */ t) => (t % 2 < 1.4 ? Math.abs(Math.sin(9 * t)) : 0);
  const [pausing, steady] = [lived({ seed: 3 }, 240, talking), lived({ seed: 3 }, 240)];
  const inPauses = (/** @type {{ closed: number }[]} */ signs) =>
    signs.filter(({ closed }, at) => closed > 0 && !(signs[at - 1]?.closed > 0) && (at / FPS) % 2 > 1.5).length /
    blinks(signs);
  assert.ok(inPauses(pausing) > inPauses(steady) + 0.2);
});

test("lids fall in 0.1 s, shut, and rise in 0.2 s", () => {
  const signs = lived({ seed: 2 });
  const begin = signs.findIndex(({ closed }) => closed > 0);
  const length = signs.slice(begin).findIndex(({ closed }) => closed === 0);
  assert.ok(Math.abs(length / FPS - 0.32) < 0.03);
  assert.equal(Math.max(...signs.slice(begin, begin + length).map(({ closed }) => closed)), 1);
});

test("a seed repeats itself, and another does not", () => {
  assert.deepEqual(lived({ seed: 5 }, 20), lived({ seed: 5 }, 20));
  assert.notDeepEqual(lived({ seed: 5 }, 20), lived({ seed: 6 }, 20));
});

test("a step back in time begins anew", () => {
  const life = new Life({ seed: 5 });
  const first = Array.from({ length: 600 }, (_, frame) => life.at(frame / FPS, 0));
  assert.deepEqual(
    Array.from({ length: 600 }, (_, frame) => life.at(frame / FPS, 0)),
    first,
  );
});

test("no sign jumps from one frame to the next", () => {
  const steps = lived({ seed: 8 }, 120).map(({ closed, gaze, brows, shift, roll, nearer }) => [closed, ...gaze, brows, ...shift, roll, nearer]); // prettier-ignore
  const most = [0.3, 0.012, 0.006, 0.004, 0.002, 0.001, 0.001, 0.001];
  for (const [at, step] of steps.slice(1).entries()) {
    step.forEach((value, kind) => assert.ok(Math.abs(value - steps[at][kind]) <= most[kind], `kind ${kind} at ${at}`));
  }
});

test("signs stay within their ranges, and each is there", () => {
  const signs = lived({ seed: 4 }, 300);
  const most = (/** @type {(one: import("../../src/types.js").LifeSigns) => number} */ of) =>
    Math.max(...signs.map((one) => Math.abs(of(one))));
  const within = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
    assert.ok(value > low && value <= high + 1e-9, `${value}`);
  within(
    most(({ gaze }) => gaze[0]),
    0.006,
    0.012,
  );
  within(
    most(({ gaze }) => gaze[1]),
    0.002,
    0.0045,
  );
  within(
    most(({ shift }) => shift[0]),
    0.02,
    0.0441,
  );
  within(
    most(({ shift }) => shift[1]),
    0.01,
    0.0281,
  );
  within(
    most(({ roll }) => roll),
    0.01,
    0.0241,
  );
  within(
    most(({ nearer }) => nearer),
    0.005,
    0.0136,
  );
  within(
    most(({ brows }) => brows),
    0.005,
    0.049,
  );
});

test("kinds that are not wanted are not there", () => {
  const kinds = { blinks: false, gaze: false, brows: false, sway: false, breath: false };
  for (const { closed, gaze, brows, shift, roll, nearer } of lived({ seed: 1, kinds }, 20)) {
    assert.deepEqual([closed, ...gaze, brows, ...shift, roll, nearer].map(Math.abs), Array(8).fill(0));
  }
});
