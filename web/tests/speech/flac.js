/** Decodes the fixtures' FLAC files in node, which has no decoder: mono, 16 bits, no checksums. */

const RICE_ESCAPE = { 4: 15, 5: 31 };
const BLOCK_SIZES = { 1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608 };
const FIXED = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]];

class Bits {
  constructor(bytes, byte) {
    this.bytes = bytes;
    this.at = byte * 8;
  }

  unsigned(count) {
    let value = 0;
    for (let left = count; left > 0; left -= 1) {
      value = value * 2 + ((this.bytes[this.at >> 3] >> (7 - (this.at & 7))) & 1);
      this.at += 1;
    }
    return value;
  }

  signed(count) {
    const value = this.unsigned(count);
    return value >= 2 ** (count - 1) ? value - 2 ** count : value;
  }

  unary() {
    let zeros = 0;
    while (this.unsigned(1) === 0) {
      zeros += 1;
    }
    return zeros;
  }

  rice(parameter) {
    const value = this.unary() * 2 ** parameter + this.unsigned(parameter);
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }
}

/** @returns {{ samples: Float32Array, rateHz: number }} */
export function decodeFlac(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const [rateHz, count] = [view.getUint32(18) >>> 12, view.getUint32(22)];
  let start = 4;
  for (let last = false; !last;) {
    last = file[start] >= 128;
    start += 4 + (view.getUint32(start) & 0xffffff);
  }
  const samples = new Float32Array(count);
  const bits = new Bits(file, start);
  for (let at = 0; at < count;) {
    const block = frame(bits);
    block.forEach((value, place) => (samples[at + place] = value / 32768));
    at += block.length;
  }
  return { samples, rateHz };
}

function frame(bits) {
  bits.unsigned(16);
  const [sizeCode, rateCode] = [bits.unsigned(4), bits.unsigned(4)];
  bits.unsigned(8);
  for (let more = Math.max(0, Math.clz32(~bits.unsigned(8) << 24) - 1); more > 0; more -= 1) {
    bits.unsigned(8);
  }
  const announced = sizeCode === 6 ? bits.unsigned(8) + 1 : sizeCode === 7 ? bits.unsigned(16) + 1 : 0;
  const size = announced || BLOCK_SIZES[sizeCode] || 256 << (sizeCode - 8);
  bits.unsigned({ 12: 8, 13: 16, 14: 16 }[rateCode] ?? 0);
  bits.unsigned(8);
  const block = subframe(bits, size);
  bits.at = Math.ceil(bits.at / 8) * 8 + 16;
  return block;
}

function subframe(bits, size) {
  bits.unsigned(1);
  const kind = bits.unsigned(6);
  const wasted = bits.unsigned(1) ? bits.unary() + 1 : 0;
  return values(bits, size, kind, 16 - wasted).map((value) => value * 2 ** wasted);
}

function values(bits, size, kind, depth) {
  if (kind === 0) {
    return new Array(size).fill(bits.signed(depth));
  }
  if (kind === 1) {
    return Array.from({ length: size }, () => bits.signed(depth));
  }
  const order = kind >= 32 ? kind - 31 : kind - 8;
  const block = Array.from({ length: order }, () => bits.signed(depth));
  if (kind < 32) {
    return predicted(bits, block, size, FIXED[order], 0);
  }
  const precision = bits.unsigned(4) + 1;
  const shift = bits.signed(5);
  return predicted(
    bits,
    block,
    size,
    Array.from({ length: order }, () => bits.signed(precision)),
    shift,
  );
}

function predicted(bits, block, size, weights, shift) {
  for (const rest of residual(bits, size, weights.length)) {
    const sum = weights.reduce((total, weight, back) => total + weight * block[block.length - 1 - back], 0);
    block.push(Math.floor(sum / 2 ** shift) + rest);
  }
  return block;
}

function* residual(bits, size, order) {
  const width = 4 + bits.unsigned(2);
  const parts = 2 ** bits.unsigned(4);
  for (let part = 0; part < parts; part += 1) {
    const parameter = bits.unsigned(width);
    const count = size / parts - (part === 0 ? order : 0);
    const raw = parameter === RICE_ESCAPE[width] ? bits.unsigned(5) : null;
    for (let left = count; left > 0; left -= 1) {
      yield raw === null ? bits.rice(parameter) : bits.signed(raw);
    }
  }
}
