/** The same sound and face give the same landmarks as the Python package, within 0.5 % of the eye distance. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { resampled } from "../../src/speech/decode.js";
import { FACE_SIZE, eyeDistance } from "../../src/speech/landmarks.js";
import { Recording } from "../../src/speech/recording.js";
import { Stream } from "../../src/speech/stream.js";
import { decodeFlac } from "./flac.js";
import { fixture, fixtureBytes, openPackaged, packagedShapes, packagedSpeech } from "./packaged.js";

const TOLERANCE = 0.005;
const SAMPLE_RATE_HZ = 16_000;
const BLOCKS = [1600, 700, 160, 4000];
const { face, parts_of_a_pixel: parts, cases } = fixture("motion.json");
const identity = Float32Array.from(face);
const stored = new Uint16Array(fixtureBytes("motion.bin"));

let speech, shapes, recording, live;
before(async () => {
  [speech, shapes] = [packagedSpeech(), await packagedShapes()];
  recording = new Recording(await openPackaged("default.onnx"), shapes);
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

/** In the names of this side. */
function optionsOf({ fps, emotion, intensity, expressiveness, lead_ms: leadMs }) {
  const options = { fps, emotion, intensity, expressiveness, leadMs };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** The largest distance of a point from where Python has it, in eye distances. */
function furthest(points, { at, every, frames }) {
  let most = 0;
  const kept = Math.ceil(frames / every);
  for (let place = 0; place < kept * FACE_SIZE; place += 2) {
    const [frame, value] = [Math.floor(place / FACE_SIZE), place % FACE_SIZE];
    const [here, there] = [frame * every * FACE_SIZE + value, at / 2 + place];
    const [x, y] = [points[here] - stored[there] / parts, points[here + 1] - stored[there + 1] / parts];
    most = Math.max(most, Math.hypot(x, y));
  }
  return most / eyeDistance(identity);
}

async function streamed(one) {
  const stream = await Stream.start(live, shapes, identity, optionsOf(one.options));
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
    const points =
      one.kind === "recording"
        ? (await recording.generate(await soundOf(one), identity, optionsOf(one.options))).points
        : await streamed(one);
    assert.equal(points.length, one.frames * FACE_SIZE);
    const distance = furthest(points, one);
    context.diagnostic(`furthest point: ${(100 * distance).toFixed(3)} % of the eye distance`);
    assert.ok(distance < TOLERANCE, `${(100 * distance).toFixed(3)} %`);
  });
}
