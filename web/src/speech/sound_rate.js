/**
 * The sample rate that a sound file announces. A browser decodes sound at the rate that it is asked for, with a
 * resampler of its own; asked for the file's own rate, it changes nothing.
 */

const [LOWEST_HZ, HIGHEST_HZ] = [8_000, 192_000];
const USUAL_HZ = 48_000;
/** Of MPEG-1 layer III and of ADTS, by index; MPEG-2 has a half, MPEG-2.5 a quarter. */
const MP3_RATES_HZ = [44_100, 48_000, 32_000];
const AAC_RATES_HZ = [96, 88.2, 64, 48, 44.1, 32, 24, 22.05, 16, 12, 11.025, 8, 7.35].map((rate) => rate * 1000);

/** The rate to decode at: the file's, or a usual one where it is not known or no browser has it. @param {ArrayBuffer} file */
export function decodingRate(file) {
  const rateHz = announcedRate(file);
  return rateHz && rateHz >= LOWEST_HZ && rateHz <= HIGHEST_HZ ? rateHz : USUAL_HZ;
}

/** @param {ArrayBuffer} file @returns {number | undefined} */
export function announcedRate(file) {
  const view = new DataView(file);
  const kind = text(view, 0, 4);
  if (kind === "RIFF") {
    return wavRate(view);
  }
  if (kind === "fLaC") {
    return view.byteLength > 21 ? view.getUint32(18) >>> 12 : undefined;
  }
  if (kind === "OggS") {
    return oggRate(view);
  }
  if (text(view, 4, 4) === "ftyp") {
    return mp4Rate(view);
  }
  if (kind === "\x1aE\xdf\xa3") {
    return webmRate(view);
  }
  return mpegRate(view, kind.startsWith("ID3") ? 10 + id3Size(view) : 0);
}

/** @param {DataView} view */
function wavRate(view) {
  for (
    let at = 12;
    at + 16 <= view.byteLength;
    at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) % 2)
  ) {
    if (text(view, at, 4) === "fmt ") {
      return view.getUint32(at + 12, true);
    }
  }
  return undefined;
}

/** @param {DataView} view */
function oggRate(view) {
  const start = 27 + (view.byteLength > 27 ? view.getUint8(26) : 0);
  if (text(view, start, 8) === "OpusHead") {
    return 48_000;
  }
  if (text(view, start, 7) === "\x01vorbis" && start + 16 <= view.byteLength) {
    return view.getUint32(start + 12, true);
  }
  const flac = find(view, "fLaC", start, start + 32);
  return flac >= 0 && flac + 22 <= view.byteLength ? view.getUint32(flac + 18) >>> 12 : undefined;
}

/** @param {DataView} view */
function mp4Rate(view) {
  let at = 0;
  while (at + 8 <= view.byteLength) {
    const size = view.getUint32(at);
    if (text(view, at + 4, 4) === "moov") {
      const entry = find(view, "mp4a", at, Math.min(view.byteLength - 30, at + size));
      return entry >= 0 ? view.getUint16(entry + 28) : undefined;
    }
    at += size === 1 && at + 16 <= view.byteLength ? Number(view.getBigUint64(at + 8)) : Math.max(8, size);
  }
  return undefined;
}

/** Element SamplingFrequency (0xB5) of the first track, a float of four or eight bytes. @param {DataView} view */
function webmRate(view) {
  const end = Math.min(view.byteLength - 10, 65_536);
  for (let at = 0; at < end; at += 1) {
    const size = view.getUint8(at) === 0xb5 ? view.getUint8(at + 1) & 0x7f : 0;
    const rateHz = size === 8 ? view.getFloat64(at + 2) : size === 4 ? view.getFloat32(at + 2) : 0;
    if (rateHz >= LOWEST_HZ && rateHz <= HIGHEST_HZ && Number.isInteger(rateHz)) {
      return rateHz;
    }
  }
  return undefined;
}

/** MP3 and AAC as they are broadcast, after a tag. @param {DataView} view @param {number} start */
function mpegRate(view, start) {
  const end = Math.min(view.byteLength - 4, start + 65_536);
  for (let at = start; at < end; at += 1) {
    const [sync, version, layer] = [
      view.getUint16(at) >> 5,
      (view.getUint8(at + 1) >> 3) & 3,
      (view.getUint8(at + 1) >> 1) & 3,
    ];
    const rates = view.getUint8(at + 2);
    if (sync !== 0x7ff) {
      continue;
    }
    if (layer === 0) {
      return AAC_RATES_HZ[(rates >> 2) & 15];
    }
    const rateHz = MP3_RATES_HZ[(rates >> 2) & 3];
    if (version !== 1 && rateHz) {
      return rateHz / { 3: 1, 2: 2, 0: 4 }[/** @type {0 | 2 | 3} */ (version)];
    }
  }
  return undefined;
}

/** @param {DataView} view */
function id3Size(view) {
  return view.byteLength < 10 ? 0 : [6, 7, 8, 9].reduce((size, at) => size * 128 + (view.getUint8(at) & 127), 0);
}

/** @param {DataView} view @param {number} from @param {number} length */
function text(view, from, length) {
  const end = Math.min(view.byteLength, from + length);
  return from < end ? String.fromCharCode(...new Uint8Array(view.buffer, from, end - from)) : "";
}

/** @param {DataView} view @param {string} mark four letters @param {number} from @param {number} to */
function find(view, mark, from, to) {
  for (let at = from; at < Math.min(to, view.byteLength - mark.length); at += 1) {
    if (view.getUint8(at) === mark.charCodeAt(0) && text(view, at, mark.length) === mark) {
      return at;
    }
  }
  return -1;
}
