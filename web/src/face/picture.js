/** Pictures that people choose: upright, opaque, of a size that the page can work with. */
import { UserError } from "../errors.js";
import { SMALL_SIDE_PX } from "./views.js";

const MAX_FILE_BYTES = 256 * 2 ** 20;
const READ = "pass a portrait as JPEG, PNG, WebP or AVIF";

/**
 * The picture in a file: turned as its camera was held, on white where it is transparent, its longer side at most 1600
 * pixels.
 *
 * @param {File | Blob} file
 * @returns {Promise<ImageBitmap>}
 */
export async function readPicture(file) {
  const name = file instanceof File ? file.name : "the picture";
  if (!file.size) {
    throw new UserError(`${name}: is empty (0 bytes): choose it again`);
  }
  if (file.size > MAX_FILE_BYTES) {
    throw new UserError(`${name}: has more than ${MAX_FILE_BYTES >> 20} MB: save the portrait as JPEG`);
  }
  const whole = await decoded(file, name);
  const shrunk = Math.min(1, SMALL_SIDE_PX / Math.max(whole.width, whole.height));
  const [width, height] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * shrunk)));
  const small =
    shrunk < 1
      ? await createImageBitmap(whole, { resizeWidth: width, resizeHeight: height, resizeQuality: "high" })
      : whole;
  return createImageBitmap(drawn(small));
}

/** @param {File | Blob} file @param {string} name */
async function decoded(file, name) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch (error) {
    throw new UserError(`${name}: ${await whatItIs(file)}`, { cause: error });
  }
}

/** @param {File | Blob} file */
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
