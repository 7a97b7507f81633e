/** Where faces come from: four samples, a file, the camera. */

import { UserError } from "../errors.js";
import { at, buttonAt } from "./elements.js";
import collins from "../../samples/collins.json";
import mira from "../../samples/mira.json";
import nia from "../../samples/nia.json";
import tomas from "../../samples/tomas.json";

/** @typedef {import("../types.js").Face} Face */

/** The samples: where their pictures are, and the 68 points that the page's own finder found in them. */
export const SAMPLES = {
  collins: { url: "assets/portrait.jpg", points: collins },
  mira: { url: new URL("../../samples/mira.svg", import.meta.url).href, points: mira },
  tomas: { url: new URL("../../samples/tomas.svg", import.meta.url).href, points: tomas },
  nia: { url: new URL("../../samples/nia.svg", import.meta.url).href, points: nia },
};

/** @param {string} name @returns {Promise<Face>} */
export async function openSample(name) {
  const { url, points } = SAMPLES[/** @type {keyof typeof SAMPLES} */ (name)];
  const picture = await pictureOf(url);
  return { picture, width: picture.width, height: picture.height, points: Float32Array.from(points) };
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
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d", { willReadFrequently: true })?.drawImage(source, 0, 0);
  return canvas;
}

/**
 * A photo from the camera, not mirrored; null where the person thinks better of it.
 * @returns {Promise<Blob | null>}
 */
export async function takePhoto() {
  if (!navigator.mediaDevices)
    throw new UserError("A page may see the camera only over https or on this machine: open it as http://localhost");
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
    if (answer !== "take") return null;
    const photo = drawn(video, video.videoWidth, video.videoHeight);
    return await new Promise((resolve) => photo.toBlob(resolve, "image/png"));
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

/** Show somebody's own picture among the samples, chosen. @param {ImageBitmap} picture */
export function showOwn(picture) {
  const label = at("own");
  label.hidden = false;
  const image = /** @type {HTMLImageElement} */ (label.querySelector("img"));
  image.src = drawn(picture, picture.width, picture.height).toDataURL("image/jpeg", 0.8);
  /** @type {HTMLInputElement} */ (label.querySelector("input")).checked = true;
}

/** Whether faces can be chosen. @param {boolean} can */
export function allowFaces(can) {
  for (const id of ["photo", "camera"]) buttonAt(id).disabled = !can;
}
