/** Rounding as Python does it: halves go to the even neighbour. */

/** @param {number} value */
export function rounded(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest === 0.5 ? floor + (floor % 2 === 0 ? 0 : 1) : Math.round(value);
}

/**
 * A number with so many decimals.
 * @param {number} value
 * @param {number} decimals
 */
export function fixed(value, decimals) {
  const text = value.toFixed(decimals);
  const signed = Object.is(value, -0) ? `-${text}` : text;
  const isTie = Math.abs((value * 2 ** (decimals + 1)) % 2) === 1;
  const isOdd = Number(text.at(-1)) % 2 === 1;
  return isTie && isOdd ? signed.slice(0, -1) + (Number(text.at(-1)) - 1) : signed; // toFixed goes away from 0
}
