/** The page: what its controls do, and in which order. */

import { loadFaceFinder, readPicture } from "../face/index.js";
import { decodeSound, loadRecordings, loadStreams } from "../speech/index.js";
import { at, buttonAt, choose, chosen, hideProgress, say, showProgress } from "./elements.js";
import { allowFaces, openSample, showOwn } from "./faces.js";
import { LiveVoice } from "./live.js";
import { onceOnly } from "./once.js";
import { keepOffline } from "./offline.js";
import { Playback } from "./playback.js";
import { restOfRecordings, restOfStreams } from "./resting.js";
import { manner, options } from "./options.js";
import { Stage } from "./stage.js";
import { label, painted, secondsOf, showLatency } from "./shown.js";
import { keep, stem } from "./takes.js";
import { wire } from "./wiring.js";
import { sentence, wordsOf } from "./words.js";

/** @typedef {"loading" | "ready" | "listening" | "working" | "playing"} Phase */

const BASE = "assets/";
const SAMPLE = { name: "sample", url: `${BASE}speech.flac` };
const HUSHED = "Nothing is to be heard: is the microphone muted?";
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
  /** Of which face and manner the head counts. */
  _settled = "";

  finder = onceOnly(() => loadFaceFinder({ base: BASE, onprogress: showProgress }));
  recordings = onceOnly(() => loadRecordings({ base: BASE, onprogress: showProgress }));
  streams = onceOnly(() => loadStreams({ base: BASE, onprogress: showProgress }));

  /** Show the first face, get ready, and wire the controls. */
  async open() {
    choose("face", this.faceName); // a browser may have kept another
    wire(this);
    this.enter("loading");
    const streams = this.streams();
    streams.catch(() => {}); // told below
    await this.attempt(async () => {
      const face = await openSample(this.faceName);
      await painted();
      this.stage.show(face);
      performance.mark("face");
      await streams;
      say(READY);
      performance.mark("ready");
    });
    this.enter("ready");
    keepOffline();
  }

  /** Do something that may fail, and say so in words. @param {() => Promise<void>} work */
  async attempt(work) {
    try {
      await work();
    } catch (error) {
      if (/** @type {Error} */ (error)?.name === "AbortError") return;
      if (this.phase !== "loading") this.leave();
      say(wordsOf(error), true);
    } finally {
      hideProgress();
    }
  }

  /** @param {Phase} phase */
  enter(phase) {
    this.phase = phase;
    document.documentElement.dataset.phase = phase;
    const idle = phase === "ready" && this.stage.face !== null;
    label("speak", "Speak", phase === "listening");
    label("play", this.sound ? "Play again" : "Play the sample", phase === "playing" || phase === "working");
    buttonAt("speak").disabled = !(idle || phase === "listening");
    buttonAt("play").disabled = phase === "listening";
    buttonAt("sound").disabled = !idle;
    /** @type {HTMLFieldSetElement} */ (at("keep")).disabled = !idle;
    allowFaces(idle);
    at("latency").hidden = phase !== "listening";
  }

  /** Break off whatever runs, and be ready again. */
  leave() {
    const { live, playback, _aborter } = this;
    this.live = this.playback = this._aborter = undefined;
    _aborter?.abort();
    live?.abandon();
    playback?.stop();
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
    await this._settleHead();
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
  async play(/** @type {(text: string) => string} */ words = (text) => text) {
    this.leave();
    this.playback = new Playback(() => this.finishPlaying());
    const { playback } = this;
    const signal = this._begin();
    const take = await this._currentTake(signal);
    await this._settleHead();
    await playback.start(take.samples, take.sequence);
    signal.throwIfAborted();
    this.stage.follow = () => playback.face();
    this.stage.wake();
    this.enter("playing");
    say(words(`${secondsOf(take.samples)} of sound, and the face that goes with it.`));
  }

  finishPlaying() {
    this.leave();
    say(READY);
  }

  /** @param {File} file */
  async useSound(file) {
    this.leave();
    say(`Reading ${file.name}`);
    const notes = this._notes();
    const samples = await decodeSound(file, { onnote: notes.add });
    this.sound = { name: stem(file.name), samples };
    await this.play(notes.before);
  }

  /** @param {Blob} photo */
  async usePhoto(photo) {
    this.leave();
    say("Looking for the face");
    const picture = await readPicture(photo);
    const name = photo instanceof File ? photo.name : "the photo";
    const notes = this._notes();
    const points = await this.stage.lend(async () => {
      const finder = await this.finder();
      return finder.find(picture, { name, onnote: notes.add });
    });
    this.stage.show({ picture, width: picture.width, height: picture.height, points });
    showOwn(picture);
    this.faceName = `own ${performance.now()}`;
    this._own = this.stage.face;
    say(notes.before(READY));
  }

  /** What a finder or a decoder finds worth telling. */
  _notes() {
    /** @type {string[]} */
    const notes = [];
    return {
      add: (/** @type {string} */ note) => void notes.push(sentence(note)),
      before: (/** @type {string} */ text) => [...notes, text].join(" "),
    };
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
    const { found, missing } = await this.stage.loadHead(await file.arrayBuffer());
    choose("view", "head");
    await this.changeView();
    const lacks = missing.length ? ` and lacks ${missing.join(", ")}` : "";
    at("lacks").textContent =
      `${file.name} has ${found.length} of ${found.length + missing.length} ARKit shapes${lacks}.`;
    say(`${file.name} is your head now.`);
  }

  /** @param {string} kind */
  async keep(kind) {
    const signal = this._begin();
    const take = await this._currentTake(signal);
    say("Writing the file");
    const rest = () => this._restOf(take);
    const desk = { take, rest, picture: this.stage.picture, manner: manner(), base: BASE };
    const name = await this.stage.lend(() => keep(kind, { ...desk, signal, onprogress: showProgress }));
    signal.throwIfAborted();
    this.leave();
    say(`${name} is yours.`);
  }

  /** Begin a work that Stop breaks off. */
  _begin() {
    this.enter("working");
    this._aborter = new AbortController();
    return this._aborter.signal;
  }

  /** What is to be heard, with landmarks of the face and the manner that are chosen now. */
  async _currentTake(/** @type {AbortSignal} */ signal) {
    if (this.take && this.take.made === this._made && this.take.samples === this.sound?.samples) return this.take;
    const made = this._made;
    say("Fetching the weights for recordings");
    const [engine, sound] = await Promise.all([this.recordings(), this._currentSound()]);
    signal.throwIfAborted();
    say("Listening");
    const settings = { ...options(), signal, onprogress: showProgress };
    const sequence = await engine.generate(sound.samples, this._points, settings);
    signal.throwIfAborted();
    hideProgress();
    this.take = { ...sound, sequence, made };
    return this.take;
  }

  /** The resting face of a take. @param {import("./takes.js").Take} take */
  async _restOf(take) {
    if (take.live) return restOfStreams(await this.streams(), this._points, options());
    return restOfRecordings(await this.recordings(), this._points, options());
  }

  /** The head counts from a face at rest, which takes a moment: only where it is seen. */
  async _settleHead() {
    if (this.stage.view !== "head" || this._settled === this._made) return;
    this._settled = this._made;
    this.stage.setRest(await restOfStreams(await this.streams(), this._points, options()));
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

  /** Show the view that is chosen. */
  async changeView() {
    const view = /** @type {import("./stage.js").ViewName} */ (chosen("view"));
    try {
      await this.stage.setView(view);
    } catch (error) {
      choose("view", this.stage.view);
      throw error;
    }
    at("avatar").hidden = view !== "head";
    await this._settleHead();
  }
}
