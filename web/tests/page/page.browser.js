/** The page in Chromium, as a person uses it. */

/** @typedef {import("./kit.js").Work} Work */
/** @typedef {import("./kit.js").How} How */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import {
  UNABLE,
  fileOf,
  openBrowser,
  portrait,
  servePage,
  speech,
  visitPage,
  voiceFile,
  wavOf,
  whenReady,
  whenSaid,
} from "./kit.js";

const skip = UNABLE || false;
/** @type {Awaited<ReturnType<typeof servePage>>} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  server = await servePage();
  browser = await openBrowser(voiceFile());
});

/** @param {Work} work @param {How} [how] */
const visit = (work, how) => visitPage(browser, server.url, work, how);

after(async () => {
  await browser?.close();
  server?.close();
});

/** How far the mouth of the curve has been open: highest point of the drawn line over the lowest, in pixels. @param {import("playwright-core").Page} page */
const curveHeight = (page) =>
  page.evaluate(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("curve"));
    const { data, width, height } = /** @type {any} */ (canvas.getContext("2d")).getImageData(
      0,
      0,
      canvas.width,
      canvas.height,
    );
    const rows = [];
    for (let y = 0; y < height; y++) {
      let reds = 0;
      for (let x = 0; x < width; x++)
        if (data[4 * (y * width + x)] > 150 && data[4 * (y * width + x) + 3] > 150) reds++;
      if (reds) rows.push(y);
    }
    return rows.length ? rows[rows.length - 1] - rows[0] : 0;
  });

/** @param {import("playwright-core").Page} page @param {string} kind */
async function kept(page, kind) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(`#keep button[value="${kind}"]`)]);
  const bytes = readFileSync(await download.path());
  await whenReady(page);
  return { name: download.suggestedFilename(), bytes };
}

test("the sample plays, its mouth moves, and everything can be kept", { skip }, () =>
  visit(async (page) => {
    await page.click("#play");
    await whenSaid(page, /9\.\d s of sound/);
    await page.waitForTimeout(1500);
    assert.ok((await curveHeight(page)) > 5);
    await page.click("#play");
    await whenReady(page);
    const { name, bytes } = await kept(page, "landmarks-json");
    assert.equal(name, "sample.json");
    const landmarks = JSON.parse(bytes.toString());
    assert.equal(landmarks.landmarks.length, 281);
    assert.equal(landmarks.landmarks[0].length, 68);
    const table = (await kept(page, "landmarks-csv")).bytes.toString().trim().split("\n");
    assert.equal(table.filter((line) => !line.startsWith("#")).length, 281 + 1);
    const arkit = (await kept(page, "arkit")).bytes.toString().trim().split("\n");
    assert.equal(arkit.length, 281 + 1);
    assert.equal(arkit[0].split(",").length, 2 + 61);
    const { mouthCues } = JSON.parse((await kept(page, "visemes")).bytes.toString());
    assert.ok(mouthCues.length > 20);
    const glb = (await kept(page, "head")).bytes;
    assert.equal(glb.toString("latin1", 0, 4), "glTF");
    assert.equal(glb.readUInt32LE(8), glb.length);
  }),
);

test("a film holds pictures and sound", { skip }, () =>
  visit(async (page) => {
    const second = Float32Array.from({ length: 16000 }, (_, n) => 0.3 * Math.sin(n / 8) * Math.sin(n / 900));
    await page.setInputFiles("#sound-file", fileOf("hum.wav", "audio/wav", wavOf(second)));
    await whenSaid(page, /1\.0 s of sound/);
    await whenReady(page);
    const { name, bytes } = await kept(page, "film");
    assert.match(name, /^hum\.(mp4|webm)$/);
    const facts = await page.evaluate(
      async ([film, type]) => {
        const video = document.createElement("video");
        const data = Uint8Array.from(atob(film), (letter) => letter.charCodeAt(0));
        video.src = URL.createObjectURL(new Blob([data], { type }));
        await new Promise((resolve, reject) => ((video.onloadeddata = resolve), (video.onerror = reject)));
        const sound = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(data.buffer);
        return { duration: video.duration, width: video.videoWidth, soundS: sound.duration };
      },
      [bytes.toString("base64"), `video/${name.split(".")[1]}`],
    );
    assert.ok(Math.abs(facts.duration - 1) < 0.15, JSON.stringify(facts));
    assert.ok(Math.abs(facts.soundS - 1) < 0.15, JSON.stringify(facts));
    assert.ok(facts.width >= 256, JSON.stringify(facts));
  }),
);

test("a voice moves the portrait, the page says how late, and it can be played again", { skip }, () =>
  visit(async (page) => {
    await page.click("#speak");
    await whenSaid(page, /Speak\. Press Stop/);
    await page.waitForFunction(() => parseInt(document.querySelector("#latency b")?.textContent ?? "") > 0);
    await page.waitForTimeout(2500);
    assert.ok((await curveHeight(page)) > 5);
    const latency = parseInt((await page.textContent("#latency b")) ?? "");
    assert.ok(latency >= 100 && latency < 1000, `${latency} ms`);
    await page.click("#speak");
    await whenSaid(page, /You spoke for \d/);
    await page.click("#play");
    await whenSaid(page, /s of sound/);
    await page.keyboard.press("Escape");
    await whenReady(page);
  }),
);

