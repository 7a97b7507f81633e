import assert from "node:assert/strict";
import { test } from "node:test";

import { headPlace, livelyWeights } from "../../src/head/lively_weights.js";
import { arkitExpressions, glance, presetWeights } from "../../src/head/vrm_expressions.js";
import { ARKIT_SHAPES, STILL } from "../../src/motion/index.js";

/** @param {Record<string, number>} some */
const weights = (some) => Float32Array.from(ARKIT_SHAPES, (name) => some[name] ?? 0);
const of = (/** @type {Float32Array} */ all, /** @type {string} */ name) =>
  Math.round(all[ARKIT_SHAPES.indexOf(name)] * 1000) / 1000;

test("without signs of life weights stay as they are", () => {
  const spoken = weights({ jawOpen: 0.4, eyeBlinkLeft: 0.2 });
  assert.deepEqual(livelyWeights(spoken, STILL), spoken);
});

test("a blink shuts both eyes, also wide ones", () => {
  const shut = livelyWeights(weights({ eyeWideLeft: 0.5, eyeBlinkRight: 0.3 }), { ...STILL, closed: 1 });
  assert.deepEqual(
    ["eyeBlinkLeft", "eyeBlinkRight", "eyeWideLeft"].map((name) => of(shut, name)),
    [1, 1, 0],
  );
});

test("eyes that look to the picture's right look to the character's left", () => {
  const looking = livelyWeights(weights({}), { ...STILL, gaze: [0.0067, 0.0067] });
  const names = ["eyeLookOutLeft", "eyeLookInRight", "eyeLookInLeft", "eyeLookDownLeft", "eyeLookUpRight"];
  assert.deepEqual(
    names.map((name) => of(looking, name)),
    [0.1, 0.1, 0, 0.1, 0],
  );
});

test("brows rise and sink", () => {
  assert.equal(of(livelyWeights(weights({}), { ...STILL, brows: 0.009 }), "browInnerUp"), 0.1);
  assert.equal(of(livelyWeights(weights({}), { ...STILL, brows: -0.0045 }), "browDownLeft"), 0.1);
});

test("a head goes to the picture's right and down, grows, and tilts as the clock does", () => {
  const { rotation, shift, size } = headPlace([0, 0, 0], { ...STILL, shift: [0.01, 0.02], nearer: 0.1, roll: 0.2 });
  assert.deepEqual([shift, size], [[0.01, -0.02], 1.1]);
  assert.ok(rotation[2] < 0);
});

test("vowels of a VRM add up to 1 at most, and each has its mouth", () => {
  const vowels = (/** @type {Record<string, number>} */ some) => presetWeights(weights(some));
  assert.equal(vowels({ jawOpen: 0.5 }).aa, 1);
  assert.equal(vowels({ jawOpen: 0.5, mouthFunnel: 0.5 }).oh, 1);
  assert.equal(vowels({ mouthPucker: 0.5 }).ou, 1);
  assert.equal(vowels({ mouthStretchLeft: 0.5, mouthStretchRight: 0.5 }).ee, 1);
  assert.equal(vowels({ mouthLowerDownLeft: 0.5, mouthLowerDownRight: 0.5 }).ih, 1);
  assert.deepEqual(Object.values(vowels({})), [0, 0, 0, 0, 0, 0, 0]);
  const all = presetWeights(Float32Array.from(ARKIT_SHAPES, (_, place) => ((place * 37) % 100) / 100));
  assert.ok(all.aa + all.oh + all.ou + all.ee + all.ih <= 1 + 1e-6);
  assert.equal(all.blinkLeft, 0);
});

test("perfect sync is known by the names of its expressions", () => {
  const names = arkitExpressions(["aa", "JawOpen", "mouthSmile_L", "happy"]);
  assert.deepEqual([...names], [["JawOpen", "jawOpen"], ["mouthSmile_L", "mouthSmileLeft"]]); // prettier-ignore
});

test("eyes of a VRM turn in degrees, to the character's left and down", () => {
  assert.deepEqual(glance(weights({ eyeLookOutLeft: 1, eyeLookInRight: 1, eyeLookUpLeft: 0.5, eyeLookUpRight: 0.5 })), { yaw: 30, pitch: -15 }); // prettier-ignore
  assert.deepEqual(glance(weights({ eyeLookInLeft: 0.5, eyeLookOutRight: 0.5 })), { yaw: -15, pitch: 0 });
});
