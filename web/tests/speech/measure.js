/**
 * How long the networks take, in node and in Chromium: `node tests/speech/measure.js`. On a machine that others use too,
 * the least is what the work takes, and the median what was waited for.
 */
import { Recording } from "../../src/speech/recording.js";
import { Stream } from "../../src/speech/stream.js";
import { noChromium, openPage } from "../fixtures/chromium.js";
import { openPackaged, packagedSpeech } from "./packaged.js";
import { identity } from "./python_points.js";

const BLOCK_SAMPLES = 1600;
const ROUNDS = 5;
const speech = packagedSpeech();

/** @param {string} what @param {number[]} times milliseconds */
function tell(what, times) {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(1);
  console.log(`${what}: least ${at(0)} ms, a tenth under ${at(0.1)} ms, median ${at(0.5)} ms (${times.length} times)`);
}

async function timed(times, task) {
  const begun = performance.now();
  await task();
  times.push(performance.now() - begun);
}

async function inNode() {
  const [opening, blocks, wholes] = [[], [], []];
  let live, recording;
  await timed(opening, async () => (live = await openPackaged("live.onnx")));
  await timed(opening, async () => (recording = new Recording(await openPackaged("default.onnx"))));
  const stream = await Stream.start(live, identity);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let at = 0; at + BLOCK_SAMPLES <= speech.length; at += BLOCK_SAMPLES) {
      await timed(blocks, () => stream.push(speech.slice(at, at + BLOCK_SAMPLES)));
    }
    blocks.splice(0, round === 0 ? 1 : 0); // before the first frames the network waits for more
    await timed(wholes, () => recording.generate(speech, identity));
  }
  tell("node, opening a network", opening);
  tell("node, 100 ms of a stream", blocks);
  tell(`node, ${speech.length / 16_000} s of a recording`, wholes);
}

async function inChromium() {
  const { page, close } = await openPage();
  const { blocks, wholes } = await page.evaluate(
    async ({ points, rounds, size }) => {
      const { decodeSound, loadRecordings, loadStreams } = await import("/src/speech/index.js");
      const face = Float32Array.from(points);
      const sound = await decodeSound(await (await fetch("/assets/speech.flac")).arrayBuffer());
      const [streams, recordings] = [await loadStreams(), await loadRecordings()];
      const [blocks, wholes] = [[], []];
      const stream = streams.start(face);
      await stream.started;
      for (let round = 0; round < rounds; round += 1) {
        for (let at = 0; at + size <= sound.length; at += size) {
          const begun = performance.now();
          const answered = new Promise((resolve) => (stream.onframes = resolve));
          stream.push(sound.slice(at, at + size));
          if (round > 0 || at >= size) {
            await answered;
            blocks.push(performance.now() - begun);
          }
        }
        const begun = performance.now();
        await recordings.generate(sound, face);
        wholes.push(performance.now() - begun);
      }
      return { blocks, wholes };
    },
    { points: [...identity], rounds: ROUNDS, size: BLOCK_SAMPLES },
  );
  await close();
  tell("Chromium, 100 ms of a stream, there and back", blocks);
  tell(`Chromium, ${speech.length / 16_000} s of a recording`, wholes);
}

await inNode();
if (noChromium) {
  console.log(noChromium);
} else {
  await inChromium();
}
