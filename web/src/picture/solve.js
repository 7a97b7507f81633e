/** Linear equations. */

/**
 * The rows x of `right` times the inverse of a symmetric positive definite matrix, by Cholesky's decomposition.
 *
 * @param {Float64Array} matrix n x n
 * @param {Float64Array} right m x n
 * @param {number} n
 * @returns {Float64Array} m x n
 */
export function solved(matrix, right, n) {
  const root = cholesky(matrix, n);
  const found = right.slice();
  for (let row = 0; row < found.length; row += n) {
    for (let i = 0; i < n; i++) {
      let sum = found[row + i];
      for (let k = 0; k < i; k++) sum -= root[i * n + k] * found[row + k];
      found[row + i] = sum / root[i * n + i];
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = found[row + i];
      for (let k = i + 1; k < n; k++) sum -= root[k * n + i] * found[row + k];
      found[row + i] = sum / root[i * n + i];
    }
  }
  return found;
}

/**
 * @param {Float64Array} matrix
 * @param {number} n
 */
function cholesky(matrix, n) {
  const root = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j];
      for (let k = 0; k < j; k++) sum -= root[i * n + k] * root[j * n + k];
      root[i * n + j] = i === j ? Math.sqrt(sum) : sum / root[j * n + j];
    }
  }
  return root;
}

/**
 * The polynomial of a degree that comes nearest to points, least squares.
 *
 * @param {ArrayLike<number>} x
 * @param {ArrayLike<number>} y
 * @param {number} degree
 * @param {ArrayLike<number>} [weights] of the squared misses
 * @returns {Float64Array} coefficients, the constant first
 */
export function fittedPolynomial(x, y, degree, weights) {
  const n = degree + 1;
  const [normal, right] = [new Float64Array(n * n), new Float64Array(n)];
  for (let at = 0; at < x.length; at++) {
    const weight = weights ? weights[at] : 1;
    for (let i = 0; i < n; i++) {
      right[i] += weight * y[at] * x[at] ** i;
      for (let j = 0; j < n; j++) normal[i * n + j] += weight * x[at] ** (i + j);
    }
  }
  return solved(normal, right, n);
}

/**
 * @param {ArrayLike<number>} coefficients the constant first
 * @param {number} x
 */
export function polynomial(coefficients, x) {
  let value = 0;
  for (let at = coefficients.length - 1; at >= 0; at--) value = value * x + coefficients[at];
  return value;
}
