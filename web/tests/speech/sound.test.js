/** Sound files to samples: rates, channels, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mixed } from "../../src/speech/channels.js";
import { resampled } from "../../src/speech/decode.js";
import { checkRecording, checkSamples } from "../../src/speech/sound_check.js";
import { announcedRate, decodingRate } from "../../src/speech/sound_rate.js";
import { SoundResampler } from "../../src/speech/sound_resampler.js";
import { decodeFlac } from "./flac.js";
import { fixture, fixtureBytes } from "./packaged.js";

/** The sound of `tools/make_web_fixtures.py`. */
function sweep(rateHz) {
  return Float32Array.from({ length: Math.floor(rateHz / 10) }, (_, place) => {
    const timeS = place / rateHz;
    const rising = 0.4 * Math.sin(2 * Math.PI * (100 + 17_500 * timeS) * timeS);
    return rising + 0.2 * Math.cos(2 * Math.PI * 3000 * timeS);
  });
}

const tone = (count, hz, phase = 0) =>
  Float32Array.from({ length: count }, (_, place) => 0.3 * Math.sin((2 * Math.PI * hz * place) / 16_000 + phase));

for (const { rate_hz: rateHz, samples } of fixture("resampling.json")) {
  test(`sound at ${rateHz} Hz is resampled as FFmpeg does it`, async () => {
    const heard = await resampled(sweep(rateHz), rateHz);
    assert.equal(heard.length, samples.length);
    const error = Math.max(...heard.map((value, place) => Math.abs(value - samples[place])));
    assert.ok(error < 1e-4, `${error}`);
  });
}

test("resampled sound does not depend on how it is cut", () => {
  const sound = sweep(44_100);
  const [whole, pieces] = [new SoundResampler(44_100, 16_000), new SoundResampler(44_100, 16_000)];
  const cut = [];
  for (let at = 0, size = 1; at < sound.length; at += size, size = (size * 3) % 401) {
    cut.push(...pieces.push(sound.subarray(at, at + size)));
  }
  cut.push(...pieces.flush());
  assert.deepEqual(cut, [...whole.push(sound), ...whole.flush()]);
});

test("two channels become their mean", () => {
  assert.deepEqual(mixed([Float32Array.of(1, 0.5), Float32Array.of(0.5, 0.5)]), Float32Array.of(0.75, 0.5));
});

test("channels in opposite phase do not cancel each other out", () => {
  const voice = tone(4000, 300);
  let turned = 0;
  const mono = mixed([voice, voice.map((value) => -value)], () => (turned += 1));
  assert.deepEqual(mono, voice);
  assert.equal(turned, 1);
});

test("channels that are independent of each other are left as they are", () => {
  const [one, other] = [tone(4000, 300), tone(4000, 700)];
  const mono = mixed([one, other], () => assert.fail("turned"));
  assert.ok(Math.abs(mono[100] - (one[100] + other[100]) / 2) < 1e-7);
});

const wav = (rateHz) => {
  const view = new DataView(new ArrayBuffer(60));
  const put = (at, text) => [...text].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  put(0, "RIFF");
  put(8, "WAVEJUNK");
  view.setUint32(16, 3, true);
  put(24, "fmt ");
  view.setUint32(28, 16, true);
  view.setUint32(36, rateHz, true);
  return view.buffer;
};
const bytes = (...parts) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...Buffer.from(part, "latin1")] : part))).buffer;

test("a WAV file says its rate, whatever chunks stand before", () => {
  assert.equal(announcedRate(wav(11_025)), 11_025);
});

test("a FLAC file says its rate", () => {
  assert.equal(announcedRate(fixtureBytes("speech_44100.flac")), 44_100);
});

test("MP3 says its rate after a tag of any length, and AAC too", () => {
  const [mp3, half, aac] = [
    [0xff, 0xfb, 0x90, 0],
    [0xff, 0xf3, 0x90, 0],
    [0xff, 0xf1, 0x50, 0],
  ];
  assert.equal(announcedRate(bytes("ID3\x03\0\0\0\0\0\x05", "?????", mp3, [0])), 44_100);
  assert.equal(announcedRate(bytes(half, [0])), 22_050);
  assert.equal(announcedRate(bytes(aac, [0])), 44_100);
});

test("Opus is decoded at 48 kHz, Vorbis at its rate", () => {
  const page = ["OggS", new Array(22).fill(0), [1, 0]];
  assert.equal(announcedRate(bytes(...page, "OpusHead", new Array(12).fill(0))), 48_000);
  assert.equal(announcedRate(bytes(...page, "\x01vorbis", [0, 0, 0, 0, 1, 0x80, 0x3e, 0, 0, 0])), 16_000);
});

test("an MP4 file says its rate, wherever its index stands", () => {
  const entry = ["mp4a", new Array(24).fill(0), [0xac, 0x44, 0, 0]];
  const file = bytes(
    [0, 0, 0, 12],
    "ftypM4A ",
    [0, 0, 0, 8],
    "mdat",
    [0, 0, 0, 60],
    "moov",
    ...entry,
    new Array(20).fill(0),
  );
  assert.equal(announcedRate(file), 44_100);
});

test("what says no rate, or one that no browser has, is decoded at a usual one", () => {
  assert.equal(decodingRate(bytes("nothing of the kind, but long enough for every look at it")), 48_000);
  assert.equal(decodingRate(wav(2_000)), 48_000);
  assert.equal(decodingRate(new ArrayBuffer(0)), 48_000);
});

test("a cut off file of any kind is looked at without a fault", () => {
  for (const file of [wav(16_000), fixtureBytes("speech_44100.flac").slice(0, 60), bytes([0, 0, 0, 12], "ftypM4A ")]) {
    for (let size = 0; size < file.byteLength; size += 1) {
      decodingRate(file.slice(0, size));
    }
  }
});

const refused = (task, message) => assert.throws(task, { name: "UserError", message });

test("sound that is too short is refused in the words of the package", () => {
  refused(
    () => checkSamples(new Float32Array(800), "a.wav"),
    "a.wav: lasts 0.05 s: pass a recording of at least 0.1 s",
  );
});

test("silence is refused, and says how silent it is", () => {
  refused(() => checkRecording(new Float32Array(4000), "a.wav"), /^a\.wav: is silent \(every sample is 0\)/);
  refused(() => checkRecording(new Float32Array(4000).fill(3e-5), "a.wav"), /peak -90 dBFS/);
});

test("samples that cannot be sound are refused with the moment of the first", () => {
  const broken = (value) => Float32Array.from({ length: 4000 }, (_, place) => (place === 1600 ? value : 0.1));
  refused(() => checkSamples(broken(NaN)), /the sample at 0\.100 s is not a finite number/);
  refused(() => checkSamples(broken(200)), /the sample at 0\.100 s is 200\.0, where full scale is 1/);
});

test("sound that is clipped is heard, with a note", () => {
  const notes = [];
  checkRecording(
    tone(4000, 300).map((value) => Math.sign(value)),
    "a.wav",
    (note) => notes.push(note),
  );
  assert.match(notes.join(), /% of the samples are clipped/);
});

test("the decoder of these tests reads the fixture", () => {
  const { samples, rateHz } = decodeFlac(new Uint8Array(fixtureBytes("speech_44100.flac")));
  assert.equal(rateHz, 44_100);
  assert.ok(Math.abs(samples.length - 2 * 44_100) < 5);
});
