// A face that speaks with a voice, on a canvas: the protocol of `WS /v1/stream`, version 1 (docs/serving.md).
//
//   import { KFusion } from "./kfusion.js";
//   const face = new KFusion({ canvas, onChange: (state) => show(state) });
//   face.microphone();                // or: face.file(file)
//   face.stop();
//
// The same file is the AudioWorklet module that captures the microphone. No dependencies, no build step.

export const VERSION = 1;
export const RATE_HZ = 16000;
const CAPTURE_SAMPLES = 320; // 20 ms a message
const FILE_SAMPLES = 8000;
const MAX_BUFFERED_BYTES = 256 * 1024;
const FILE_LEAD_S = 0.25; // from "ready" to the first sample of a file
const LATE_MARGIN_S = 0.02;
const KEPT_S = 1; // of frames that were shown

// The lines a face is drawn with: first point, last point, closed.
const LINES = [
  [0, 16], [17, 21], [22, 26], [27, 30], [31, 35], [36, 41, true], [42, 47, true], [48, 59, true], [60, 67, true],
];
const MOUTH = 48;

/** Mono float samples of any rate to 16 kHz, in pieces: a windowed sinc, 16 lobes to each side. */
export class Resampler {
  constructor(rateHz) {
    this.step = rateHz / RATE_HZ;
    this.scale = Math.min(1, 1 / this.step) * 0.95;
    this.reach = Math.ceil(16 / this.scale);
    this.held = new Float32Array(this.reach); // silence before the first sample
    this.next = this.reach; // place of the next output in `held`
    this.taps = new Map();
  }

  /** The output samples that became ready. */
  push(samples) {
    if (this.step === 1) return Float32Array.from(samples);
    const sound = new Float32Array(this.held.length + samples.length);
    sound.set(this.held);
    sound.set(samples, this.held.length);
    const ready = [];
    for (; this.next + this.reach < sound.length; this.next += this.step) ready.push(this.at(sound, this.next));
    const drop = Math.max(0, Math.floor(this.next) - this.reach);
    this.held = sound.slice(drop);
    this.next -= drop;
    return Float32Array.from(ready);
  }

  at(sound, place) {
    const whole = Math.floor(place);
    const taps = this.kernel(place - whole);
    let sum = 0;
    for (let k = 0; k < taps.length; k++) sum += taps[k] * sound[whole - this.reach + 1 + k];
    return sum;
  }

  kernel(phase) {
    const key = Math.round(phase * 4096);
    if (!this.taps.has(key)) this.taps.set(key, this.sinc(key / 4096));
    return this.taps.get(key);
  }

  sinc(phase) {
    const taps = new Float64Array(2 * this.reach);
    for (let k = 0; k < taps.length; k++) {
      const x = k - this.reach + 1 - phase;
      const lobe = Math.PI * x * this.scale;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / this.reach);
      taps[k] = this.scale * window * (x === 0 ? 1 : Math.sin(lobe) / lobe);
    }
    const gain = taps.reduce((sum, tap) => sum + tap, 0);
    return taps.map((tap) => tap / gain);
  }
}

/** Floats with full scale 1 as the bytes of 16-bit little-endian samples. */
export function toPcm16(samples) {
  const view = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, n) => {
    view.setInt16(2 * n, Math.max(-32768, Math.min(32767, Math.round(sample * 32768))), true);
  });
  return view.buffer;
}

/** The first message of a stream. */
export function startMessage(options = {}) {
  const { fps = 30, face = null, emotion = null, intensity = null, token = null } = options;
  const { lead_ms = null, expressiveness = null } = options; // null: as the server has it
  return JSON.stringify({
    type: "start", version: VERSION, sample_rate: RATE_HZ, format: "pcm16", encoding: "json",
    fps, face, emotion, intensity, lead_ms, expressiveness, token,
  });
}

/** Frames by their number, and the face at any moment between them. */
export class Timeline {
  constructor(fps) {
    this.fps = fps;
    this.frames = new Map();
    this.last = -1;
  }

  add({ first_frame: first, points }) {
    points.forEach((face, n) => this.frames.set(first + n, face));
    this.last = Math.max(this.last, first + points.length - 1);
  }

  /** The face at `time` seconds after the first sample; the last one there is where it has not come yet. */
  at(time) {
    if (this.last < 0 || time < 0) return null;
    const place = Math.min(time * this.fps, this.last);
    const before = Math.floor(place);
    for (const number of this.frames.keys()) {
      if (number >= before - KEPT_S * this.fps) break;
      this.frames.delete(number);
    }
    const [from, to] = [this.frames.get(before), this.frames.get(Math.min(before + 1, this.last))];
    if (!from || !to) return from ?? null;
    const share = place - before;
    return from.map(([x, y], n) => [x + share * (to[n][0] - x), y + share * (to[n][1] - y)]);
  }
}

