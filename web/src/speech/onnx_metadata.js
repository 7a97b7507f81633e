/** What an ONNX file says about itself: onnxruntime's web build does not tell. */

/** Field of `ModelProto` with its `StringStringEntryProto`s, whose fields are 1, the key, and 2, the value. */
const METADATA_FIELD = 14;
const [VARINT, FIXED_64, BYTES, FIXED_32] = [0, 1, 2, 5];

/**
 * @param {Uint8Array} model an `.onnx` file
 * @returns {Record<string, string>}
 */
export function readMetadata(model) {
  /** @type {Record<string, string>} */
  const metadata = {};
  for (const [field, bytes] of fields(model)) {
    if (field === METADATA_FIELD) {
      const entry = new Map([...fields(bytes)].map(([number, text]) => [number, new TextDecoder().decode(text)]));
      metadata[entry.get(1) ?? ""] = entry.get(2) ?? "";
    }
  }
  return metadata;
}

/** The fields of a protobuf message that hold bytes. @param {Uint8Array} message @returns {Generator<[number, Uint8Array]>} */
function* fields(message) {
  let at = 0;
  const varint = () => {
    let [value, scale] = [0, 1];
    for (; message[at] >= 128; scale *= 128) {
      value += (message[at++] - 128) * scale;
    }
    return value + message[at++] * scale;
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === BYTES) {
      const length = varint();
      yield [tag >>> 3, message.subarray(at, at + length)];
      at += length;
    } else if (kind === VARINT) {
      varint();
    } else if (kind === FIXED_64 || kind === FIXED_32) {
      at += kind === FIXED_64 ? 8 : 4;
    } else {
      return;
    }
  }
}
