/** Pictures as bytes: cut out, scaled, turned, mirrored, as Pillow and NumPy do it for the Python package. */

/** @typedef {{ width: number, height: number, data: Uint8ClampedArray }} Pixels RGBA, row by row, opaque */

/** @typedef {"bilinear" | "bicubic"} Filter */
/** How far each filter reaches, and its weight at a distance. */
const FILTERS = {
  bilinear: { reach: 1, weight: (/** @type {number} */ x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weight: (/** @type {number} */ x) => cubic(Math.abs(x)) },
};
/** A picture is first reduced by whole numbers, as long as it stays this many times larger than what is wanted. */
const REDUCING_GAP = 2;

/**
 * A part of a picture; what lies outside of it is black.
 *
 * @param {Pixels} source @param {number} left @param {number} top @param {number} width @param {number} height
 * @returns {Pixels}
 */
export function crop(source, left, top, width, height) {
  const part = blank(width, height);
  const [from, to] = [Math.max(0, left), Math.min(source.width, left + width)];
  for (let row = Math.max(0, top); row < Math.min(source.height, top + height) && from < to; row += 1) {
    const start = (row * source.width + from) * 4;
    part.data.set(source.data.subarray(start, start + (to - from) * 4), ((row - top) * width + from - left) * 4);
  }
  return part;
}

/** @param {Pixels} source @param {number} width @param {number} height @param {Filter} filter @returns {Pixels} */
export function resize(source, width, height, filter) {
  const across = Math.floor(source.width / width / REDUCING_GAP) || 1;
  const down = Math.floor(source.height / height / REDUCING_GAP) || 1;
  const reduced = across > 1 || down > 1 ? reduce(source, across, down) : source;
  const columns = weightsOf(source.width / across, reduced.width, width, filter);
  const rows = weightsOf(source.height / down, reduced.height, height, filter);
  return transposed(scaledAcross(transposed(scaledAcross(reduced, columns)), rows));
}

/** Turned counter-clockwise by quarters. @param {Pixels} source @param {number} quarterTurns @returns {Pixels} */
export function turned(source, quarterTurns) {
  let picture = source;
  for (let turn = 0; turn < quarterTurns % 4; turn += 1) {
    picture = upsideDown(transposed(picture));
  }
  return picture;
}

/** @param {Pixels} source @returns {Pixels} */
export function mirrored(source) {
  return transposed(upsideDown(transposed(source)));
}

/** Levels between the darkest and the brightest pixel, of the colour that varies most. @param {Pixels} picture */
export function contrast({ data }) {
  const [low, high] = [
    [255, 255, 255],
    [0, 0, 0],
  ];
  for (let place = 0; place < data.length; place += 1) {
    const colour = place % 4;
    if (colour < 3) {
      low[colour] = Math.min(low[colour], data[place]);
      high[colour] = Math.max(high[colour], data[place]);
    }
  }
  return Math.max(...high.map((value, colour) => value - low[colour]));
}

/** @param {number} width @param {number} height @returns {Pixels} */
function blank(width, height) {
  const data = new Uint8ClampedArray(width * height * 4);
  new Uint32Array(data.buffer).fill(new Uint32Array(Uint8Array.of(0, 0, 0, 255).buffer)[0]);
  return { width, height, data };
}

/** The means of blocks. @param {Pixels} source @param {number} across @param {number} down @returns {Pixels} */
function reduce(source, across, down) {
  const part = blank(Math.ceil(source.width / across), Math.ceil(source.height / down));
  for (let place = 0; place < part.data.length; place += 1) {
    const [column, row] = [((place >> 2) % part.width) * across, Math.floor((place >> 2) / part.width) * down];
    const [right, bottom] = [Math.min(source.width, column + across), Math.min(source.height, row + down)];
    let sum = 0;
    for (let y = row; y < bottom; y += 1) {
      for (let x = column; x < right; x += 1) {
        sum += source.data[(y * source.width + x) * 4 + (place & 3)];
      }
    }
    const count = (right - column) * (bottom - row);
    part.data[place] = Math.floor(((sum + (count >> 1)) * Math.floor(2 ** 24 / count)) / 2 ** 24); // Pillow's rounding
  }
  return part;
}

/**
 * For each pixel of a row, the first one it is made of, and the weights of that and those that follow.
 *
 * @param {number} span how much of the row is scaled @param {number} length of the row @param {number} size wanted
 * @param {Filter} filter
 * @returns {{ first: number, weights: number[] }[]}
 */
function weightsOf(span, length, size, filter) {
  const scale = span / size;
  const widened = Math.max(1, scale);
  const { reach, weight } = FILTERS[filter];
  return Array.from({ length: size }, (_, place) => {
    const center = (place + 0.5) * scale;
    const first = Math.max(0, Math.floor(center - reach * widened + 0.5));
    const end = Math.min(length, Math.floor(center + reach * widened + 0.5));
    const raw = Array.from({ length: end - first }, (__, tap) => weight((first + tap - center + 0.5) / widened));
    const sum = raw.reduce((total, value) => total + value, 0);
    return { first, weights: raw.map((value) => value / sum) };
  });
}

/** Every row scaled. @param {Pixels} source @param {{ first: number, weights: number[] }[]} columns @returns {Pixels} */
function scaledAcross(source, columns) {
  const scaled = blank(columns.length, source.height);
  for (let row = 0; row < source.height; row += 1) {
    for (const [column, { first, weights }] of columns.entries()) {
      const [from, to] = [(row * source.width + first) * 4, (row * columns.length + column) * 4];
      for (let colour = 0; colour < 3; colour += 1) {
        let sum = 0.5;
        for (let tap = 0; tap < weights.length; tap += 1) {
          sum += weights[tap] * source.data[from + 4 * tap + colour];
        }
        scaled.data[to + colour] = Math.floor(sum);
      }
    }
  }
  return scaled;
}

/** Rows to columns. @param {Pixels} source @returns {Pixels} */
function transposed({ width, height, data }) {
  const from = new Uint32Array(data.buffer, data.byteOffset, width * height);
  const to = new Uint32Array(width * height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      to[column * height + row] = from[row * width + column];
    }
  }
  return { width: height, height: width, data: new Uint8ClampedArray(to.buffer) };
}

/** @param {Pixels} source @returns {Pixels} */
function upsideDown({ width, height, data }) {
  const flipped = new Uint8ClampedArray(data.length);
  for (let row = 0; row < height; row += 1) {
    flipped.set(data.subarray(row * width * 4, (row + 1) * width * 4), (height - 1 - row) * width * 4);
  }
  return { width, height, data: flipped };
}

/** Pillow's cubic, a = -0.5. @param {number} x */
function cubic(x) {
  if (x < 1) {
    return (1.5 * x - 2.5) * x * x + 1;
  }
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}