/** How long frames are held back so that they come evenly: as long as the latest ones needed. */
export class Delay {
  constructor(least) {
    this.seconds = least;
    this.least = least;
  }

  /** A frame that shows `time` came at `now`, both on the same clock. */
  note(time, now) {
    const needed = Math.min(now - time + LATE_MARGIN_S, this.least + 1);
    this.seconds = Math.max(needed, this.least, 0.97 * this.seconds - 0.001);
  }
}

/** Where a face goes on a canvas: scale and offset that centre it, with room for an open mouth. */
export function makeView(face, width, height) {
  const [xs, ys] = [0, 1].map((axis) => face.map((point) => point[axis]));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = (0.72 * Math.min(width, height)) / Math.max(right - left, bottom - top, 1e-6);
  return { scale, x: width / 2 - (scale * (left + right)) / 2, y: height * 0.48 - (scale * (top + bottom)) / 2 };
}

/** Draw one face of 68 points. */
export function drawFace(context, face, view, { line = "#d6f0ff", mouth = "#ffd648" } = {}) {
  const { canvas } = context;
  const place = ([x, y]) => [view.x + view.scale * x, view.y + view.scale * y];
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.lineWidth = Math.max(1.5, canvas.width / 220);
  context.lineJoin = context.lineCap = "round";
  for (const [first, last, closed] of LINES) {
    context.strokeStyle = first >= MOUTH ? mouth : line;
    context.beginPath();
    for (let n = first; n <= last; n++) context[n === first ? "moveTo" : "lineTo"](...place(face[n]));
    if (closed) context.closePath();
    context.stroke();
  }
}

/** One socket: `ready` once the server is, frames to `onFrames`, the end or an error to `onEnd`. */
class Socket {
  constructor(url, start, { onReady, onFrames, onEnd }) {
    this.socket = new WebSocket(url);
    this.ended = false;
    const end = (error) => {
      if (!this.ended) onEnd(error);
      this.ended = true;
    };
    const handlers = {
      ready: onReady,
      frames: onFrames,
      end: () => end(null),
      error: ({ message }) => end(message),
    };
    this.socket.onopen = () => this.socket.send(start);
    this.socket.onmessage = ({ data }) => {
      if (this.ended) return;
      const message = JSON.parse(data);
      handlers[message.type]?.(message);
    };
    this.socket.onclose = ({ code }) => end(`the server closed the stream (${code})`);
  }

  send(samples) {
    if (this.socket.readyState === WebSocket.OPEN && samples.length) this.socket.send(toPcm16(samples));
  }

  /** Send a whole recording, never much more than the network takes. */
  async sendAll(samples) {
    for (let n = 0; n < samples.length && !this.ended; n += FILE_SAMPLES) {
      while (!this.ended && this.socket.bufferedAmount > MAX_BUFFERED_BYTES) await new Promise((done) => setTimeout(done, 50));
      this.send(samples.subarray(n, n + FILE_SAMPLES));
    }
    this.flush();
  }

  flush() {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('{"type":"flush"}');
  }

  close() {
    this.ended = true;
    this.socket.close();
  }
}

/** A face on a canvas that speaks with the microphone or a file; what goes wrong is told to `onChange`. */
export class KFusion {
  /** Options: `canvas`; `url` of the server; `token`, `face`, `emotion`, `intensity`, `lead_ms`, `expressiveness`; `onChange`. */
  constructor({ canvas, url = defaultUrl(), onChange = () => {}, ...start }) {
    Object.assign(this, { canvas, url, onChange, start, state: { phase: "idle" }, run: null });
  }

  /** Follow the microphone until `stop`. */
  microphone() {
    return this.attempt(async (run) => {
      if (!navigator.mediaDevices) throw new Error("browsers give a microphone only to localhost and over HTTPS");
      const media = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
      run.onEnd(() => media.getTracks().forEach((track) => track.stop()));
      const context = openAudio(run);
      await context.audioWorklet.addModule(import.meta.url);
      const capture = new AudioWorkletNode(context, "kfusion-capture");
      const ready = await this.connect(run);
      const delay = new Delay(ready.look_ahead_s);
      let origin = null; // of the stream, on the audio clock
      capture.port.onmessage = ({ data }) => {
        origin ??= context.currentTime - data.length / RATE_HZ;
        run.socket.send(data);
      };
      run.onFrames = ({ times_s: times }) => {
        delay.note(origin + times[0], context.currentTime);
        this.change({ latency_s: delay.seconds });
      };
      const silent = new GainNode(context, { gain: 0 }); // only what leads to the loudspeaker is asked for sound
      context.createMediaStreamSource(media).connect(capture).connect(silent).connect(context.destination);
      this.animate(run, () => (origin === null ? -1 : context.currentTime - origin - delay.seconds));
      this.change({ phase: "listening" });
    });
  }

