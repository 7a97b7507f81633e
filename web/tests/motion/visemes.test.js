import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { earlier, readVisemes, VISEMES, visemesAt } from "../../src/motion/index.js";
import { onnxMetadata } from "../../src/motion/onnx_metadata.js";
import { trackOf } from "../../src/motion/visemes.js";
import { openVisemes } from "../../src/motion/viseme_session.js";

const NETWORK = new URL("../../../src/kfusion/assets/visemes.onnx", import.meta.url);
const fixture = (/** @type {string} */ name) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
const python = JSON.parse(fixture("visemes.json").toString());
const samples = Float32Array.from(new Int16Array(new Uint8Array(fixture("speech.s16")).buffer), (one) => one / 32768);

test(
  "the network names Python's visemes at Python's times",
  { skip: !existsSync(NETWORK) && "no network here" },
  async () => {
    const ort = await import("onnxruntime-web");
    const bundle = await openVisemes(ort, new Uint8Array(readFileSync(NETWORK)));
    const shares = /** @type {number[]} */ ([]);
    const track = await readVisemes(bundle, samples, { onprogress: (share) => shares.push(share) });
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

test("metadata that is cut off is told", () => {
  assert.throws(() => onnxMetadata(Uint8Array.of(0x72, 0x85)), /breaks off/);
});

test("no sound has no events", async () => {
  const never = { samplesBefore: 0, lookAheadSamples: 1, states: {}, run: () => Promise.reject(new Error("run")) };
  assert.deepEqual((await readVisemes(never, new Float32Array(0))).events, []);
});
