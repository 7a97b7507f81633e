/** Least squares with bounds, in variables of equal curvature. */

const STEPS = 120;
/** Of the power iteration that finds the largest eigenvalue. */
const ROUNDS = 2000;
const CONVERGED = 1e-13;

/** Least squares whose Gram matrix has ones on its diagonal. */
export class Problem {
  /**
   * @param {object} terms
   * @param {Float64Array[]} terms.gram K rows of K
   * @param {Float64Array[]} terms.fromPoints K rows: displacements to the linear term
   * @param {Float64Array} terms.low
   * @param {Float64Array} terms.high bounds of the variables
   */
  constructor({ gram, fromPoints, low, high }) {
    this._gram = gram;
    this._fromPoints = fromPoints;
    this._low = low;
    this._high = high;
    this._step = 1 / largestEigenvalue(gram);
  }

  /**
   * Weights of a displacement, by accelerated projected gradients (Beck and Teboulle 2009).
   * @param {Float64Array} displacement
   * @returns {Float64Array}
   */
  solve(displacement) {
    const linear = product(this._fromPoints, displacement);
    let [found, next] = [new Float64Array(linear.length), new Float64Array(linear.length)];
    const ahead = new Float64Array(linear.length);
    let speed = 1;
    for (let step = 0; step < STEPS; step++) {
      this._descend(ahead, linear, next);
      const faster = (1 + Math.sqrt(1 + 4 * speed * speed)) / 2;
      const onward = (speed - 1) / faster;
      for (let at = 0; at < next.length; at++) ahead[at] = next[at] + onward * (next[at] - found[at]);
      [found, next] = [next, found];
      speed = faster;
    }
    return found.map((value, at) => value / this._high[at]);
  }

  /**
   * One step down the slope, within the bounds.
   * @param {Float64Array} from
   * @param {Float64Array} linear
   * @param {Float64Array} to is written
   */
  _descend(from, linear, to) {
    for (let row = 0; row < to.length; row++) {
      const line = this._gram[row];
      let slope = -linear[row];
      for (let at = 0; at < line.length; at++) slope += line[at] * from[at];
      to[row] = Math.min(Math.max(from[row] - this._step * slope, this._low[row]), this._high[row]);
    }
  }
}

/** @param {Float64Array[]} rows @param {Float64Array} vector */
function product(rows, vector) {
  return Float64Array.from(rows, (row) => {
    let total = 0;
    for (let at = 0; at < row.length; at++) total += row[at] * vector[at];
    return total;
  });
}

/**
 * Of a symmetric matrix without negative ones, by power iteration.
 * @param {Float64Array[]} matrix
 */
function largestEigenvalue(matrix) {
  let vector = Float64Array.from(matrix, (_, row) => 1 + 0.01 * row);
  let value = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const next = product(matrix, vector);
    const length = Math.hypot(...next);
    vector = next.map((one) => one / length);
    if (Math.abs(length - value) < CONVERGED * length) return length;
    value = length;
  }
  return value;
}
