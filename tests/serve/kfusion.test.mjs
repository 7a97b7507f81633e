// Tests of the parts of static/kfusion.js that need no browser: `node kfusion.test.mjs PATH_OF_THE_MODULE`.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const { Delay, RATE_HZ, Resampler, Timeline, drawFace, makeView, startMessage, toPcm16 } = await import(
  pathToFileURL(process.argv[2])
);

const sine = (rate, hz, seconds) =>
  Float32Array.from({ length: rate * seconds }, (_, n) => Math.sin((2 * Math.PI * hz * n) / rate));

function resampled(rate, sound, size) {
  const resampler = new Resampler(rate);
  const pieces = [];
  for (let n = 0; n < sound.length; n += size) pieces.push(...resampler.push(sound.subarray(n, n + size)));
  return pieces;
}

const tests = {
  "sound of any rate becomes the same sound at 16 kHz, in time"() {
    for (const rate of [8000, 16000, 22050, 44100, 48000, 96000]) {
      const wanted = sine(RATE_HZ, 440, 0.5);
      const given = resampled(rate, sine(rate, 440, 0.5), 128);
      assert.ok(given.length > wanted.length - 200 && given.length <= wanted.length, `${rate}: ${given.length}`);
      for (let n = 200; n < given.length; n++) assert.ok(Math.abs(given[n] - wanted[n]) < 0.01, `${rate} at ${n}`);
    }
  },
  "what 16 kHz cannot hold is left out"() {
    const given = resampled(48000, sine(48000, 12000, 0.5), 128).slice(400);
    assert.ok(Math.max(...given.map(Math.abs)) < 0.01);
  },
  "resampled sound does not depend on how it was cut"() {
    const sound = sine(44100, 300, 0.2);
    assert.deepEqual(resampled(44100, sound, 128), resampled(44100, sound, 1000));
  },
  "samples are little-endian and clipped"() {
    const bytes = new Uint8Array(toPcm16(Float32Array.of(0, 0.5, -1, 1, 7)));
    assert.deepEqual([...bytes], [0, 0, 0, 0x40, 0, 0x80, 0xff, 0x7f, 0xff, 0x7f]);
  },
  "the first message is that of version 1"() {
    const start = JSON.parse(startMessage({ token: "t" }));
    assert.equal(start.type + start.version + start.sample_rate + start.token, "start116000t");
    assert.deepEqual([start.lead_ms, start.expressiveness], [null, null]);
    const told = JSON.parse(startMessage({ lead_ms: -40, expressiveness: 1.5 }));
    assert.deepEqual([told.lead_ms, told.expressiveness], [-40, 1.5]);
  },
  "the face between two frames lies between them, and the last one stays"() {
    const timeline = new Timeline(10);
    assert.equal(timeline.at(0), null);
    timeline.add({ first_frame: 0, points: [[[0, 0]], [[10, 20]]] });
    assert.deepEqual(timeline.at(0.05), [[5, 10]]);
    assert.deepEqual(timeline.at(9), [[10, 20]]);
    assert.equal(timeline.at(-1), null);
  },
  "frames that were shown are forgotten"() {
    const timeline = new Timeline(10);
    for (let n = 0; n < 1000; n++) {
      timeline.add({ first_frame: n, points: [[[n, n]]] });
      timeline.at(n / 10);
    }
    assert.ok(timeline.frames.size < 15, `${timeline.frames.size}`);
  },
  "the delay covers the latest frame and shrinks slowly"() {
    const delay = new Delay(0.15);
    delay.note(1, 1.3);
    assert.ok(delay.seconds > 0.3);
    for (let n = 0; n < 1000; n++) delay.note(1, 1.1);
    assert.equal(delay.seconds, 0.15);
    delay.note(1, 99);
    assert.ok(delay.seconds <= 1.15);
  },
  "a face is drawn inside the canvas, all its lines"() {
    const face = Array.from({ length: 68 }, (_, n) => [300 + (n % 10), 50 + n]);
    const drawn = [];
    const record = (name) => (...place) => drawn.push([name, ...place]);
    const context = { canvas: { width: 400, height: 300 }, clearRect() {}, beginPath() {}, stroke: record("stroke") };
    Object.assign(context, { moveTo: record("moveTo"), lineTo: record("lineTo"), closePath: record("closePath") });
    drawFace(context, face, makeView(face, 400, 300));
    const count = (name) => drawn.filter(([kind]) => kind === name).length;
    assert.deepEqual([count("stroke"), count("moveTo"), count("moveTo") + count("lineTo"), count("closePath")], [9, 9, 68, 4]);
    for (const [kind, x, y] of drawn) {
      if (kind.endsWith("To")) assert.ok(x >= 0 && x <= 400 && y >= 0 && y <= 300);
    }
  },
};

for (const [name, test] of Object.entries(tests)) {
  test();
  console.log(`ok - ${name}`);
}
