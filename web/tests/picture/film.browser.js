import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { noBrowser, openPage } from "./browser.js";
import { cases, pathOf } from "./fixtures.js";

const FPS = 30;
const FRAMES = 36;
/** From here on the mouth is open and the sound is heard. */
const BEGINS_AT = 18;

/** @type {Awaited<ReturnType<typeof openPage>>} */
let browser;
if (!noBrowser) {
  before(async () => (browser = await openPage()));
  after(() => browser.close());
}

/**
 * What is in a film that the browser made: its tracks, its tags, when its picture changes and when its sound begins.
 *
 * @param {"renderFilm" | "recordedFilm"} how
 * @returns {Promise<any>}
 */
async function film(how) {
  const { name, points, mouth, moments } = cases()[0];
  const portrait = `data:image/png;base64,${readFileSync(pathOf(`${name}.png`)).toString("base64")}`;
  const spoken = [moments[0].points, moments[2].points];
  const job = { how, portrait, points, mouth, spoken, fps: FPS, frames: FRAMES, begins: BEGINS_AT };
  return browser.page.evaluate(async ({ how, portrait, points, mouth, spoken, fps, frames, begins }) => {
    const { TalkingPicture } = await import(/** @type {any} */ ("/src/picture/index.js"));
    const films = await import(/** @type {any} */ ("/src/picture/film.js"));
    const media = await import(/** @type {any} */ ("mediabunny"));
    const picture = await createImageBitmap(await (await fetch(portrait)).blob());
    document.querySelector("canvas")?.replaceWith(document.createElement("canvas"));
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("canvas"));
    const face = { picture, width: picture.width, height: picture.height, points: Float32Array.from(points) };
    const talking = new TalkingPicture(canvas, face);
    const all = Float32Array.from(Array.from({ length: frames }, (_, at) => spoken[Number(at >= begins)]).flat());
    const samples = Float32Array.from({ length: (16000 * frames) / fps }, (_, at) => {
      return at < (16000 * begins) / fps ? 0 : 0.5 * Math.sin(at / 6);
    });
    const sequence = { points: all, fps, firstFrame: 0, model: "default" };
    /** @type {number[]} */
    const progress = [];
    const blob = await films[how](talking, sequence, samples, {
      onprogress: (/** @type {number} */ share) => progress.push(share),
    });
    talking.dispose();
    const input = new media.Input({ source: new media.BlobSource(blob), formats: media.ALL_FORMATS });
    const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
    const levels = [];
    for await (const { canvas: shown, timestamp } of new media.CanvasSink(video).canvases()) {
      const pen = shown.getContext("2d");
      const { data } = pen.getImageData(mouth[0], mouth[1], mouth[2] - mouth[0], mouth[3] - mouth[1]);
      levels.push({ timestamp, data: Array.from(data) });
    }
    let heardS = -1;
    for await (const { buffer, timestamp } of new media.AudioBufferSink(audio).buffers()) {
      const at = buffer.getChannelData(0).findIndex((/** @type {number} */ value) => Math.abs(value) > 0.2);
      if (at >= 0 && heardS < 0) heardS = timestamp + at / buffer.sampleRate;
    }
    const last = levels[levels.length - 1].data;
    const off = levels.map(({ data }) => data.reduce((sum, value, at) => sum + Math.abs(value - last[at]), 0));
    const start = off.findIndex((value) => value < 0.5 * off[Math.floor(off.length / 3)]);
    return {
      type: blob.type,
      tags: await input.getMetadataTags(),
      pictures: levels.length,
      seenS: levels[start].timestamp,
      heardS,
      videoS: [await video.getFirstTimestamp(), await video.computeDuration()],
      audioS: [await audio.getFirstTimestamp(), await audio.computeDuration()],
      progress,
    };
  }, job);
}

test(
  "a film has every frame, its sound in step, and says that it is synthetic",
  { skip: noBrowser, timeout: 60_000 },
  async () => {
    const found = await film("renderFilm");
    assert.match(found.type, /^video\/(mp4|webm)$/);
    assert.equal(found.pictures, FRAMES);
    assert.equal(found.progress.length, FRAMES);
    assert.equal(found.progress.at(-1), 1);
    assert.ok(Math.abs(found.seenS - BEGINS_AT / FPS) < 0.002);
    assert.ok(Math.abs(found.heardS - BEGINS_AT / FPS) < 0.02);
    for (const [first, end] of [found.videoS, found.audioS]) {
      assert.ok(Math.abs(first) < 0.01);
      assert.ok(Math.abs(end - FRAMES / FPS) < 0.05);
    }
    assert.equal(found.tags.comment, "Synthetic picture: made by kfusion in a browser");
  },
);

test(
  "a film recorded as it is shown has its sound in step and its mark",
  { skip: noBrowser, timeout: 60_000 },
  async () => {
    const found = await film("recordedFilm");
    assert.ok(found.pictures > FRAMES / 6);
    assert.ok(Math.abs(found.seenS - found.heardS) < 0.25, `seen at ${found.seenS} s, heard at ${found.heardS} s`);
    assert.match(found.tags.comment, /^Synthetic picture/);
  },
);

test("a film that is stopped is not made", { skip: noBrowser, timeout: 60_000 }, async () => {
  const { name, points } = cases()[0];
  const portrait = `data:image/png;base64,${readFileSync(pathOf(`${name}.png`)).toString("base64")}`;
  const said = await browser.page.evaluate(
    async ({ portrait, points }) => {
      const { TalkingPicture, renderFilm } = await import(/** @type {any} */ ("/src/picture/index.js"));
      const picture = await createImageBitmap(await (await fetch(portrait)).blob());
      const face = { picture, width: picture.width, height: picture.height, points: Float32Array.from(points) };
      const talking = new TalkingPicture(document.createElement("canvas"), face);
      const all = Float32Array.from(Array.from({ length: 300 }, () => points).flat());
      const control = new AbortController();
      let frames = 0;
      const onprogress = () => ++frames === 3 && control.abort();
      const options = { onprogress, signal: control.signal };
      return renderFilm(
        talking,
        { points: all, fps: 30, firstFrame: 0, model: "" },
        new Float32Array(160000),
        options,
      ).then(
        () => "a film",
        (/** @type {Error} */ error) => [error.name, frames],
      );
    },
    { portrait, points },
  );
  assert.deepEqual(said, ["AbortError", 3]);
});
