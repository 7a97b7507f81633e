/** What a canvas shows, recorded with its sound as it is shown. */

import { UserError } from "../errors.js";
import { marked } from "./mark.js";
import { silence, soundSource } from "./sound.js";

/** What is asked of the browser, the best first. */
const KINDS = [
  "video/mp4;codecs=avc1.640028,mp4a.40.2",
  "video/mp4;codecs=avc1.42E01F,mp4a.40.2",
  "video/webm;codecs=vp9,opus",
  "video/webm;codecs=vp8,opus",
  "video/webm",
];
const ASKED_MS = 3000;
const BITS_A_PIXEL = 5;
const MOST_BITS_A_S = 12_000_000;

export class FilmRecorder {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Float32Array | MediaStreamTrack} sound samples at 16 kHz, which are heard in the film alone, or a live track
   * @param {{ fps?: number, model?: string }} [options] the name of the weights is written into the film
   */
  constructor(canvas, sound, { fps = 30, model = "" } = {}) {
    if (typeof MediaRecorder === "undefined" || !canvas.captureStream) {
      throw new UserError("this browser cannot record films: use a newer one, or download the landmarks instead");
    }
    this._canvas = canvas;
    this._sound = sound;
    this._fps = fps;
    this._model = model;
    const kind = KINDS.find((name) => MediaRecorder.isTypeSupported(name)) ?? "";
    this._kind = kind;
    /** What the film will be: `video/mp4` or `video/webm`. */
    this.type = kind.split(";")[0] || "video/webm";
    /** @type {MediaRecorder | null} */
    this._recorder = null;
    /** @type {Blob[]} */
    this._parts = [];
  }

  /** Begin; the first picture is the next one that is drawn. */
  async start() {
    const stream = this._canvas.captureStream(this._fps);
    this._pictures = stream.getVideoTracks()[0];
    const begin = await this._addSound(stream);
    const { width, height } = this._canvas;
    const videoBitsPerSecond = Math.min(MOST_BITS_A_S, BITS_A_PIXEL * width * height + 500_000);
    this._recorder = new MediaRecorder(stream, { mimeType: this._kind || undefined, videoBitsPerSecond });
    this._recorder.ondataavailable = ({ data }) => this._parts.push(data);
    this._recorder.start(1000);
    begin();
  }

  /** @returns {Promise<Blob>} */
  async stop() {
    const recorder = this._recorder;
    if (!recorder) throw new Error("the recorder was not started");
    const ended = new Promise((done) => recorder.addEventListener("stop", done, { once: true }));
    if (recorder.state !== "inactive") recorder.stop();
    await ended;
    this._release();
    const recorded = new Blob(this._parts, { type: this.type });
    if (recorded.size === 0)
      throw new UserError("nothing was recorded: nothing was drawn; let the portrait speak and record again");
    return finished(recorded, this._model);
  }

  /** Stop and throw away. */
  cancel() {
    if (this._recorder && this._recorder.state !== "inactive") this._recorder.stop();
    this._release();
  }

  /**
   * Give a stream its sound.
   *
   * @param {MediaStream} stream
   * @returns {Promise<() => void>} what begins it
   */
  async _addSound(stream) {
    if (!(this._sound instanceof Float32Array)) {
      stream.addTrack(this._sound.clone());
      return () => undefined;
    }
    const context = new AudioContext();
    this._context = context;
    await soundAllowed(context);
    const heard = context.createMediaStreamDestination();
    const source = soundSource(context, this._sound, heard);
    silence(context, heard).start();
    stream.addTrack(heard.stream.getAudioTracks()[0]);
    return () => source.start();
  }

  _release() {
    for (const track of this._recorder?.stream.getTracks() ?? []) track.stop();
    this._context?.close();
    this._recorder = null;
  }
}

/**
 * Browsers let no sound play before the page was clicked.
 *
 * @param {AudioContext} context
 */
async function soundAllowed(context) {
  const asked = new Promise((_, refuse) => {
    setTimeout(
      () => refuse(new UserError("this browser plays no sound before a click: click on the page and record again")),
      ASKED_MS,
    );
  });
  await Promise.race([context.resume(), asked]);
}

/**
 * A recorded film with its length, its index and its mark: browsers write none.
 *
 * @param {Blob} recorded
 * @param {string} model
 * @returns {Promise<Blob>}
 */
async function finished(recorded, model) {
  const { BlobSource, BufferTarget, Conversion, Input, MP4, Mp4OutputFormat, Output, WEBM, WebMOutputFormat } =
    await import("mediabunny");
  const input = new Input({ source: new BlobSource(recorded), formats: [MP4, WEBM] });
  const target = new BufferTarget();
  const format = recorded.type === "video/mp4" ? new Mp4OutputFormat() : new WebMOutputFormat();
  const conversion = await Conversion.init({ input, output: new Output({ format, target }), tags: marked(model) });
  await conversion.execute();
  return new Blob([/** @type {ArrayBuffer} */ (target.buffer)], { type: recorded.type });
}
