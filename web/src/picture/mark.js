/** What a film says about itself: that its pictures are synthetic, and by what. */

/**
 * @param {string} model
 * @returns {{ comment: string, description: string }}
 */
export function marked(model) {
  const text = "Synthetic picture: made by kfusion in a browser";
  return { comment: text, description: text + (model ? ` with model ${model}` : "") };
}
