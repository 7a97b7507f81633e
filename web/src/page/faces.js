/** Where faces come from: four samples, a file, the camera. */

import { UserError } from "../errors.js";
import { at, buttonAt } from "./elements.js";
import collins from "../../samples/collins.json";
import mira from "../../samples/mira.json";
import miraPicture from "../../samples/mira.svg?url";
import nia from "../../samples/nia.json";
import niaPicture from "../../samples/nia.svg?url";
import tomas from "../../samples/tomas.json";
import tomasPicture from "../../samples/tomas.svg?url";

/** @typedef {import("../types.js").Face} Face */

/** Longer sides are shrunk to this: enough for a screen, and for graphics cards of telephones. */
export const LONGEST_PX = 1024;
const LEAST_PX = 64;

/** The samples: where their pictures are, and the 68 points that the page's own finder found in them. */
export const SAMPLES = {
  collins: { url: "assets/portrait.jpg", points: collins },
  mira: { url: miraPicture, points: mira },
  tomas: { url: tomasPicture, points: tomas },
  nia: { url: niaPicture, points: nia },
};

/** @param {string} name @returns {Promise<Face>} */
export async function openSample(name) {
  const { url, points } = SAMPLES[/** @type {keyof typeof SAMPLES} */ (name)];
  const picture = await pictureOf(url);
  return { picture, width: picture.width, height: picture.height, points: Float32Array.from(points) };
}

/**
 * A picture of somebody's own.
 * @param {Blob} file
 * @returns {Promise<HTMLCanvasElement>}
 */
export async function openPhoto(file) {
  const url = URL.createObjectURL(file);
  try {
    return await pictureOf(url);
  } catch {
    const name = file instanceof File ? file.name : "the picture";
    throw new UserError(`${name} is not a picture that this browser can read: use a JPEG or PNG photo`);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** @param {string} url @returns {Promise<HTMLCanvasElement>} */
async function pictureOf(url) {
  const image = new Image();
  image.src = url;
  await image.decode(); // as its EXIF says, upright
  return drawn(image, image.naturalWidth, image.naturalHeight);
}

/**
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 */
function drawn(source, width, height) {
  if (Math.min(width, height) < LEAST_PX)
    throw new UserError(`the picture is ${width} x ${height} pixels: use one with at least ${LEAST_PX} on each side`);
  const scale = Math.min(1, LONGEST_PX / Math.max(width, height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(scale * width), Math.round(scale * height)];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/**
 * A photo from the camera, mirrored never; null where the person thinks better of it.
 * @returns {Promise<HTMLCanvasElement | null>}
 */
export async function takePhoto() {
  if (!navigator.mediaDevices) throw new UserError("a camera needs a page from https or localhost: open it from there");
  const wanted = { video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } } };
  const media = await navigator.mediaDevices.getUserMedia(wanted);
  const dialog = /** @type {HTMLDialogElement} */ (at("shutter"));
  const video = /** @type {HTMLVideoElement} */ (dialog.querySelector("video"));
  try {
    video.srcObject = media;
    dialog.returnValue = "";
    dialog.showModal();
    await video.play();
    const answer = await answerOf(dialog);
    return answer === "take" ? drawn(video, video.videoWidth, video.videoHeight) : null;
  } finally {
    dialog.close();
    for (const track of media.getTracks()) track.stop();
    video.srcObject = null;
  }
}

/** The value of the button that is pressed; "" where the dialog is left. @param {HTMLDialogElement} dialog @returns {Promise<string>} */
function answerOf(dialog) {
  return new Promise((resolve) => {
    for (const button of dialog.querySelectorAll("button")) button.onclick = () => resolve(button.value);
    dialog.addEventListener("close", () => resolve(""), { once: true });
  });
}

/** Show somebody's own picture among the samples, chosen. @param {HTMLCanvasElement} picture */
export function showOwn(picture) {
  const label = at("own");
  label.hidden = false;
  const image = /** @type {HTMLImageElement} */ (label.querySelector("img"));
  image.src = picture.toDataURL("image/jpeg", 0.8);
  /** @type {HTMLInputElement} */ (label.querySelector("input")).checked = true;
}

/** Whether faces can be chosen. @param {boolean} can */
export function allowFaces(can) {
  for (const id of ["photo", "camera"]) buttonAt(id).disabled = !can;
}
