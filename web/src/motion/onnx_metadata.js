/** What stands beside a network in its ONNX file: onnxruntime-web runs files, but does not tell their metadata. */

const METADATA_FIELD = 14;
const VARINT = 0;
const EIGHT_BYTES = 1;
const WITH_LENGTH = 2;
const FOUR_BYTES = 5;

/**
 * The keys and values in a file.
 * @param {Uint8Array} file
 * @returns {Record<string, string>}
 */
export function onnxMetadata(file) {
  const pairs = [...fields(file)].filter(({ number }) => number === METADATA_FIELD).map(({ content }) => pair(content));
  return Object.fromEntries(pairs);
}

/** @param {Uint8Array} entry @returns {[string, string]} */
function pair(entry) {
  const texts = new Map([...fields(entry)].map(({ number, content }) => [number, new TextDecoder().decode(content)]));
  return [texts.get(1) ?? "", texts.get(2) ?? ""];
}

/**
 * The fields of a protocol buffer that have a length, with what they hold.
 * @param {Uint8Array} buffer
 */
function* fields(buffer) {
  let at = 0;
  while (at < buffer.length) {
    const tag = varint(buffer, at);
    at = tag.end;
    const kind = tag.value % 8;
    if (kind === WITH_LENGTH) {
      const length = varint(buffer, at);
      at = length.end + length.value;
      yield { number: Math.floor(tag.value / 8), content: buffer.subarray(length.end, at) };
    } else if (kind === VARINT) at = varint(buffer, at).end;
    else if (kind === EIGHT_BYTES || kind === FOUR_BYTES) at += kind === EIGHT_BYTES ? 8 : 4;
    else throw new Error("not an ONNX file");
  }
}

/** @param {Uint8Array} buffer @param {number} start */
function varint(buffer, start) {
  let value = 0;
  for (let at = start, scale = 1; at < buffer.length; at++, scale *= 128) {
    value += (buffer[at] & 127) * scale;
    if (buffer[at] < 128) return { value, end: at + 1 };
  }
  throw new Error("an ONNX file that breaks off");
}
