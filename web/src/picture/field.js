/**
 * Smooth motion of a picture, kept on a coarse grid: made from moving points, inverted, counted for folds.
 * `kfusion.picture.field` again.
 */

import { clip } from "./anatomy.js";
import { solved } from "./solve.js";

const HALF_STEPS = 3;
const NEWTON_STEPS = 2;
/** A motion that nobody sees. */
export const LEAST_PX = 0.06;
/** No part of the face shrinks to less than this share of its area. */
export const LEAST_AREA = 0.15;

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box pixels from left to right - 1 */

/** Nodes in the middles of square cells over a part of a picture. */
export class Grid {
  /**
   * @param {number} left
   * @param {number} top
   * @param {number} step side of a cell in pixels
   * @param {number} columns
   * @param {number} rows
   */
  constructor(left, top, step, columns, rows) {
    this.left = left;
    this.top = top;
    this.step = step;
    this.columns = columns;
    this.rows = rows;
    /** Place of the first node. */
    this.first = [left + (step - 1) / 2, top + (step - 1) / 2];
    this.size = columns * rows;
  }

  /**
   * The smallest grid whose cells cover a part of the picture.
   *
   * @param {number[]} low
   * @param {number[]} high
   * @param {number} step
   */
  static over(low, high, step) {
    const [left, top] = low.map(Math.floor);
    const cells = [high[0] - left, high[1] - top].map((extent) => Math.max(Math.ceil(extent / step), 2));
    return new Grid(left, top, step, cells[0], cells[1]);
  }

  /** Places of the nodes, row by row, x and y by turns. */
  nodes() {
    const nodes = new Float32Array(2 * this.size);
    for (let node = 0; node < this.size; node++) {
      nodes[2 * node] = this.first[0] + this.step * (node % this.columns);
      nodes[2 * node + 1] = this.first[1] + this.step * Math.floor(node / this.columns);
    }
    return nodes;
  }

  /**
   * The pixels of those cells whose nodes are moved, with a cell round them; null where none is.
   *
   * @param {...Float32Array} motions of the nodes
   */
  movedBox(...motions) {
    let [left, top, right, bottom] = [this.columns, this.rows, -1, -1];
    for (const motion of motions) {
      for (let at = 0; at < motion.length; at++) {
        if (Math.abs(motion[at]) <= LEAST_PX) continue;
        const [column, row] = [(at >> 1) % this.columns, Math.floor((at >> 1) / this.columns)];
        [left, right] = [Math.min(left, column), Math.max(right, column)];
        [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
      }
    }
    return right < 0 ? null : this.cells(left - 1, top - 1, right + 2, bottom + 2);
  }

  /**
   * The pixels of the cells from one column and row up to others.
   *
   * @param {number} left
   * @param {number} top
   * @param {number} right
   * @param {number} bottom
   * @returns {Box}
   */
  cells(left, top, right, bottom) {
    return {
      left: this.left + this.step * clip(left, 0, this.columns),
      top: this.top + this.step * clip(top, 0, this.rows),
      right: this.left + this.step * clip(right, 0, this.columns),
      bottom: this.top + this.step * clip(bottom, 0, this.rows),
    };
  }
}

/**
 * What moves at given points moves everything round them: smooth, linear in their displacements.
 *
 * The mean of a Gaussian process with a Matern 5/2 kernel (Rasmussen and Williams 2006, section 4.2).
 */
export class PointField {
  /**
   * @param {Grid} grid
   * @param {ArrayLike<number>} points x and y by turns, pixels
   * @param {number[]} noise of each point
   * @param {number} reach motion fades within it, pixels
   * @param {Float32Array} mask of the nodes
   */
  constructor(grid, points, noise, reach, mask) {
    const nodes = grid.nodes();
    this._count = noise.length;
    this._size = grid.size;
    const among = kernel(points, points, reach);
    noise.forEach((value, point) => (among[point * this._count + point] += value));
    this._weights = Float32Array.from(solved(among, kernel(nodes, points, reach), this._count), (weight, at) => {
      return weight * mask[Math.floor(at / this._count)];
    });
  }

