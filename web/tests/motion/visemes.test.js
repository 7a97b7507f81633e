import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { earlier, readVisemes, VISEMES, visemesAt } from "../../src/motion/index.js";
import { trackOf } from "../../src/motion/visemes.js";
import { RUNTIME, openSession } from "../../src/speech/session.js";
import { bytesOf } from "../speech/packaged.js";

const NETWORK = new URL("../../../src/kfusion/assets/visemes.onnx", import.meta.url);
const fixture = (/** @type {string} */ name) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
const python = JSON.parse(fixture("visemes.json").toString());
const samples = Float32Array.from(new Int16Array(new Uint8Array(fixture("speech.s16")).buffer), (one) => one / 32768);

test(
  "the network names Python's visemes at Python's times",
  { skip: !existsSync(NETWORK) && "no network here" },
  async () => {
    const session = await openSession(bytesOf(NETWORK), bytesOf(RUNTIME.url));
    const shares = /** @type {number[]} */ ([]);
    const track = await readVisemes(session, samples, { onprogress: (share) => shares.push(share) });
    assert.deepEqual(track.events, python.events);
    assert.equal(track.durationS, python.durationS);
    assert.equal(track.weights.length, python.visemes.length);
    assert.ok(Math.max(...track.weights.map((one, at) => Math.abs(one - python.visemes[at]))) < 2e-3);
    assert.equal(shares.at(-1), 1);
  },
);

test("Python's probabilities give Python's events", () => {
  const { events, names } = trackOf(Float32Array.from(python.visemes), python.durationS);
  assert.deepEqual(events, python.events);
  assert.deepEqual(names, VISEMES);
});

test("events touch from the begin to the end, and shorter flickers are none", () => {
  const steps = new Float32Array(10 * 15);
  for (let step = 0; step < 10; step++) steps[step * 15 + (step === 4 ? 1 : step < 7 ? 10 : 14)] = 0.6;
  for (let step = 0; step < 10; step++) steps[step * 15 + 10] = Math.max(steps[step * 15 + 10], 0.3);
  assert.deepEqual(trackOf(steps, 0.2).events, [
    { startS: 0, endS: 0.13, viseme: "aa" },
    { startS: 0.13, endS: 0.2, viseme: "U" },
  ]);
});

test("frames of any rate and a lead take what stands between steps", () => {
  const steps = new Float32Array(50 * 15);
  for (let step = 0; step < 50; step++) steps[step * 15] = step / 50;
  const track = trackOf(steps, 1);
  const frames = visemesAt(track, 30);
  assert.equal(frames.length, 30 * 15);
  assert.ok(Math.abs(frames[10 * 15] - 10 / 30) < 1e-6);
  assert.ok(Math.abs(earlier(track, 100).weights[10 * 15] - 0.3) < 1e-6);
  assert.ok(Math.abs(earlier(track, 100).weights[49 * 15] - 0.98) < 1e-6);
});

test("no sound has no events", async () => {
  const never = { metadata: {}, inputs: new Map(), run: () => Promise.reject(new Error("run")) };
  assert.deepEqual((await readVisemes(never, new Float32Array(0))).events, []);
});

test("the network is given every block in order, and what it kept of the one before", async () => {
  const heard = /** @type {any[]} */ ([]);
  const session = {
    metadata: { samples_before: "2", look_ahead_samples: "1604" },
    inputs: new Map([["samples", [1, 1606]], ["past_0", [1, 1]]]), // prettier-ignore
    async run(/** @type {any} */ { samples, past_0 }) {
      heard.push([samples.data[0], samples.data[2], samples.data[1605], past_0.data[0]]);
      const kept_0 = { type: "float32", data: Float32Array.of(past_0.data[0] + 1), dims: [1, 1] };
      return { visemes: { type: "float32", data: new Float32Array(75).fill(1 / 15), dims: [1, 5, 15] }, kept_0 };
    },
  };
  const samples = Float32Array.from({ length: 3300 }, (_, at) => at + 1);
  const track = await readVisemes(session, samples);
  assert.deepEqual(heard, [[0, 1, 1604, 0], [1599, 1601, 3204, 1], [3199, 3201, 0, 2]]); // prettier-ignore
  assert.equal(track.weights.length, Math.ceil(3300 / 320) * 15);
});
