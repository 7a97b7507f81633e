/** When which face is shown. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Delay, Heard, Origin, Timeline } from "../../src/page/timeline.js";

/** Faces whose every number is the same. @param {number[]} values @param {number} firstFrame */
const frames = (values, firstFrame) => ({
  points: Float32Array.from(values.flatMap((value) => Array(136).fill(value))),
  fps: 10,
  firstFrame,
  model: "live",
});

test("between two frames the face is between them, and the last one stays", () => {
  const timeline = new Timeline(10);
  timeline.add(frames([0, 1], 0));
  timeline.add(frames([3], 2));
  assert.equal(timeline.at(-0.01), null);
  const seen = [0, 0.05, 0.1, 0.15, 9].map((timeS) => timeline.at(timeS)?.[77].toFixed(3));
  assert.deepEqual(seen, ["0.000", "0.500", "1.000", "2.000", "3.000"]);
  assert.equal(timeline.endS, 0.2);
  assert.deepEqual([...timeline.sequence("live").points.filter((_, n) => n % 136 === 0)], [0, 1, 3]);
});

test("before the first frame nothing is shown, and a frame that is missing is a fault", () => {
  const timeline = new Timeline(10);
  assert.equal(timeline.at(0), null);
  assert.throws(() => timeline.add(frames([0], 1)), /frame 1 came where 0/);
});

test("frames are held back as long as the latest needed, and less when they come sooner again", () => {
  const delay = new Delay();
  delay.note(1, 1.2);
  assert.ok(Math.abs(delay.seconds - 0.212) < 1e-9);
  for (let n = 0; n < 200; n++) delay.note(n, n + 0.1);
  assert.ok(Math.abs(delay.seconds - 0.112) < 1e-9);
  delay.note(0, 60);
  assert.equal(delay.seconds, Delay.MOST_S);
});

test("sound begins with its earliest piece: late ones do not move it, a slow clock does", () => {
  const origin = new Origin();
  origin.note(0.02, 5.05);
  origin.note(0.04, 5.06);
  origin.note(0.06, 5.5);
  assert.ok(Math.abs(origin.seconds - 5.02) < 1e-3);
  for (let n = 1; n < 600; n++) origin.note(n, 5.02 + n * 1.0001);
  assert.ok(Math.abs(origin.seconds - (5.02 + 0.06)) < 2e-3, String(origin.seconds));
});

test("pieces of sound are joined, and there is an end to them", () => {
  const heard = new Heard(0.001);
  const piece = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  assert.equal(heard.add(piece), true);
  piece.fill(0);
  assert.equal(heard.add(Float32Array.of(9, 9, 9, 9, 9, 9, 9, 9)), false);
  assert.deepEqual([...heard.samples], [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9]);
  assert.equal(heard.seconds, 0.001);
});
