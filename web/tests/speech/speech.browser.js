/** Sound, recordings, streams and the microphone in a real browser. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FACE_SIZE } from "../../src/speech/landmarks.js";
import { microphoneOf, noChromium, openPage } from "../fixtures/chromium.js";
import { packagedSpeech } from "./packaged.js";
import { TOLERANCE, cases, furthest, identity, optionsOf } from "./python_points.js";
import { wavFile } from "./wav.js";

const skip = noChromium;
const speech = packagedSpeech();

let opened, folder;
before(async () => {
  if (skip) {
    return;
  }
  folder = mkdtempSync(join(tmpdir(), "kfusion-"));
  writeFileSync(join(folder, "speech.wav"), wavFile([speech], 16_000));
  opened = await openPage({ args: microphoneOf(join(folder, "speech.wav")), permissions: ["microphone"] });
  await opened.page.evaluate(
    async (points) => {
      Object.assign(window, await import("/src/speech/index.js"), { identity: Float32Array.from(points) });
      window.fetched = async (url) => (await fetch(url)).arrayBuffer();
      window.refusal = (task) =>
        task().then(
          () => "nothing",
          (error) => `${error.name}: ${error.message}`,
        );
    },
    [...identity],
  );
});
after(async () => {
  await opened?.close();
  rmSync(folder, { recursive: true, force: true });
});

const inPage = (task, argument) => opened.page.evaluate(task, argument);

test("a file at 16 kHz is decoded sample by sample", { skip }, async () => {
  const heard = await inPage(async () => [...(await window.decodeSound(await window.fetched("/assets/speech.flac")))]);
  assert.equal(heard.length, speech.length);
  const error = heard.reduce((most, value, place) => Math.max(most, Math.abs(value - speech[place])), 0);
  assert.ok(error <= 1 / 32_768, `${error}`); // Chromium divides what is above 0 by 32767
});

test(
  "a file at another rate is decoded at its own, in mono, also where its channels cancel each other out",
  { skip },
  async () => {
    const loud = Float32Array.from({ length: 48_000 }, (_, at) => 0.3 * Math.sin((2 * Math.PI * 440 * at) / 48_000));
    const file = wavFile([loud, loud.map((value) => -value)], 48_000);
    const { count, error, notes } = await inPage(
      async (bytes) => {
        const notes = [];
        const heard = await window.decodeSound(new File([Uint8Array.from(bytes)], "a.wav"), {
          onnote: (note) => notes.push(note),
        });
        const error = heard.reduce(
          (most, value, at) => Math.max(most, Math.abs(value - 0.3 * Math.sin((2 * Math.PI * 440 * at) / 16_000))),
          0,
        );
        return { count: heard.length, error, notes };
      },
      [...file],
    );
    assert.equal(count, 16_000);
    assert.ok(error < 0.01, `${error}`);
    assert.deepEqual(notes, ["a.wav: its channels cancel each other out: each is turned to the phase of the loudest"]);
  },
);

test("what is no sound, empty, or silent is refused in words", { skip }, async () => {
  const silence = [...wavFile([new Float32Array(16_000)], 16_000)];
  const said = await inPage(async (bytes) => {
    const files = { "a.txt": ["no sound"], "b.wav": [], "c.wav": [Uint8Array.from(bytes)] };
    const tasks = Object.entries(files).map(([name, parts]) =>
      window.refusal(() => window.decodeSound(new File(parts, name))),
    );
    return Promise.all(tasks);
  }, silence);
  assert.deepEqual(said, [
    "UserError: a.txt: holds no sound that this browser reads: pass a recording as WAV, FLAC, MP3, Ogg, M4A or MP4",
    "UserError: b.wav: is empty (0 bytes): record or export it again",
    "UserError: c.wav: is silent (every sample is 0): record it again",
  ]);
});

test("a recording of more than an hour is refused before it is decoded", { skip }, async () => {
  const said = await inPage(async () => {
    const header = new DataView(new ArrayBuffer(44));
    [..."RIFF....WAVEfmt "].forEach((letter, place) => header.setUint8(place, letter.charCodeAt(0)));
    [..."data"].forEach((letter, place) => header.setUint8(36 + place, letter.charCodeAt(0)));
    const count = 8000 * 3700;
    for (const [at, value] of [
      [4, 36 + count],
      [16, 16],
      [20, 0x0001_0001],
      [24, 8000],
      [28, 8000],
      [32, 0x0008_0001],
      [40, count],
    ]) {
      header.setUint32(at, value, true);
    }
    const file = new File([header, new Uint8Array(count).fill(128)], "long.wav");
    return window.refusal(() => window.decodeSound(file));
  });
  assert.equal(said, "UserError: long.wav: lasts 62 minutes: pass at most 60, or cut it");
});

test(
  "a recording is animated beside the page, with bytes and seconds told on the way, and can be cancelled",
  { skip },
  async () => {
    const said = await inPage(async () => {
      const [bytes, seconds] = [[], []];
      const engine = await window.loadRecordings({ onprogress: (...news) => bytes.push(news) });
      const samples = await window.decodeSound(await window.fetched("/assets/speech.flac"));
      const told = (...news) => seconds.push(news);
      const { points, fps, model } = await engine.generate(samples, window.identity, { fps: 25, onprogress: told });
      const controller = new AbortController();
      const cancelled = await window.refusal(() =>
        engine.generate(samples, window.identity, { signal: controller.signal, onprogress: () => controller.abort() }),
      );
      const wrong = await window.refusal(() => engine.generate(samples, window.identity, { emotion: "bored" }));
      const again = await engine.generate(samples.slice(0, 16_000), window.identity);
      window.recordings = engine;
      return {
        bytes: bytes.at(-1),
        seconds,
        count: points.length,
        fps,
        model,
        cancelled,
        wrong,
        again: again.points.length,
      };
    });
    assert.equal(said.bytes[0], said.bytes[1]);
    assert.deepEqual(said.seconds.at(-1), [9.34, 9.34]);
    assert.equal(said.seconds.length, 2);
    assert.equal(said.count, Math.ceil(9.34 * 25) * FACE_SIZE);
    assert.equal(said.fps, 25);
    assert.match(said.model, /^kfusion-/);
    assert.match(said.cancelled, /^AbortError/);
    assert.match(said.wrong, /^UserError: unknown emotion 'bored': use angry, /);
    assert.equal(said.again, 30 * FACE_SIZE);
  },
);

for (const name of ["whole", "a file at 44.1 kHz"]) {
  const one = cases.find((listed) => listed.name === name);
  test(`a file that the browser decodes gives what Python gives: ${name}`, { skip }, async (context) => {
    const url = one.file ? `/fixtures/${one.file}` : "/assets/speech.flac";
    const points = await inPage(
      async ({ url, options }) => {
        const samples = await window.decodeSound(await window.fetched(url));
        const { points } = await window.recordings.generate(samples, window.identity, options);
        return [...points];
      },
      { url, options: optionsOf(one) },
    );
    const distance = furthest(points, one);
    context.diagnostic(`furthest point: ${(100 * distance).toFixed(3)} % of the eye distance`);
    assert.ok(distance < TOLERANCE);
  });
}

test("a stream gives its frames in order, and the microphone feeds one", { skip }, async (context) => {
  const said = await inPage(async () => {
    const engine = await window.loadStreams();
    const samples = await window.decodeSound(await window.fetched("/assets/speech.flac"));
    const wanted = engine.start(window.identity);
    const first = [];
    wanted.onframes = ({ firstFrame, points }) => first.push([firstFrame, points.length]);
    const begun = performance.now();
    for (let at = 0; at < samples.length; at += 320) {
      wanted.push(samples.slice(at, at + 320));
    }
    await wanted.flush();
    const msABlock = (performance.now() - begun) / (samples.length / 1600);
    const { lookAheadS } = await wanted.started;
    const errors = [];
    const wrong = engine.start(window.identity, { leadMs: 400 });
    wrong.onerror = (error) => errors.push(error.message);
    await wrong.started.catch(() => {});
    const live = engine.start(window.identity);
    const heard = { samples: 0, peak: 0, frames: 0, ended: undefined };
    live.onframes = ({ points }) => (heard.frames += points.length / 136);
    const microphone = await window.openMicrophone({
      onsamples: (piece) => {
        heard.samples += piece.length;
        heard.peak = Math.max(heard.peak, ...piece);
        live.push(piece);
      },
      onend: (error) => (heard.ended = error),
    });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    microphone.stop();
    await live.flush();
    engine.close();
    return { first, msABlock, lookAheadS, errors, heard };
  });
  context.diagnostic(`${said.msABlock.toFixed(1)} ms for 100 ms of sound`);
  said.first.reduce((next, [firstFrame, length]) => {
    assert.equal(firstFrame, next);
    return next + length / FACE_SIZE;
  }, 0);
  assert.equal(
    said.first.reduce((sum, [, length]) => sum + length, 0),
    281 * FACE_SIZE,
  );
  assert.equal(said.lookAheadS, 0.1525);
  assert.match(said.errors.join(), /^the lead is 400: use a number from -500 to 214/);
  assert.ok(said.heard.samples > 8_000 && said.heard.peak > 0.01, JSON.stringify(said.heard));
  assert.equal(said.heard.frames, Math.ceil((said.heard.samples / 16_000) * 30));
  assert.equal(said.heard.ended, null);
});

test("a microphone that goes away ends once, with what to do", { skip }, async () => {
  const said = await inPage(async () => {
    const ends = [];
    const microphone = await window.openMicrophone({ onsamples() {}, onend: (error) => ends.push(`${error}`) });
    microphone.track.dispatchEvent(new Event("ended"));
    microphone.stop();
    return { ends, state: microphone.track.readyState };
  });
  assert.deepEqual(said, {
    ends: ["UserError: The microphone went away: plug it in, then press speak."],
    state: "ended",
  });
});

test("where a browser hears the microphone at its own rate alone, the page brings it to 16 kHz", { skip }, async () => {
  const { heard, rateHz } = await inPage(async () => {
    const Real = window.AudioContext;
    const heard = { samples: 0, peak: 0 };
    window.AudioContext = class extends Real {
      constructor() {
        super({ sampleRate: 44_100 });
        heard.rateHz = this.sampleRate;
      }
    };
    const microphone = await window.openMicrophone({
      onsamples: (piece) => {
        heard.samples += piece.length;
        heard.peak = Math.max(heard.peak, ...piece);
      },
    });
    const begun = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    microphone.stop();
    window.AudioContext = Real;
    return { heard, rateHz: heard.samples / ((performance.now() - begun) / 1000) };
  });
  assert.equal(heard.rateHz, 44_100);
  assert.ok(rateHz > 12_000 && rateHz < 20_000, `${rateHz}`);
  assert.ok(heard.peak > 0.01);
});

test("a microphone that is refused or not there says what to do", { skip }, async () => {
  const said = await inPage(async () => {
    const words = [];
    const real = navigator.mediaDevices.getUserMedia;
    for (const name of ["NotAllowedError", "NotFoundError", "NotReadableError", "StrangeError"]) {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("why", name));
      words.push(await window.refusal(() => window.openMicrophone({ onsamples() {} })));
    }
    navigator.mediaDevices.getUserMedia = real;
    Object.defineProperty(navigator, "mediaDevices", { value: undefined, configurable: true });
    words.push(await window.refusal(() => window.openMicrophone({ onsamples() {} })));
    Object.defineProperty(window, "isSecureContext", { value: false });
    words.push(await window.refusal(() => window.openMicrophone({ onsamples() {} })));
    return words;
  });
  assert.match(said[0], /^UserError: The microphone was refused: allow it/);
  assert.match(said[1], /^UserError: No microphone was found: plug one in/);
  assert.match(said[2], /^UserError: Another program uses the microphone: close it/);
  assert.match(said[3], /^UserError: The microphone did not open \(why\)/);
  assert.match(said[4], /^UserError: This browser has no microphone for pages/);
  assert.match(said[5], /^UserError: A page may hear the microphone only over https/);
});

test("a file that is not on the server is named", { skip }, async () => {
  const said = await inPage(() => window.refusal(() => window.loadRecordings({ base: "/nowhere/" })));
  assert.match(said, /^UserError: (default\.onnx|face_shapes\.npz) could not be loaded \(/);
});
