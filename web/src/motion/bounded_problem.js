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
    let found = new Float64Array(linear.length);
    let ahead = found;
    let speed = 1;
    for (let step = 0; step < STEPS; step++) {
      const slope = product(this._gram, ahead);
      const next = ahead.map((value, at) => this._bounded(value - this._step * (slope[at] - linear[at]), at));
      const faster = (1 + Math.sqrt(1 + 4 * speed * speed)) / 2;
      const onward = (speed - 1) / faster;
      ahead = next.map((value, at) => value + onward * (value - found[at]));
      found = next;
      speed = faster;
    }
    return found.map((value, at) => value / this._high[at]);
  }

  /** @param {number} value @param {number} at */
  _bounded(value, at) {
    return Math.min(Math.max(value, this._low[at]), this._high[at]);
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
