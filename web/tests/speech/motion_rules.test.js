/** What is refused, how windows join, how rates and streams behave; on networks that a test can compute. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readDelivery, streamLeadsMs } from "../../src/speech/delivery.js";
import { medianFace, scaleMotion } from "../../src/speech/expressiveness.js";
import { joined } from "../../src/speech/arrays.js";
import { StreamRate, atRate } from "../../src/speech/frame_rate.js";
import { FACE } from "../../src/motion/face_shapes.js";
import { rounded } from "../../src/motion/rounding.js";
import { checkFace } from "../../src/speech/identity.js";
import { FACE_SIZE, frameCount, unitFrame } from "../../src/speech/landmarks.js";
import { readMetadata } from "../../src/speech/onnx_metadata.js";
import { Recording } from "../../src/speech/recording.js";
import { Stream } from "../../src/speech/stream.js";
import { Joiner, cut, fadeIn } from "../../src/speech/windows.js";

const identity = Float32Array.from(FACE, (value) => 80 * value + 128);
const refused = (task, message) => assert.throws(task, { name: "UserError", message });

/** A network for recordings whose faces say what they heard: every coordinate of a frame is its loudest sample. */
const loudness = {
  metadata: { kfusion_format: "1", model_id: "loudness", fps: "30", window_s: "2", context_s: "0.2", emotions: "" },
  inputs: new Map(),
  async run({ samples: { data } }) {
    const frames = frameCount(data.length / 16_000, 30);
    const points = new Float32Array(frames * FACE_SIZE);
    for (let frame = 0; frame < frames; frame += 1) {
      const heard = data.subarray(Math.round((frame * 16_000) / 30), Math.round(((frame + 1) * 16_000) / 30));
      points.fill(Math.max(...heard), frame * FACE_SIZE, (frame + 1) * FACE_SIZE);
    }
    return { landmarks: { type: "float32", data: points, dims: [1, frames, 68, 2] } };
  },
};

/** A network for streams that remembers the sum of what it heard, and says it. */
const adder = (cardChanges = {}) => ({
  metadata: {
    ...{ kfusion_format: "1", kind: "live", model_id: "adder", fps: "30", emotions: "" },
    ...{ samples_before: "100", look_ahead_samples: "2000", ...cardChanges },
  },
  inputs: new Map([
    ["samples", [1, 2100]],
    ["identity", [1, 68, 2]],
    ["emotion", [1, 2]],
    ["seen", [1]],
    ["past_0", [1, 1]],
  ]),
  async run({ samples, past_0: past }) {
    const sum = past.data[0] + samples.data.subarray(100, 1700).reduce((total, value) => total + value, 0);
    const kept = { type: "float32", data: Float32Array.of(sum), dims: [1, 1] };
    return {
      landmarks: { type: "float32", data: new Float32Array(3 * FACE_SIZE).fill(sum / 1e5), dims: [] },
      kept_0: kept,
    };
  },
});

const firsts = (points) => Array.from({ length: points.length / FACE_SIZE }, (_, frame) => points[frame * FACE_SIZE]);
const frames = (...values) => Float32Array.from(values.flatMap((value) => new Array(FACE_SIZE).fill(value)));

test("wishes outside their range are refused with the value and the range", () => {
  refused(() => readDelivery({ fps: 0 }), /^fps is 0: use a number from 1 to 240/);
  refused(() => readDelivery({ fps: NaN }), /^fps is NaN/);
  refused(() => readDelivery({ leadMs: 501 }), /^the lead is 501: use a number from -500 to 500/);
  refused(() => readDelivery({ expressiveness: -1 }), /^expressiveness is -1: use a number from 0 to 2/);
  refused(() => readDelivery({ emotion: "bored" }), /^unknown emotion 'bored': use angry, contempt/);
  refused(() => readDelivery({ emotion: "happy", intensity: 4 }), /^unknown intensity '4'/);
  refused(() => readDelivery({ intensity: 2 }), /^intensity 2 without an emotion/);
});

test("a wish that is not there is the usual one", () => {
  assert.deepEqual(readDelivery({ fps: undefined, emotion: undefined }), readDelivery({}));
  assert.deepEqual(readDelivery({ emotion: "happy", intensity: 2 }).labels, [5, 2]);
});

test("a stream's lead is bounded by what may be heard ahead", () => {
  assert.deepEqual(streamLeadsMs({ latestS: 0.1525 + 1 / 30 }), [-500, 214]);
});

test("windows overlap, and the last holds what is left", () => {
  const lengths = (count) => [...cut(new Float32Array(count), 10, 8)].map(({ length }) => length);
  assert.deepEqual(lengths(5), [5]);
  assert.deepEqual(lengths(10), [10]);
  assert.deepEqual(lengths(11), [10, 3]);
  assert.deepEqual(lengths(27), [10, 10, 10, 3]);
});

