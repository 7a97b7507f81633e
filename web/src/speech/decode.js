/** Sound files to samples: mono, 16 kHz, as the Python package hears them. */
import { UserError } from "../errors.js";
import { joined } from "./arrays.js";
import { SAMPLE_RATE_HZ } from "./bundle_card.js";
import { mixed } from "./channels.js";
import { checkRecording } from "./sound_check.js";
import { decodingRate } from "./sound_rate.js";
import { SoundResampler } from "./sound_resampler.js";

/** More would not fit into a page's memory once it is decoded. */
const [MAX_FILE_BYTES, MAX_DURATION_S] = [512 * 2 ** 20, 3600];
/** A player that says nothing about a file for so long will not. */
const METADATA_PATIENCE_MS = 3000;
/** Seconds that are resampled before the page has its turn. */
const PIECE_S = 5;
/** Peaks of 16-bit integers that were written as floats, and what full scale is in them. */
const [LOWEST_INTEGER_PEAK, INTEGER_SCALE] = [512, 32_768];

/**
 * The samples of a sound or video file.
 *
 * @param {File | Blob | ArrayBuffer} source
 * @param {{ onnote?: (note: string) => void }} [options] told of what was mixed or may sound wrong
 * @returns {Promise<Float32Array>}
 */
export async function decodeSound(source, { onnote } = {}) {
  const name = source instanceof File ? source.name : "the sound";
  const file = source instanceof Blob ? await readFile(source, name) : source.slice(0);
  if (!file.byteLength) {
    throw new UserError(`${name}: is empty (0 bytes): record or export it again`);
  }
  const decoded = await decodedSound(file, name);
  if (decoded.numberOfChannels > 2) {
    onnote?.(`${name}: ${decoded.numberOfChannels} channels, mixed to mono`);
  }
  const samples = await toMono(decoded, () =>
    onnote?.(`${name}: its channels cancel each other out: each is turned to the phase of the loudest`),
  );
  const levelled = atFullScale(samples);
  checkRecording(levelled, name, onnote);
  return levelled;
}

/** @param {Blob} file @param {string} name */
async function readFile(file, name) {
  if (file.size > MAX_FILE_BYTES) {
    const megabytes = Math.round(file.size / 2 ** 20);
    throw new UserError(`${name}: has ${megabytes} MB: pass at most ${MAX_FILE_BYTES >> 20} MB, or cut it`);
  }
  const durationS = file.size ? await announcedDuration(file) : 0;
  if (durationS > MAX_DURATION_S) {
    const minutes = Math.ceil(durationS / 60);
    throw new UserError(`${name}: lasts ${minutes} minutes: pass at most ${MAX_DURATION_S / 60}, or cut it`);
  }
  try {
    return await file.arrayBuffer();
  } catch (error) {
    throw new UserError(`${name}: cannot be read: choose it again`, { cause: error });
  }
}

/** Seconds, 0 where the file does not tell. @param {Blob} file @returns {Promise<number>} */
function announcedDuration(file) {
  const url = URL.createObjectURL(file);
  const player = new Audio();
  player.preload = "metadata";
  /** @type {Promise<number>} */
  const told = new Promise((resolve) => {
    player.onloadedmetadata = () => resolve(Number.isFinite(player.duration) ? player.duration : 0);
    player.onerror = () => resolve(0);
    setTimeout(() => resolve(0), METADATA_PATIENCE_MS);
    player.src = url;
  });
  return told.finally(() => {
    player.removeAttribute("src");
    URL.revokeObjectURL(url);
  });
}

/** @param {ArrayBuffer} file @param {string} name @returns {Promise<AudioBuffer>} */
async function decodedSound(file, name) {
  const context = new OfflineAudioContext(1, 1, decodingRate(file));
  try {
    return await context.decodeAudioData(file);
  } catch (error) {
    throw new UserError(
      `${name}: holds no sound that this browser reads: pass a recording as WAV, FLAC, MP3, Ogg, M4A or MP4`,
      { cause: error },
    );
  }
}

/** @param {AudioBuffer} decoded @param {() => void} onturned */
async function toMono(decoded, onturned) {
  const channels = [];
  for (let number = 0; number < decoded.numberOfChannels; number += 1) {
    channels.push(await resampled(decoded.getChannelData(number), decoded.sampleRate));
  }
  return mixed(channels, onturned);
}

/** One channel at 16 kHz; the page has its turn now and then. @param {Float32Array} channel @param {number} rateHz */
export async function resampled(channel, rateHz) {
  const resampler = new SoundResampler(rateHz, SAMPLE_RATE_HZ);
  const size = PIECE_S * rateHz;
  const pieces = [];
  for (let start = 0; start < channel.length; start += size) {
    pieces.push(resampler.push(channel.subarray(start, start + size)));
    await new Promise((resolve) => setTimeout(resolve));
  }
  pieces.push(resampler.flush());
  return joined(...pieces);
}

/** Samples that were integers, as shares of full scale. @param {Float32Array} samples */
function atFullScale(samples) {
  const peak = samples.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0);
  const isInteger = peak >= LOWEST_INTEGER_PEAK && peak <= INTEGER_SCALE;
  return isInteger ? samples.map((value) => value / INTEGER_SCALE) : samples;
}