test("a photo of one's own speaks, found by the page's own finder; a camera takes one too", { skip }, () =>
  visit(async (page) => {
    await page.setInputFiles("#photo-file", portrait());
    await page.waitForSelector("#own:not([hidden])");
    await whenSaid(page, /the portrait speaks with you/);
    await page.click("#camera");
    await page.waitForFunction(
      () => Number(/** @type {any} */ (document.querySelector("#shutter video")).videoWidth) > 0,
    );
    await page.click("#shutter button[value=take]");
    await whenSaid(page, /no face|face was not found|find a face/i); // the fake camera shows a moving disc
    await page.click("#camera");
    await page.waitForSelector("#shutter[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#shutter:not([open])", { state: "attached" });
    await whenReady(page);
  }),
);

/** A PNG that a canvas of the page draws. @param {import("playwright-core").Page} page @param {number} faces */
async function pictureWith(page, faces) {
  const data = await page.evaluate(async (count) => {
    const image = new Image();
    image.src = "assets/portrait.jpg";
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [320 * Math.max(1, count), 320];
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.fillStyle = "#7aa";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    for (let n = 0; n < count; n++) pen.drawImage(image, 320 * n, 0, 320, 320);
    return canvas.toDataURL("image/png").split(",")[1];
  }, faces);
  return fileOf(`faces-${faces}.png`, "image/png", Buffer.from(data, "base64"));
}

test("pictures and sounds that cannot be used are refused in words, and the page goes on", { skip }, () =>
  visit(async (page) => {
    await page.setInputFiles("#photo-file", await pictureWith(page, 0));
    await whenSaid(page, /faces-0\.png.*face/i);
    await page.setInputFiles("#photo-file", await pictureWith(page, 2));
    await whenSaid(page, /2 faces/i);
    await page.setInputFiles("#photo-file", fileOf("broken.jpg", "image/jpeg", Buffer.from("no picture")));
    await whenSaid(page, /broken\.jpg.*picture/i);
    await page.setInputFiles("#sound-file", fileOf("broken.wav", "audio/wav", Buffer.from("RIFF no sound")));
    await whenSaid(page, /broken\.wav.*no sound/i);
    await page.setInputFiles("#sound-file", fileOf("empty.wav", "audio/wav", Buffer.alloc(0)));
    await whenSaid(page, /empty\.wav.*empty/i);
    await page.setInputFiles("#sound-file", fileOf("silent.wav", "audio/wav", wavOf(new Float32Array(16000))));
    await whenSaid(page, /silent\.wav.*silent/i);
    await page.setInputFiles("#model-file", fileOf("broken.glb", "model/gltf-binary", Buffer.from("no head")));
    await whenSaid(page, /glb|glTF/i);
    await page.evaluate((sound) => {
      const bytes = Uint8Array.from(atob(sound), (letter) => letter.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], "dropped.flac", { type: "audio/flac" }));
      window.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
    }, speech().buffer.toString("base64"));
    await whenSaid(page, /9\.\d s of sound/);
  }),
);

test("a microphone that is missing, refused or mute is told of in words", { skip }, async () => {
  for (const [name, words] of [
    ["NotFoundError", /no microphone/i],
    ["NotAllowedError", /allow it/i],
  ]) {
    const refuse = new Function(
      `navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "${name}"); };`,
    );
    await visit(
      async (page) => {
        await page.click("#speak");
        await whenSaid(page, /** @type {RegExp} */ (words));
        await whenReady(page);
      },
      { script: /** @type {() => void} */ (refuse) },
    );
  }
  const mute = () => {
    navigator.mediaDevices.getUserMedia = async () => {
      const context = new AudioContext();
      return new MediaStreamAudioDestinationNode(context).stream;
    };
  };
  await visit(
    async (page) => {
      await page.click("#speak");
      await whenSaid(page, /is the microphone muted/);
    },
    { script: mute },
  );
});

test("an old browser is told what it lacks", { skip }, async () => {
  const without = {
    "WebAssembly with SIMD": () => (WebAssembly.validate = () => false),
    "audio worklets": () => delete (/** @type {any} */ (globalThis).AudioWorkletNode),
    WebGL: () => {
      const get = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = /** @type {any} */ (
        function (/** @type {string} */ kind, /** @type {any[]} */ ...rest) {
          return kind === "webgl2" ? null : Reflect.apply(get, this, [kind, ...rest]);
        }
      );
    },
  };
  for (const [name, script] of Object.entries(without)) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.addInitScript(script);
    await page.goto(server.url);
    await whenSaid(page, new RegExp(name));
    assert.ok(await page.isDisabled("#speak"));
    await context.close();
  }
});
