/**
 * Films of a portrait that talks, with the sound: drawn and encoded picture by picture where the browser has WebCodecs,
 * else recorded as it is shown. MP4 where the browser writes H.264 and AAC, else WebM. Both say in their `comment` and
 * `description` that they are synthetic.
 */

import { UserError } from "../errors.js";
import { STILL } from "../motion/life.js";
import { SAMPLE_RATE_HZ } from "../speech/bundle_card.js";
import { FACE_SIZE } from "../speech/landmarks.js";
import { FilmRecorder } from "./film_recorder.js";
import { marked } from "./mark.js";
import { soundSource } from "./sound.js";

/** @typedef {import("../types.js").LandmarkSequence} LandmarkSequence */
/** @typedef {import("../types.js").LifeSigns} LifeSigns */
/** @typedef {import("./talking.js").TalkingPicture} TalkingPicture */
/** @typedef {import("mediabunny").VideoCodec} VideoCodec */
/** @typedef {import("mediabunny").AudioCodec} AudioCodec */

/**
 * @typedef {object} FilmOptions
 * @property {(timeS: number, opening: number) => LifeSigns} [life] what the face does beside speaking; nothing, if left out
 * @property {(share: number) => void} [onprogress] called with the share that is done, 0 to 1
 * @property {AbortSignal} [signal]
 */

/** @typedef {{ mp4: boolean, video: VideoCodec, audio: AudioCodec }} FilmKind */

/** What every encoder of sound takes. */
const ENCODED_HZ = 48000;
const SOUND_BITS_A_S = 128_000;
const KEY_FRAMES_S = 2;
/** The page gets its turn after so long. */
const TURN_MS = 40;

/**
 * A film of a picture as it says a recording, as fast as it can be encoded.
 *
 * @param {TalkingPicture} picture
 * @param {LandmarkSequence} sequence
 * @param {Float32Array} samples the recording, 16 kHz
 * @param {FilmOptions} [options]
 * @returns {Promise<Blob>} MP4 or WebM, as its type says
 */
export async function renderFilm(picture, sequence, samples, options = {}) {
  if (sequence.points.length === 0) throw new UserError("there is nothing to film: the recording has no frames");
  const kind = await filmKind(picture.canvas);
  return kind
    ? encodedFilm(kind, picture, sequence, samples, options)
    : recordedFilm(picture, sequence, samples, options);
}

/**
 * How the browser can encode pictures of a canvas and sound; null where it cannot.
 *
 * @param {HTMLCanvasElement} canvas
 * @returns {Promise<FilmKind | null>}
 */
export async function filmKind({ width, height }) {
  if (typeof VideoEncoder === "undefined" || typeof AudioEncoder === "undefined") return null;
  const { canEncodeAudio, canEncodeVideo } = await import("mediabunny");
  const sound = { sampleRate: ENCODED_HZ, numberOfChannels: 1, bitrate: SOUND_BITS_A_S };
  if ((await canEncodeVideo("avc", { width, height })) && (await canEncodeAudio("aac", sound))) {
    return { mp4: true, video: "avc", audio: "aac" };
  }
  for (const video of /** @type {VideoCodec[]} */ (["vp9", "vp8"])) {
    if ((await canEncodeVideo(video, { width, height })) && (await canEncodeAudio("opus", sound))) {
      return { mp4: false, video, audio: "opus" };
    }
  }
  return null;
}

/**
 * @param {FilmKind} kind
 * @param {TalkingPicture} picture
 * @param {LandmarkSequence} sequence
 * @param {Float32Array} samples
 * @param {FilmOptions} options
 */
