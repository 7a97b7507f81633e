/** Emotions by rule, as Python adds them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EMOTIONS, emotionWeights } from "../../src/emotion/action_units.js";
import { expressionDisplacement, expressionLayer } from "../../src/emotion/expression.js";
import { FACE } from "../../src/motion/face_shapes.js";
import { eyeDistance } from "../../src/speech/landmarks.js";
import { fixture } from "../speech/packaged.js";

const face = Float32Array.from(fixture("motion.json").face);

for (const [emotion, thousandths] of Object.entries(fixture("expressions.json"))) {
  test(`a face shows what Python lets it show: ${emotion}`, () => {
    const moved = expressionDisplacement(face, emotion, 3);
    const error = Math.max(...moved.map((value, place) => Math.abs(value - thousandths[place] / 1000)));
    assert.ok(error < 1e-4 * eyeDistance(face), `${error} px`);
  });
}

test("every emotion is in the fixtures", () => {
  assert.deepEqual(Object.keys(fixture("expressions.json")), EMOTIONS);
});

test("contempt is on one side of the face, and a higher intensity is more of it", () => {
  assert.deepEqual(Object.keys(emotionWeights("contempt")), ["mouthSmileRight", "mouthDimpleRight"]);
  assert.ok(emotionWeights("contempt", 3).mouthSmileRight > emotionWeights("contempt", 1).mouthSmileRight);
});

test("an unknown, a neutral and a learnt emotion change nothing", () => {
  const unit = Float32Array.from(FACE);
  for (const [labels, learnt] of [
    [[0, 0], []],
    [[1 + EMOTIONS.indexOf("neutral"), 2], []],
    [[1, 2], [EMOTIONS[0]]],
  ]) {
    assert.equal(expressionLayer(unit, labels, learnt)(unit), unit);
  }
});

test("closed lips stay closed under an emotion that parts them", () => {
  const closed = Float32Array.from(FACE);
  for (const [upper, lower] of [
    [61, 67],
    [62, 66],
    [63, 65],
  ]) {
    closed[2 * lower + 1] = closed[2 * upper + 1];
  }
  const shown = expressionLayer(closed, [1 + EMOTIONS.indexOf("happy"), 3], [])(closed);
  assert.ok(Math.abs(shown[2 * 66 + 1] - shown[2 * 62 + 1]) < 1e-6);
  assert.notDeepEqual(shown, closed);
});