test("windows that agree join without a seam, and others fade", () => {
  const joiner = new Joiner(3, 2);
  const out = [joiner.add(frames(0, 0, 0, 0, 0), false), joiner.add(frames(1, 1, 1), true)];
  const [, second] = [...fadeIn(2)];
  assert.deepEqual(firsts(out[0]), [0, 0, 0]);
  firsts(out[1]).forEach((value, place) => assert.ok(Math.abs(value - [fadeIn(2)[0], second, 1][place]) < 1e-6));
});

test("a recording of several windows is the one of a single window, where the network looks at one frame alone", async () => {
  const sound = Float32Array.from({ length: 100_000 }, (_, place) => 0.5 + 0.4 * Math.sin(place / 900));
  const long = await new Recording(loudness).generate(sound, identity);
  const whole = { ...loudness, metadata: { ...loudness.metadata, window_s: "60" } };
  const single = await new Recording(whole).generate(sound, identity);
  assert.equal(long.points.length, frameCount(100_000 / 16_000, 30) * FACE_SIZE);
  assert.ok(long.points.every((value, place) => Math.abs(value - single.points[place]) < 1e-3));
});

test("progress is in seconds, and a cancelled recording runs no further", async () => {
  const [seconds, controller] = [[], new AbortController()];
  let runs = 0;
  const counting = { ...loudness, run: (feeds) => ((runs += 1), loudness.run(feeds)) };
  const told = (done, all) => {
    seconds.push([done, all]);
    controller.abort();
  };
  const task = new Recording(counting).generate(new Float32Array(160_000), identity, {
    onprogress: told,
    signal: controller.signal,
  });
  await assert.rejects(task, { name: "AbortError" });
  assert.deepEqual(seconds, [[1.6, 10]]);
  assert.equal(runs, 1);
});

test("a network that gives no numbers is refused", async () => {
  const broken = {
    ...loudness,
    run: async () => ({ landmarks: { data: new Float32Array(30 * FACE_SIZE).fill(NaN) } }),
  };
  await assert.rejects(new Recording(broken).generate(new Float32Array(16_000), identity), {
    name: "UserError",
  });
});

test("a bundle of another kind or version is refused", () => {
  refused(() => new Recording(adder()), /model file is damaged or of another version/);
  refused(() => new Recording({ ...loudness, metadata: { ...loudness.metadata, kfusion_format: "2" } }), /format 2/);
});

test("a stream does not depend on how its sound is cut, and counts its frames", async () => {
  const sound = Float32Array.from({ length: 40_321 }, (_, place) => Math.sin(place / 50));
  const all = async (sizes, options) => {
    const stream = await Stream.start(adder(), identity, options);
    const points = [];
    for (let at = 0, turn = 0; at < sound.length; at += sizes[turn % sizes.length], turn += 1) {
      const got = await stream.push(sound.slice(at, at + sizes[turn % sizes.length]));
      assert.equal(got.firstFrame, points.length / FACE_SIZE);
      points.push(...got.points);
    }
    points.push(...(await stream.flush()).points);
    return points;
  };
  for (const options of [{}, { fps: 25, leadMs: 70 }, { fps: 60, leadMs: -120 }]) {
    const whole = await all([sound.length], options);
    assert.equal(whole.length, frameCount(sound.length / 16_000, options.fps ?? 30) * FACE_SIZE);
    assert.deepEqual(await all([1600], options), whole);
    assert.deepEqual(await all([1, 5000, 37], options), whole);
  }
});

test("a stream starts anew every ten seconds, so that it does not remember for ever", async () => {
  const stream = await Stream.start(adder(), identity);
  const { points } = await stream.push(new Float32Array(16_000 * 25).fill(1));
  const values = firsts(points).map((value) => (value - 128) / 80);
  assert.ok(Math.abs(values[3 * 99] - 1.6) < 0.01, `${values[3 * 99]}`);
  assert.ok(Math.abs(values[3 * 125] - 0.416) < 0.01, `${values[3 * 125]}`);
});

test("a stream that has ended takes no more, and sound that is no number is refused and forgotten", async () => {
  const stream = await Stream.start(adder(), identity);
  await assert.rejects(stream.push(Float32Array.of(NaN)), { name: "UserError" });
  assert.equal((await stream.flush()).points.length, 0);
  await assert.rejects(stream.push(new Float32Array(10)), /the stream has ended/);
  await assert.rejects(stream.flush(), /the stream has ended/);
});

