/** Numbers and texts as Python's `json` writes them. */

/** A float: never without a point. @param {number} value */
export function number(value) {
  if (Object.is(value, -0)) return "-0.0";
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** A text in ASCII alone. @param {string} value */
export function text(value) {
  const escaped = (/** @type {string} */ unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escaped);
}
