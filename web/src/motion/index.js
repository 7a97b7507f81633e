/** Motion: what moves in a face, in numbers that other tools read. */

export { ARKIT_SHAPES, shapeDirections } from "./face_shapes.js";
export { MotionReader, readMotion } from "./face_motion.js";
export { faceInSilence, mostClosedFace, SILENCE_S } from "./resting.js";
export { Life, STILL } from "./life.js";
export { earlier, readVisemes, VISEMES, visemesAt } from "./visemes.js";
export { loadVisemes, VisemeEngine } from "./viseme_engine.js";

/** @typedef {import("./face_motion.js").Motion} Motion */
/** @typedef {import("./life.js").LifeKinds} LifeKinds */
/** @typedef {import("./visemes.js").VisemeTrack} VisemeTrack */
