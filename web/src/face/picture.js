/** Pictures that people choose: upright, opaque, of a size that the page can work with. */
import { UserError } from "../errors.js";
import { Scene } from "./views.js";

const MAX_FILE_BYTES = 256 * 2 ** 20;
/** Sixteen megapixels, the most that some phones draw. */
const MAX_CANVAS_SIDE_PX = 4000;
const READ = "pass a portrait as JPEG, PNG, WebP or AVIF";

/**
 * The picture in a file: turned as its camera was held, on white where it is transparent, its longer side at most 1600
 * pixels. Takes its time over a large one, and so runs in a worker.
 *
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<ImageBitmap>}
 */
export async function readPicture(file, name) {
  if (!file.size) {
    throw new UserError(`${name}: is empty (0 bytes): choose it again`);
  }
  if (file.size > MAX_FILE_BYTES) {
    throw new UserError(`${name}: has more than ${MAX_FILE_BYTES >> 20} MB: save the portrait as JPEG`);
  }
  const whole = await atMost(MAX_CANVAS_SIDE_PX, await decoded(file, name));
  const pixels = pixelsOf(whole);
  const { width, height, data } = new Scene(pixels).small;
  return createImageBitmap(new ImageData(/** @type {Uint8ClampedArray<ArrayBuffer>} */ (data), width, height));
}

/** A canvas may be no larger everywhere. @param {number} side @param {ImageBitmap} picture */
async function atMost(side, picture) {
  const shrunk = side / Math.max(picture.width, picture.height);
  if (shrunk >= 1) {
    return picture;
  }
  const [resizeWidth, resizeHeight] = [picture.width, picture.height].map((one) =>
    Math.max(1, Math.round(one * shrunk)),
  );
  return createImageBitmap(picture, { resizeWidth, resizeHeight, resizeQuality: "high" });
}

/** @param {Blob} file @param {string} name */
async function decoded(file, name) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch (error) {
    throw new UserError(`${name}: ${await whatItIs(file)}`, { cause: error });
  }
}

/** @param {Blob} file */
async function whatItIs(file) {
  const head = new TextDecoder("latin1").decode(await file.slice(0, 16).arrayBuffer());
  if (/^.{4}ftyp(hei|hev|mif1|msf1)/s.test(head)) {
    return "is a HEIC picture: export it as JPEG";
  }
  if (/^.{4}(ftyp|moov|mdat)/s.test(head) || /^(\x1aE\xdf\xa3|OggS|RIFF.{4}AVI)/s.test(head)) {
    return "is a video: save one of its pictures as PNG and pass that";
  }
  if (/^(RIFF.{4}WAVE|ID3|fLaC)/s.test(head)) {
    return "is a recording, not a picture: pass it as the speech";
  }
  return `cannot read the picture: ${READ}`;
}

/** @param {ImageBitmap | HTMLCanvasElement | OffscreenCanvas} picture @returns {OffscreenCanvas} */
function drawn(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true })
  );
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0);
  return canvas;
}

/** The bytes of a picture. @param {ImageBitmap | HTMLCanvasElement | OffscreenCanvas} picture @returns {import("./pixels.js").Pixels} */
export function pixelsOf(picture) {
  const canvas = drawn(picture);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return { width: canvas.width, height: canvas.height, data };
}
