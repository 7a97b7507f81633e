/** What the tests in node read from the package and from the fixtures. */
import { readFileSync } from "node:fs";
import { RUNTIME, openSession } from "../../src/speech/session.js";
import { decodeFlac } from "./flac.js";

const ASSETS = new URL("../../../src/kfusion/assets/", import.meta.url);
const FIXTURES = new URL("../fixtures/", import.meta.url);

/** @returns {ArrayBuffer} */
export function bytesOf(url) {
  const file = readFileSync(url);
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
}

export function fixture(name) {
  return JSON.parse(readFileSync(new URL(name, FIXTURES), "utf8"));
}

export function fixtureBytes(name) {
  return bytesOf(new URL(name, FIXTURES));
}

export function asset(name) {
  return bytesOf(new URL(name, ASSETS));
}

export function packagedSpeech() {
  return decodeFlac(new Uint8Array(asset("speech.flac"))).samples;
}

export function openPackaged(name) {
  return openSession(asset(name), bytesOf(RUNTIME.url));
}
