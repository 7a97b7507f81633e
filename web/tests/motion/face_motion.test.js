import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ARKIT_SHAPES, MotionReader, mostClosedFace, readMotion } from "../../src/motion/index.js";
import { FACE } from "../../src/motion/face_shapes.js";

const python = JSON.parse(readFileSync(new URL("./fixtures/motion.json", import.meta.url), "utf8"));
const points = Float32Array.from(python.points);
const sequence = { points, fps: python.fps, firstFrame: 7, model: "" };

/** @param {ArrayLike<number>} one @param {ArrayLike<number>} other */
const farthest = (one, other) => Math.max(...Array.from(one, (value, at) => Math.abs(value - other[at])));

test("weights are Python's within a thousandth, in frames that speak and in turned ones", () => {
  const { weights } = readMotion(sequence, python.rest);
  assert.equal(weights.length, python.weights.length);
  assert.ok(Math.max(...weights) > 0.5);
  assert.ok(farthest(weights, python.weights) < 0.001);
});

test("head angles are Python's", () => {
  const { head } = readMotion(sequence, python.rest);
  assert.ok(Math.max(...head) > 0.2);
  assert.ok(farthest(head, python.head) < 1e-4);
});

test("a resting face has no weight and no angle", () => {
  const { weights, head } = new MotionReader(python.rest).read(python.rest);
  assert.ok(weights.every((weight) => weight === 0));
  assert.deepEqual(head, [0, 0, 0]);
});

test("a smile of the character's left side, the picture's right, is the left shape", () => {
  const smiling = Float32Array.from(FACE);
  for (const point of [54, 64]) {
    smiling[2 * point] += 0.06;
    smiling[2 * point + 1] -= 0.06;
  }
  const { weights } = new MotionReader(FACE).read(smiling);
  const of = (/** @type {string} */ name) => weights[ARKIT_SHAPES.indexOf(name)];
  assert.ok(of("mouthSmileLeft") > of("mouthSmileRight"));
});

test("a gain multiplies weights, which end at 1", () => {
  const frame = points.subarray(0, 136);
  const once = new MotionReader(python.rest).read(frame).weights;
  const twice = new MotionReader(python.rest, { gain: 2 }).read(frame).weights;
  assert.ok(
    farthest(
      twice,
      once.map((weight) => Math.min(2 * weight, 1)),
    ) < 1e-6,
  );
});

test("without a resting face the most closed frames are it", () => {
  const read = readMotion(sequence);
  assert.deepEqual(read.weights, readMotion(sequence, mostClosedFace(points)).weights);
});

test("what cannot be read is told in words", () => {
  assert.throws(() => new MotionReader(FACE, { gain: 0 }), /gain is 0: use a number above 0 and up to 4/);
  assert.throws(() => new MotionReader(FACE, { gain: NaN }), /gain is NaN/);
  assert.throws(() => new MotionReader(new Float32Array(136)), { name: "UserError" });
  const broken = points.slice(0, 3 * 136);
  broken[136 + 5] = NaN;
  assert.throws(() => readMotion({ ...sequence, points: broken }), /frame 8 does not show a face/);
  assert.throws(() => readMotion({ ...sequence, points: new Float32Array(0) }), /0 frames/);
});
