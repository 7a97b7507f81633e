/** Sound in, landmarks out. */
export { decodeSound } from "./decode.js";
export { LiveStream, RecordingEngine, StreamEngine, loadRecordings, loadStreams } from "./engines.js";
export { openMicrophone } from "./microphone.js";
export { EMOTIONS, INTENSITIES } from "../emotion/action_units.js";
export { SAMPLE_RATE_HZ } from "./bundle_card.js";