  /**
   * Where the nodes go if the points go by `displacement`, x and y by turns.
   *
   * @param {Float32Array} displacement
   * @returns {Float32Array}
   */
  motion(displacement) {
    const moved = new Float32Array(2 * this._size);
    for (let node = 0, at = 0; node < this._size; node++) {
      let x = 0;
      let y = 0;
      for (let point = 0; point < this._count; point++, at++) {
        x += this._weights[at] * displacement[2 * point];
        y += this._weights[at] * displacement[2 * point + 1];
      }
      moved[2 * node] = x;
      moved[2 * node + 1] = y;
    }
    return moved;
  }
}

/**
 * The kernel between places and points, row by row.
 *
 * @param {ArrayLike<number>} places
 * @param {ArrayLike<number>} points
 * @param {number} reach
 */
function kernel(places, points, reach) {
  const count = points.length / 2;
  const found = new Float64Array((places.length / 2) * count);
  for (let at = 0; at < found.length; at++) {
    const [place, point] = [2 * Math.floor(at / count), 2 * (at % count)];
    const distance = Math.hypot(places[place] - points[point], places[place + 1] - points[point + 1]);
    const apart = (distance * Math.sqrt(5)) / reach;
    found[at] = (1 + apart + (apart * apart) / 3) * Math.exp(-apart);
  }
  return found;
}

/**
 * By how much what is seen at `seen` is displaced from where it comes from, under a motion of the nodes of a grid.
 *
 * Half steps come near enough, whatever stretches, for Newton's method to end it.
 *
 * @param {Grid} grid
 * @param {Float32Array} motion of its nodes
 * @param {Float32Array} seen places, x and y by turns
 * @returns {Float32Array} places, x and y by turns
 */
export function sources(grid, motion, seen) {
  const undone = inverseSlopes(grid, motion);
  const source = seen.slice();
  const off = new Float64Array(2);
  const back = new Float64Array(4);
  for (let at = 0; at < seen.length; at += 2) {
    const wantedX = seen[at];
    const wantedY = seen[at + 1];
    if (isOff(grid, wantedX, wantedY)) continue;
    let x = wantedX;
    let y = wantedY;
    for (let step = 0; step < HALF_STEPS; step++) {
      lookUp(grid, motion, x, y, off);
      x = (x + wantedX - off[0]) / 2;
      y = (y + wantedY - off[1]) / 2;
    }
    for (let step = 0; step < NEWTON_STEPS; step++) {
      lookUp(grid, motion, x, y, off);
      lookUp(grid, undone, x, y, back);
      const overX = x + off[0] - wantedX;
      const overY = y + off[1] - wantedY;
      x -= back[0] * overX + back[1] * overY;
      y -= back[2] * overX + back[3] * overY;
    }
    source[at] = x;
    source[at + 1] = y;
  }
  return source;
}

/**
 * Whether a place lies so far beside a grid that nothing moves it.
 *
 * @param {Grid} grid
 * @param {number} x
 * @param {number} y
 */
function isOff(grid, x, y) {
  const column = (x - grid.first[0]) / grid.step;
  const row = (y - grid.first[1]) / grid.step;
  return column < -1 || row < -1 || column > grid.columns || row > grid.rows;
}

/**
 * Node values looked up at a place; zero outside of the grid. The innermost loop of a picture: it makes no objects.
 *
 * @param {Grid} grid
 * @param {Float32Array} values as many numbers a node as are found
 * @param {number} x
 * @param {number} y
 * @param {Float64Array} found written
 */
function lookUp(grid, values, x, y, found) {
  const across = (x - grid.first[0]) / grid.step;
  const down = (y - grid.first[1]) / grid.step;
  const column = Math.floor(across);
  const row = Math.floor(down);
  const width = found.length;
  for (let part = 0; part < width; part++) found[part] = 0;
  for (let j = Math.max(row, 0); j <= row + 1 && j < grid.rows; j++) {
    const high = 1 - Math.abs(down - j);
    for (let i = Math.max(column, 0); i <= column + 1 && i < grid.columns; i++) {
      const weight = high * (1 - Math.abs(across - i));
      const at = width * (j * grid.columns + i);
      for (let part = 0; part < width; part++) found[part] += weight * values[at + part];
    }
  }
}

/**
 * The inverse of the Jacobian of a motion at its nodes, row by row.
 *
 * @param {Grid} grid
 * @param {Float32Array} motion
 */
function inverseSlopes(grid, motion) {
  const found = new Float32Array(4 * grid.size);
  for (let row = 0, node = 0; row < grid.rows; row++) {
    const above = row > 0 ? grid.columns : 0;
    const below = row < grid.rows - 1 ? grid.columns : 0;
    const perDown = 1 / (grid.step * (Number(above > 0) + Number(below > 0)));
    for (let column = 0; column < grid.columns; column++, node++) {
      const left = Number(column > 0);
      const right = Number(column < grid.columns - 1);
      const perAcross = 1 / (grid.step * (left + right));
      const a = 1 + perAcross * (motion[2 * (node + right)] - motion[2 * (node - left)]);
      const b = perDown * (motion[2 * (node + below)] - motion[2 * (node - above)]);
      const c = perAcross * (motion[2 * (node + right) + 1] - motion[2 * (node - left) + 1]);
      const d = 1 + perDown * (motion[2 * (node + below) + 1] - motion[2 * (node - above) + 1]);
      const area = Math.max(a * d - b * c, LEAST_AREA);
      found[4 * node] = d / area;
      found[4 * node + 1] = -b / area;
      found[4 * node + 2] = -c / area;
      found[4 * node + 3] = a / area;
    }
  }
  return found;
}
