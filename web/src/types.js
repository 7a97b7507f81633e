/**
 * What the folders of the page hand to each other.
 *
 * @typedef {Float32Array} Points 68 points x0, y0, x1, ... in pixels of the portrait, x right, y down; the middle of the
 *   upper left pixel is at (0.5, 0.5).
 *
 * @typedef {object} Face A picture and the face in it.
 * @property {ImageBitmap | HTMLCanvasElement} picture
 * @property {number} width pixels
 * @property {number} height pixels
 * @property {Points} points
 *
 * @typedef {object} LandmarkSequence Frame t shows the face at (firstFrame + t) / fps seconds.
 * @property {Float32Array} points frames x 136
 * @property {number} fps
 * @property {number} firstFrame
 * @property {string} model
 *
 * @typedef {object} LifeSigns What a face does beside speaking; distances in eye distances.
 * @property {number} closed how far the eyes are shut, 0 to 1
 * @property {[number, number]} gaze
 * @property {number} brows how far they are raised
 * @property {[number, number]} shift of the head
 * @property {number} roll of the head, radians
 * @property {number} nearer growth of the head
 */
export {};
