/** The page: what its controls do, and in which order. */

import { loadFaceFinder } from "../face/index.js";
import { decodeSound, loadRecordings, loadStreams } from "../speech/index.js";
import { at, buttonAt, choose, chosen, inputAt, say, showProgress } from "./elements.js";
import { allowFaces, openPhoto, openSample, showOwn, takePhoto } from "./faces.js";
import { LiveVoice } from "./live.js";
import { onceOnly } from "./once.js";
import { keepOffline } from "./offline.js";
import { Playback } from "./playback.js";
import { manner, options, wireManner } from "./options.js";
import { receiveDrops, whenPicked } from "./picked.js";
import { Stage } from "./stage.js";
import { keep, stem } from "./takes.js";
import { wordsOf } from "./words.js";

/** @typedef {"loading" | "ready" | "listening" | "working" | "playing"} Phase */

const BASE = "assets/";
const SAMPLE = { name: "sample", url: `${BASE}speech.flac` };
const READY = "Speak, and the portrait speaks with you.";

export class Page {
  stage = new Stage();
  /** @type {Phase} */
  phase = "loading";
  /** What is to be heard: the sample until somebody spoke or chose a file. @type {{ name: string, samples: Float32Array } | null} */
  sound = null;
  /** @type {(import("./takes.js").Take & { made: string }) | null} */
  take = null;
  faceName = "collins";

  finder = onceOnly(() => loadFaceFinder({ base: BASE, onprogress: showShare }));
  recordings = onceOnly(() => loadRecordings({ base: BASE, onprogress: showShare }));
  streams = onceOnly(() => loadStreams({ base: BASE, onprogress: showShare }));

  /** Show the first face, get ready, and wire the controls. */
  async open() {
    choose("face", this.faceName); // a browser may have kept another
    this._wire();
    this.stage.setManner(manner());
    await this.stage.show(await openSample(this.faceName));
    this.enter("ready");
    buttonAt("speak").disabled = true;
    say("Getting ready");
    await this.attempt(async () => {
      await this.streams();
      this.enter(this.phase);
      if (this.phase === "ready") say(READY);
    });
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
    keepOffline();
  }

  /** Do something that may fail, and say so in words. @param {() => Promise<void>} work */
  async attempt(work) {
    try {
      await work();
    } catch (error) {
      if (/** @type {Error} */ (error)?.name === "AbortError") return;
      this.leave();
      say(wordsOf(error), true);
    } finally {
      showProgress(null);
    }
  }

  /** @param {Phase} phase */
  enter(phase) {
    this.phase = phase;
    document.documentElement.dataset.phase = phase;
    const idle = phase === "ready";
    label("speak", phase === "listening" ? "Stop" : "Speak");
    label("play", phase === "playing" || phase === "working" ? "Stop" : this.sound ? "Play again" : "Play the sample");
    buttonAt("speak").disabled = !(idle || phase === "listening");
    buttonAt("play").disabled = phase === "listening";
    buttonAt("sound").disabled = !idle;
    /** @type {HTMLFieldSetElement} */ (at("keep")).disabled = !idle;
    allowFaces(idle);
    at("latency").hidden = phase !== "listening";
  }

  /** Break off whatever runs, and be ready again. */
  leave() {
    this._aborter?.abort();
    this.live?.abandon();
    this.playback?.stop();
    this.live = this.playback = this._aborter = undefined;
    this.stage.follow = () => null;
    this.stage.wake();
    this.enter("ready");
  }

  /** Listen to the microphone. */
  async speak() {
    const engine = await this.streams();
    this.leave();
    const onend = (/** @type {unknown} */ error) => this.attempt(() => this.finishSpeaking(error));
    const listeners = { onlatency: showLatency, onend, onsilence: () => say(HUSHED) };
    this.live = new LiveVoice(engine, this._points, options(), listeners);
    this.enter("listening");
    say("Allow the microphone: its sound stays here.");
    await this.live.listen();
    const { live } = this;
    this.stage.follow = () => live.face();
    this.stage.wake();
    say("Speak. Press Stop when you are done.");
  }

  /** @param {unknown} [error] why the microphone ended by itself */
  async finishSpeaking(error) {
    const { live } = this;
    if (!live) return;
    this.live = undefined;
    const made = this._made;
    const take = await live.stop();
    if (take) [this.take, this.sound] = [{ ...take, made }, take];
    this.leave();
    if (error) throw error;
    say(take ? `You spoke for ${secondsOf(take.samples)}. Play it again, or keep it.` : READY);
  }

  /** Play what there is to be heard, with its face. */
  async play() {
    this.leave();
    this.playback = new Playback(() => this.finishPlaying());
    const { playback } = this;
    const take = await this._currentTake();
    await playback.start(take.samples, take.sequence);
    this.stage.follow = () => playback.face();
    this.stage.wake();
    this.enter("playing");
    say(`${secondsOf(take.samples)} of sound, and the face that goes with it.`);
  }

  finishPlaying() {
    this.leave();
    say(READY);
  }

  /** @param {File} file */
  async useSound(file) {
    say(`Reading ${file.name}`);
    const samples = await decodeSound(file);
    this.sound = { name: stem(file.name), samples };
    await this.play();
  }

