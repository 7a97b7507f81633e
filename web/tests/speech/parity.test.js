/** The same sound and face give the same landmarks as the Python package, within 0.5 % of the eye distance. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { resampled } from "../../src/speech/decode.js";
import { FACE_SIZE } from "../../src/speech/landmarks.js";
import { Recording } from "../../src/speech/recording.js";
import { Stream } from "../../src/speech/stream.js";
import { decodeFlac } from "./flac.js";
import { fixtureBytes, openPackaged, packagedSpeech } from "./packaged.js";
import { TOLERANCE, cases, furthest, identity, optionsOf } from "./python_points.js";

const SAMPLE_RATE_HZ = 16_000;
const BLOCKS = [1600, 700, 160, 4000];

let speech, recording, live;
before(async () => {
  speech = packagedSpeech();
  recording = new Recording(await openPackaged("default.onnx"));
  live = await openPackaged("live.onnx");
});

/** A file of the fixtures, or the packaged sample, repeated if it must be longer. */
async function soundOf({ file, start_s: startS, length_s: lengthS }) {
  if (file) {
    const { samples, rateHz } = decodeFlac(new Uint8Array(fixtureBytes(file)));
    return resampled(samples, rateHz);
  }
  const [start, length] = [startS, lengthS].map((second) => Math.round(second * SAMPLE_RATE_HZ));
  return Float32Array.from({ length }, (_, place) => speech[(start + place) % speech.length]);
}

async function recorded(one) {
  return (await recording.generate(await soundOf(one), identity, optionsOf(one))).points;
}

async function streamed(one) {
  const stream = await Stream.start(live, identity, optionsOf(one));
  const sound = await soundOf(one);
  const points = [];
  for (let at = 0, turn = 0; at < sound.length; at += BLOCKS[turn % BLOCKS.length], turn += 1) {
    const got = await stream.push(sound.slice(at, at + BLOCKS[turn % BLOCKS.length]));
    assert.equal(got.firstFrame, points.length / FACE_SIZE);
    points.push(...got.points);
  }
  points.push(...(await stream.flush()).points);
  return points;
}

for (const one of cases) {
  test(`a ${one.kind} gives what Python gives: ${one.name}`, async (context) => {
    const distance = furthest(await (one.kind === "recording" ? recorded(one) : streamed(one)), one);
    context.diagnostic(`furthest point: ${(100 * distance).toFixed(3)} % of the eye distance`);
    assert.ok(distance < TOLERANCE, `${(100 * distance).toFixed(3)} %`);
  });
}
