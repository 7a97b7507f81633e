/** The landmarks that the Python package gave, see tools/make_web_fixtures.py. */
import { FACE_SIZE, eyeDistance } from "../../src/speech/landmarks.js";
import { fixture, fixtureBytes } from "./packaged.js";

export const TOLERANCE = 0.005;
const { face, parts_of_a_pixel: parts, cases } = fixture("motion.json");
const stored = new Uint16Array(fixtureBytes("motion.bin"));

export const identity = Float32Array.from(face);
export { cases };

/** What a case asks for, in the names of this side. */
export function optionsOf({ options: { fps, emotion, intensity, expressiveness, lead_ms: leadMs } }) {
  const options = { fps, emotion, intensity, expressiveness, leadMs };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** The largest distance of a point from where Python has it, in eye distances; infinite where frames are missing. */
export function furthest(points, { at, every, frames }) {
  if (points.length !== frames * FACE_SIZE) {
    return Infinity;
  }
  let most = 0;
  for (let place = 0; place < Math.ceil(frames / every) * FACE_SIZE; place += 2) {
    const here = Math.floor(place / FACE_SIZE) * every * FACE_SIZE + (place % FACE_SIZE);
    const there = at / 2 + place;
    const [x, y] = [0, 1].map((axis) => points[here + axis] - stored[there + axis] / parts);
    most = Math.max(most, Math.hypot(x, y));
  }
  return most / eyeDistance(identity);
}
