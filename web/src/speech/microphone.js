/** The microphone: mono, 16 kHz, in pieces of 20 ms. */
import { UserError } from "../errors.js";
import { SAMPLE_RATE_HZ } from "./bundle_card.js";
import { SoundResampler } from "./sound_resampler.js";

/** What `getUserMedia` calls its failures, and what to do about them. @type {Record<string, string>} */
const REFUSALS = {
  NotAllowedError: "The microphone was refused: allow it beside the address of this page, then press speak again.",
  SecurityError: "This browser does not allow the microphone here: allow it in its settings.",
  NotFoundError: "No microphone was found: plug one in, or drop a sound file instead.",
  OverconstrainedError: "That microphone is not there: choose another one.",
  NotReadableError: "Another program uses the microphone: close it there, then press speak again.",
  AbortError: "The microphone did not start: unplug it and plug it in again.",
};
const INSECURE = "A page may hear the microphone only over https or on this machine: open it as http://localhost.";

/**
 * Opens the microphone.
 *
 * @param {object} options
 * @param {(samples: Float32Array) => void} options.onsamples told of every 20 ms of sound
 * @param {(error: UserError | null) => void} [options.onend] told once, when it was stopped (null) or went away
 * @param {string} [options.deviceId] which one; the usual one unless given
 * @returns {Promise<{ stop: () => void, track: MediaStreamTrack }>} the track is for recorders
 */
export async function openMicrophone({ onsamples, onend = () => {}, deviceId }) {
  const stream = await askedFor(deviceId);
  const [track] = stream.getAudioTracks();
  let open = true;
  const context = await listen(stream, (samples) => open && onsamples(samples)).catch((error) => {
    track.stop();
    throw new UserError(`The microphone cannot be heard (${error.message}): use a newer browser.`, { cause: error });
  });
  const end = (/** @type {UserError | null} */ error) => {
    if (open) {
      open = false;
      track.stop();
      context.close();
      onend(error);
    }
  };
  track.addEventListener("ended", () => end(new UserError("The microphone went away: plug it in, then press speak.")));
  return { stop: () => end(null), track };
}

/** @param {string} [deviceId] */
async function askedFor(deviceId) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new UserError(isSecureContext ? "This browser has no microphone for pages: use a newer one." : INSECURE);
  }
  const device = deviceId ? { deviceId: { exact: deviceId } } : {};
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, ...device } });
  } catch (error) {
    const { name, message } = /** @type {DOMException} */ (error);
    throw new UserError(REFUSALS[name] ?? `The microphone did not open (${message}): try another one.`, {
      cause: error,
    });
  }
}

/** @param {MediaStream} stream @param {(samples: Float32Array) => void} onsamples @returns {Promise<AudioContext>} */
async function listen(stream, onsamples) {
  const { context, source } = joinedContext(stream);
  await context.audioWorklet.addModule(new URL("./microphone_worklet.js", import.meta.url));
  context.resume().catch(() => {}); // not awaited: without a gesture of the person it may wait for ever
  const node = new AudioWorkletNode(context, "microphone");
  const resampler = new SoundResampler(context.sampleRate, SAMPLE_RATE_HZ);
  node.port.onmessage = ({ data }) => {
    const samples = resampler.push(data);
    if (samples.length) {
      onsamples(samples);
    }
  };
  source.connect(node);
  node.connect(context.destination); // silence; some browsers let nothing run that leads nowhere
  return context;
}

/** A context at 16 kHz, or, where the browser joins no microphone to one, at its own rate. @param {MediaStream} stream */
function joinedContext(stream) {
  try {
    const context = new AudioContext({ sampleRate: SAMPLE_RATE_HZ });
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    const context = new AudioContext();
    return { context, source: context.createMediaStreamSource(stream) };
  }
}