  /** @param {Blob | HTMLCanvasElement} photo */
  async usePhoto(photo) {
    this.leave();
    say("Looking for the face");
    const picture = photo instanceof Blob ? await openPhoto(photo) : photo;
    const finder = await this.finder();
    const points = await finder.find(picture);
    this.stage.show({ picture, width: picture.width, height: picture.height, points });
    showOwn(picture);
    this.faceName = `own ${performance.now()}`;
    this._own = this.stage.face;
    say(`There you are. ${READY}`);
  }

  /** @param {string} name */
  async useSample(name) {
    this.leave();
    const face = name === "own" ? this._own : await openSample(name);
    if (!face) return;
    this.faceName = name;
    this.stage.show(face);
    say(READY);
  }

  /** @param {File} file */
  async useHead(file) {
    const lacks = await this.stage.loadHead(await file.arrayBuffer());
    const count = 52 - lacks.length;
    at("lacks").textContent = lacks.length ? `${file.name} has ${count} of 52 ARKit shapes; it lacks ${lacks.join(", ")}.` : "";
    say(`${file.name} is your head now.`);
  }

  /** @param {string} kind */
  async keep(kind) {
    const take = await this._currentTake();
    say("Writing the file");
    const desk = { take, rest: this._points, picture: this.stage.picture, manner: manner(), base: BASE, onprogress: showShare };
    const name = await keep(kind, { ...desk, signal: this._aborter?.signal });
    this.leave();
    say(`${name} is yours.`);
  }

  /** What is to be heard, with landmarks of the face and the manner that are chosen now. */
  async _currentTake() {
    if (this.take && this.take.made === this._made && this.take.samples === this.sound?.samples) return this.take;
    this.enter("working");
    this._aborter = new AbortController();
    const { signal } = this._aborter;
    const made = this._made;
    say("Fetching the weights for recordings");
    const [engine, sound] = await Promise.all([this.recordings(), this._currentSound()]);
    signal.throwIfAborted();
    say("Listening");
    const settings = { ...options(), signal, onprogress: showShare };
    const sequence = await engine.generate(sound.samples, this._points, settings);
    signal.throwIfAborted();
    showProgress(null);
    this.take = { ...sound, sequence, made };
    return this.take;
  }

  async _currentSound() {
    if (this.sound) return this.sound;
    const answer = await fetch(SAMPLE.url);
    return (this.sound = { name: SAMPLE.name, samples: await decodeSound(await answer.arrayBuffer()) });
  }

  get _points() {
    if (!this.stage.face) throw new Error("no face is shown yet");
    return this.stage.face.points;
  }

  /** Tells landmarks of another face or manner apart. */
  get _made() {
    return JSON.stringify([this.faceName, options()]);
  }

  _wire() {
    const does = (/** @type {string} */ id, /** @type {() => Promise<void>} */ work) =>
      at(id).addEventListener("click", () => this.attempt(work));
    does("speak", () => (this.phase === "listening" ? this.finishSpeaking() : this.speak()));
    does("play", async () => (this.phase === "ready" ? this.play() : this.finishPlaying()));
    does("camera", async () => {
      const photo = await takePhoto();
      if (photo) await this.usePhoto(photo);
    });
    whenPicked("photo", "photo-file", (file) => this.attempt(() => this.usePhoto(file)));
    whenPicked("sound", "sound-file", (file) => this.attempt(() => this.useSound(file)));
    whenPicked("model", "model-file", (file) => this.attempt(() => this.useHead(file)));
    receiveDrops((use) => this.attempt(() => use(this)));
    at("faces").addEventListener("change", () => this.attempt(() => this.useSample(chosen("face"))));
    at("views").addEventListener("change", () => this.attempt(() => this._changeView()));
    at("keep").addEventListener("click", ({ target }) => {
      const button = target instanceof Element ? target.closest("button") : null;
      if (button) this.attempt(() => this.keep(button.value));
    });
    wireManner(() => this.stage.setManner(manner()));
    addEventListener("keydown", ({ key }) => key === "Escape" && this._escape());
  }

  async _changeView() {
    const view = /** @type {import("./stage.js").ViewName} */ (chosen("view"));
    try {
      await this.stage.setView(view);
    } catch (error) {
      choose("view", this.stage.view);
      throw error;
    }
    at("avatar").hidden = view !== "head";
  }

  _escape() {
    if (document.querySelector("dialog[open]")) return;
    if (this.phase === "listening") this.attempt(() => this.finishSpeaking());
    else if (this.phase !== "ready") this.finishPlaying();
  }
}

const HUSHED = "Nothing is to be heard: is the microphone muted?";

/** @param {string} id @param {string} text */
function label(id, text) {
  const span = at(id).querySelector("span");
  if (span && span.textContent !== text) span.textContent = text;
}

/** How far a download or a work is: a share, or how many of how many. @param {number} done @param {number} [all] */
function showShare(done, all = 1) {
  showProgress(all > 0 ? Math.min(1, done / all) : 0);
}

/** @param {number} seconds */
function showLatency(seconds) {
  const value = /** @type {HTMLElement} */ (at("latency").querySelector("b"));
  value.textContent = `${Math.round(1000 * seconds)} ms`;
}

/** @param {Float32Array} samples 16 kHz */
function secondsOf(samples) {
  return `${(samples.length / 16000).toFixed(1)} s`;
}
