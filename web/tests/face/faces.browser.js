/** The same pictures give the same points, or the same refusal, as the Python package. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eyeDistance } from "../../src/speech/landmarks.js";
import { noChromium, openPage } from "../fixtures/chromium.js";
import { fixture } from "../speech/packaged.js";

const TOLERANCE = 0.005;
const faces = fixture("faces.json");

let opened;
before(async () => {
  if (noChromium) {
    return;
  }
  opened = await openPage();
  await opened.page.evaluate(async () => {
    const { loadFaceFinder, readPicture } = await import("/src/face/index.js");
    Object.assign(window, { finder: await loadFaceFinder(), readPicture, portrait: null });
    window.portrait = await readPicture(await (await fetch("/assets/portrait.jpg")).blob());
  });
});
after(() => opened?.close());

/** What the finder says of a picture that `tools/make_web_fixtures.py` describes. */
function found({ name, person, cut_px: cutPx }) {
  return opened.page.evaluate(
    async ({ name, person, cutPx }) => {
      const side = window.portrait.width;
      const canvas = new OffscreenCanvas(side, side);
      const draw = (color, width, height, ...places) => {
        [canvas.width, canvas.height] = [width, height];
        const context = canvas.getContext("2d");
        context.fillStyle = color;
        context.fillRect(0, 0, width, height);
        for (const { x, y, turn = 0 } of places) {
          context.setTransform(Math.cos(turn), Math.sin(turn), -Math.sin(turn), Math.cos(turn), x, y);
          context.drawImage(window.portrait, 0, 0);
        }
      };
      const two = () => draw("#808080", 2 * side, side, { x: 0, y: 0 }, { x: side, y: 0 });
      const pictures = {
        portrait: () => draw("#000", side, side, { x: 0, y: 0 }),
        "upside down": () => draw("#000", side, side, { x: side, y: side, turn: Math.PI }),
        "on its side": () => draw("#000", side, side, { x: 0, y: side, turn: -Math.PI / 2 }),
        "two people": two,
        "the second of two": two,
        "no third of two": two,
        "small in a large picture": () => draw("#c8c8c8", 1600, 1200, { x: 900, y: 600 }),
        nobody: () => draw("#808080", 300, 300),
        large: () => {
          draw("#000", 8 * side, 8 * side);
          const context = canvas.getContext("2d");
          context.imageSmoothingEnabled = false;
          context.drawImage(window.portrait, 0, 0, 8 * side, 8 * side);
        },
        "without a mouth": () => draw("#000", side, cutPx, { x: 0, y: 0 }),
      };
      pictures[name]();
      const notes = [];
      try {
        const picture = await window.readPicture(await canvas.convertToBlob());
        const points = await window.finder.find(picture, { name, person, onnote: (note) => notes.push(note) });
        const scale = canvas.width / picture.width;
        return { points: [...points].map((value) => scale * value), notes };
      } catch (error) {
        return { error: error.message, kind: error.name };
      }
    },
    { name, person, cutPx },
  );
}

for (const one of faces) {
  test(`a picture gives what Python gives: ${one.name}`, { skip: noChromium }, async (context) => {
    const { points, error, kind, notes } = await found(one);
    if (one.error) {
      assert.equal(error, one.error);
      assert.equal(kind, "UserError");
      return;
    }
    assert.equal(error, undefined);
    assert.deepEqual(notes, one.notes);
    const far = points.map((value, at) =>
      at % 2 ? 0 : Math.hypot(value - one.points[at], points[at + 1] - one.points[at + 1]),
    );
    const distance = Math.max(...far) / eyeDistance(one.points);
    context.diagnostic(`furthest point: ${(100 * distance).toFixed(3)} % of the eye distance`);
    assert.ok(distance < TOLERANCE, `${(100 * distance).toFixed(3)} %`);
  });
}

test("what is no picture is refused in words", { skip: noChromium }, async () => {
  const said = await opened.page.evaluate(async () => {
    const tried = {
      "a.heic": ["\0\0\0\x18ftypheic"],
      "a.mp4": ["\0\0\0\x18ftypisom"],
      "a.wav": ["RIFF....WAVEfmt "],
      "a.png": ["no picture"],
      "b.png": [],
    };
    const words = [];
    for (const [name, parts] of Object.entries(tried)) {
      await window.readPicture(new File(parts, name)).catch((error) => words.push(`${error.name} ${error.message}`));
    }
    return words;
  });
  assert.deepEqual(said, [
    "UserError a.heic: is a HEIC picture: export it as JPEG",
    "UserError a.mp4: is a video: save one of its pictures as PNG and pass that",
    "UserError a.wav: is a recording, not a picture: pass it as the speech",
    "UserError a.png: cannot read the picture: pass a portrait as JPEG, PNG, WebP or AVIF",
    "UserError b.png: is empty (0 bytes): choose it again",
  ]);
});

test("a large picture is scaled down, and what is transparent is white", { skip: noChromium }, async () => {
  const { size, corner } = await opened.page.evaluate(async () => {
    const canvas = new OffscreenCanvas(2400, 1200);
    canvas.getContext("2d").fillRect(0, 0, 10, 10);
    const picture = await window.readPicture(await canvas.convertToBlob());
    const small = new OffscreenCanvas(picture.width, picture.height);
    const context = small.getContext("2d");
    context.drawImage(picture, 0, 0);
    return { size: [small.width, small.height], corner: [...context.getImageData(1599, 799, 1, 1).data] };
  });
  assert.deepEqual(size, [1600, 800]);
  assert.deepEqual(corner, [255, 255, 255, 255]);
});

test("a picture is turned as its camera was held", { skip: noChromium }, async () => {
  const { size, points } = await opened.page.evaluate(async () => {
    const [width, height] = [window.portrait.width, window.portrait.height - 20];
    const canvas = new OffscreenCanvas(height, width);
    const context = canvas.getContext("2d");
    context.setTransform(0, -1, 1, 0, 0, width);
    context.drawImage(window.portrait, 0, 0);
    const jpeg = await canvas.convertToBlob({ type: "image/jpeg", quality: 1 });
    const orientation = [0xff, 0xe1, 0, 34, 69, 120, 105, 102, 0, 0, 77, 77, 0, 42, 0, 0, 0, 8, 0, 1];
    orientation.push(1, 18, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0);
    const parts = [jpeg.slice(0, 2), Uint8Array.from(orientation), jpeg.slice(2)];
    const picture = await window.readPicture(new File(parts, "turned.jpg", { type: "image/jpeg" }));
    return { size: [picture.width - width, picture.height - height], points: [...(await window.finder.find(picture))] };
  });
  assert.deepEqual(size, [0, 0]);
  const wanted = faces.find(({ name }) => name === "portrait").points;
  const error = points.reduce((most, value, place) => Math.max(most, Math.abs(value - wanted[place])), 0);
  assert.ok(error < 0.03 * eyeDistance(wanted), `${error}`);
});