export async function encodedFilm(kind, picture, sequence, samples, options) {
  const { AudioBufferSource, BufferTarget, CanvasSource, Mp4OutputFormat, Output, QUALITY_HIGH, WebMOutputFormat } =
    await import("mediabunny");
  const target = new BufferTarget();
  const output = new Output({ format: kind.mp4 ? new Mp4OutputFormat() : new WebMOutputFormat(), target });
  const pictures = new CanvasSource(picture.canvas, {
    codec: kind.video,
    bitrate: QUALITY_HIGH,
    keyFrameInterval: KEY_FRAMES_S,
  });
  const sound = new AudioBufferSource({ codec: kind.audio, bitrate: SOUND_BITS_A_S });
  output.addVideoTrack(pictures, { frameRate: sequence.fps });
  output.addAudioTrack(sound);
  output.setMetadataTags(marked(sequence.model));
  try {
    await output.start();
    await sound.add(await resampled(samples));
    sound.close();
    for await (const { timeS, done } of drawnFrames(picture, sequence, options)) {
      await pictures.add(timeS, 1 / sequence.fps);
      options.onprogress?.(done);
    }
    await output.finalize();
  } catch (error) {
    if (output.state !== "finalized") await output.cancel();
    throw error;
  }
  return new Blob([/** @type {ArrayBuffer} */ (target.buffer)], { type: kind.mp4 ? "video/mp4" : "video/webm" });
}

/**
 * Every frame of a sequence, drawn when it is given.
 *
 * @param {TalkingPicture} picture
 * @param {LandmarkSequence} sequence
 * @param {FilmOptions} options
 */
async function* drawnFrames(picture, sequence, { life, signal }) {
  const count = sequence.points.length / FACE_SIZE;
  let turn = performance.now();
  for (let frame = 0; frame < count; frame++) {
    signal?.throwIfAborted();
    if (performance.now() - turn > TURN_MS) {
      await new Promise((resume) => setTimeout(resume));
      turn = performance.now();
    }
    const timeS = (sequence.firstFrame + frame) / sequence.fps;
    drawFrame(picture, sequence, frame, life);
    yield { timeS, done: (frame + 1) / count };
  }
}

/**
 * @param {TalkingPicture} picture
 * @param {LandmarkSequence} sequence
 * @param {number} frame
 * @param {FilmOptions["life"]} life
 */
function drawFrame(picture, sequence, frame, life) {
  const points = sequence.points.subarray(FACE_SIZE * frame, FACE_SIZE * (frame + 1));
  const timeS = (sequence.firstFrame + frame) / sequence.fps;
  picture.draw(points, life ? life(timeS, picture.opening(points)) : STILL);
}

/**
 * Sound as encoders take it.
 *
 * @param {Float32Array} samples 16 kHz
 */
async function resampled(samples) {
  const length = Math.max(1, Math.round((samples.length * ENCODED_HZ) / SAMPLE_RATE_HZ));
  const context = new OfflineAudioContext(1, length, ENCODED_HZ);
  soundSource(context, samples, context.destination).start();
  return context.startRendering();
}

/**
 * A film at the speed at which it is shown, for browsers that cannot encode otherwise.
 *
 * @param {TalkingPicture} picture
 * @param {LandmarkSequence} sequence
 * @param {Float32Array} samples
 * @param {FilmOptions} options
 */
export async function recordedFilm(picture, sequence, samples, { life, onprogress, signal }) {
  const recorder = new FilmRecorder(picture.canvas, samples, { fps: sequence.fps, model: sequence.model });
  const count = sequence.points.length / FACE_SIZE;
  await recorder.start();
  try {
    const began = performance.now();
    for (let shown = -1; shown < count - 1;) {
      await new Promise((next) => setTimeout(next, 1000 / (4 * sequence.fps)));
      signal?.throwIfAborted();
      const frame = Math.min(
        count - 1,
        Math.floor(((performance.now() - began) * sequence.fps) / 1000) - sequence.firstFrame,
      );
      if (frame <= shown) continue;
      drawFrame(picture, sequence, (shown = frame), life);
      onprogress?.((frame + 1) / count);
    }
  } catch (error) {
    recorder.cancel();
    throw error;
  }
  return recorder.stop();
}
