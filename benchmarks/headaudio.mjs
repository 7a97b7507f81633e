// What HeadAudio (npm @met4citizen/headaudio) makes of sound: node headaudio.mjs PACKAGE FILE...
// A FILE holds float32 samples at 16 kHz; a line of JSON is printed for each: [[seconds, viseme number], ...].
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const module = (name) => import(pathToFileURL(resolve(folder, "modules", name)));
const { Processor } = await module("processor.mjs");
const PARAMS = await module("parameters.mjs");
const bytes = readFileSync(resolve(folder, "dist", "model-en-mixed.bin"));

function floats(from, count) {
  return Float32Array.from({ length: count }, (_, i) => bytes.readFloatLE(from + 4 * i));
}

const model = [];
for (let at = 0; at < bytes.length; at += 4 * PARAMS.RECORD_LEN) {
  model.push({
    group: bytes[at + 5],
    viseme: bytes[at + 7],
    mu: floats(at + PARAMS.RECORD_MU_OFFSET, PARAMS.RECORD_MU_LEN),
    sigmaInvLower: floats(at + PARAMS.RECORD_SIGMAINVLOWER_OFFSET, PARAMS.RECORD_SIGMAINVLOWER_LEN),
  });
}
for (const file of files) {
  const found = [];
  const postMessage = (message) => {
    if (message.event === "viseme") found.push([message.t, message.viseme]);
    if (message.event === "ended") found.push([message.t, PARAMS.MODEL_VISEME_SIL]);
  };
  const processor = new Processor({ sampleRate: 16000 }, { port: { onmessage: null, postMessage } });
  processor._onmessage({ data: { event: "model", model, reset: true } });
  const raw = readFileSync(file);
  const samples = Float32Array.from({ length: raw.length / 4 }, (_, i) => raw.readFloatLE(4 * i));
  for (let at = 0; at < samples.length; at += 128) processor.process(samples.subarray(at, at + 128));
  console.log(JSON.stringify(found));
}