  /** Play a sound file, and the face with it. */
  file(file) {
    return this.attempt(async (run) => {
      const context = openAudio(run);
      const sound = await context.decodeAudioData(await file.arrayBuffer());
      const samples = await toMono16k(sound);
      await this.connect(run);
      const source = new AudioBufferSourceNode(context, { buffer: sound });
      const origin = context.currentTime + FILE_LEAD_S;
      run.socket.sendAll(samples);
      source.connect(context.destination);
      source.start(origin);
      source.onended = () => this.stop();
      run.onEnd(() => (source.onended = null));
      run.onFrames = ({ times_s: times }) => {
        this.change({ latency_s: Math.max(0, context.currentTime - origin - times[0]) });
      };
      this.animate(run, () => context.currentTime - (context.outputLatency || 0) - origin);
      this.change({ phase: "speaking" });
    });
  }

  /** Show the face at rest. */
  rest() {
    return this.attempt(async (run) => {
      await this.connect(run);
      run.socket.flush();
      this.animate(run, () => -1);
      this.stop();
    });
  }

  /** End the stream, and let microphone and loudspeaker go. */
  stop(error = null) {
    this.run?.end();
    this.run = null;
    this.change({ phase: error ? "failed" : "idle", error });
  }

  /** Begin a run in place of the one there is; one that was stopped while it waited leaves nothing behind. */
  async attempt(work) {
    this.stop();
    this.change({ phase: "connecting", error: null, frames: 0, latency_s: null });
    const run = (this.run = new Run());
    try {
      await work(run);
    } catch (error) {
      if (run === this.run) this.stop(error.message);
    }
  }

  /** The server's `ready`; frames go to the run's timeline from then on. */
  connect(run) {
    return new Promise((resolve, reject) => {
      const onReady = (ready) => {
        run.timeline = new Timeline(ready.fps);
        run.face = ready.face;
        this.change({ model: ready.model });
        resolve(ready);
      };
      const onFrames = (message) => {
        run.timeline.add(message);
        this.change({ frames: this.state.frames + message.points.length });
        run.onFrames?.(message);
      };
      const onEnd = (error) => {
        if (error) this.stop(error);
        if (error) reject(new Error(error));
      };
      run.socket = new Socket(this.url, startMessage(this.start), { onReady, onFrames, onEnd });
      run.onEnd(() => run.socket.close());
    });
  }

  /** Draw the face of `now()`, seconds of the stream, on every picture of the screen; at rest when the run ends. */
  animate(run, now) {
    const context = this.canvas.getContext("2d");
    const view = makeView(run.face, this.canvas.width, this.canvas.height);
    let request = 0;
    const draw = () => {
      drawFace(context, run.timeline.at(now()) ?? run.face, view);
      request = requestAnimationFrame(draw);
    };
    draw();
    run.onEnd(() => {
      cancelAnimationFrame(request);
      drawFace(context, run.face, view);
    });
  }

  change(changes) {
    this.state = { ...this.state, ...changes };
    this.onChange(this.state);
  }
}

/** What one run of the microphone or a file holds, and lets go at its end. */
class Run {
  undo = [];
  ended = false;

  onEnd(undo) {
    if (!this.ended) return this.undo.push(undo);
    undo();
    throw new Error("stopped");
  }

  end() {
    this.ended = true;
    this.undo.splice(0).reverse().forEach((undo) => undo());
  }
}

function openAudio(run) {
  const context = new AudioContext({ latencyHint: "interactive" });
  run.onEnd(() => context.close());
  return context;
}

function defaultUrl() {
  return new URL("v1/stream", document.baseURI).href.replace(/^http/, "ws");
}

async function toMono16k(sound) {
  const context = new OfflineAudioContext(1, Math.ceil(sound.duration * RATE_HZ), RATE_HZ);
  const source = new AudioBufferSourceNode(context, { buffer: sound });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

if (globalThis.AudioWorkletProcessor) {
  registerProcessor("kfusion-capture", class extends AudioWorkletProcessor {
    resampler = new Resampler(sampleRate);
    held = [];

    process([[samples]]) {
      if (samples) this.held.push(...this.resampler.push(samples));
      if (this.held.length >= CAPTURE_SAMPLES) this.port.postMessage(Float32Array.from(this.held.splice(0)));
      return true;
    }
  });
}