test("a stream says how far ahead it hears", async () => {
  const ahead = async (options) => (await Stream.start(adder(), identity, options)).lookAheadS;
  assert.equal(await ahead({}), 0.125);
  assert.ok(Math.abs((await ahead({ leadMs: 100 })) - 0.225) < 1e-9);
  assert.ok(Math.abs((await ahead({ fps: 25 })) - 0.125 - 1 / 30) < 1e-9);
});

test("frames at another rate stand between those of the model, and still before and after them", () => {
  const given = new StreamRate(30, 60, 0.05);
  const [first, rest] = [given.take(frames(0, 2, 4, 6), 6), given.take(frames(), 8, true)];
  assert.deepEqual(firsts(joined(first, rest)), [3, 4, 5, 6, 6, 6, 6, 6]);
  assert.deepEqual(firsts(atRate(frames(0, 2, 4), 30, 15, 2, -0.05)), [0, 1]);
});

test("lips that meet for one frame alone still do at another rate", () => {
  const face = (opening) => {
    const points = Float32Array.from(FACE);
    points[2 * 66 + 1] = points[2 * 62 + 1] + opening;
    points[2 * 66] = points[2 * 62];
    return points;
  };
  const talk = joined(...[0.2, 0.2, 0.2, 0, 0.2, 0.2, 0.2].map(face));
  const openings = (points) =>
    Array.from({ length: points.length / FACE_SIZE }, (_, frame) => {
      const from = frame * FACE_SIZE;
      return points[from + 133] - points[from + 125];
    });
  assert.ok(Math.min(...openings(atRate(talk, 30, 25, 5, 0))) < 1e-6);
});

test("motion is scaled about the face at rest, and closed lips stay closed", () => {
  const rest = Float32Array.from(FACE);
  const moved = rest.map((value, place) => value + (place < 40 ? 0.1 : 0));
  assert.ok(Math.abs(scaleMotion(moved, rest, 2)[0] - rest[0] - 0.2) < 1e-6);
  const shut = rest.slice();
  shut[2 * 66 + 1] = shut[2 * 62 + 1];
  shut[2 * 66] = shut[2 * 62];
  const livelier = scaleMotion(shut, rest, 1.8);
  assert.ok(Math.abs(livelier[2 * 66 + 1] - livelier[2 * 62 + 1]) < 1e-6);
});

test("the median of an even number of faces lies between the middle two", () => {
  assert.equal(medianFace(frames(5, 1, 3, 100))[7], 4);
});

test("the unit frame has the eye corners at -1/2 and 1/2, and the way back is exact", () => {
  const unit = unitFrame(identity);
  const face = unit.apply(identity);
  [-0.5, 0].forEach((value, axis) => assert.ok(Math.abs(face[72 + axis] - value) < 1e-6));
  [0.5, 0].forEach((value, axis) => assert.ok(Math.abs(face[90 + axis] - value) < 1e-6));
  assert.ok(
    unit
      .inverse()
      .apply(face)
      .every((value, place) => Math.abs(value - identity[place]) < 1e-4),
  );
  refused(() => unitFrame(new Float32Array(FACE_SIZE)), /outer eye corners \(points 36 and 45\) coincide/);
});

test("points that are no face in pixels are refused with what is wrong", () => {
  const face = (change) => () => checkFace(identity.map(change));
  face((value) => value)();
  face((value, place) => (place % 2 ? 1 : -1) * identity[place ^ 1])();
  refused(
    face((value) => value / 300),
    /outer eye corners are 0\.267 apart, so these are no pixels/,
  );
  refused(
    face((value, place) => (place % 2 ? -value : value)),
    /a face in a mirror: y must grow downwards/,
  );
  refused(
    face((value, place) => identity[(place * 7) % 136]),
    /do not lie as those of a face do/,
  );
  refused(
    face((value, place) => (place === 9 ? NaN : value)),
    /pass x and y of 68 points/,
  );
  refused(() => checkFace(new Float32Array(10)), /pass x and y of 68 points/);
});

test("numbers are rounded as Python rounds, and a product of rates is not one frame more", () => {
  assert.deepEqual(
    [0.5, 1.5, 2.5, -0.5, -1.5, 2.4].map((value) => rounded(value) + 0),
    [0, 2, 2, 0, -2, 2],
  );
  assert.equal(frameCount(0.1 * 3, 30), 9);
  assert.equal(frameCount(0.3001, 30), 10);
});

test("what a model says about itself is read past its other fields", () => {
  const entry = [0x0a, 3, ...Buffer.from("fps"), 0x12, 2, ...Buffer.from("30")];
  const model = [0x08, 0x96, 0x01, 0x3a, 2, 9, 9, 0x72, entry.length, ...entry, 0x15, 1, 2, 3, 4];
  assert.deepEqual(readMetadata(Uint8Array.from(model)), { fps: "30" });
});
