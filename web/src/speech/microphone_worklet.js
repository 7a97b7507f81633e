// @ts-nocheck: a scope of its own, whose names TypeScript does not have.
// Runs on the sound card's thread: hands over the mean of the channels, 20 ms at a time.
const PIECE_S = 0.02;

registerProcessor(
  "microphone",
  class extends AudioWorkletProcessor {
    constructor() {
      super();
      this.piece = new Float32Array(Math.round(sampleRate * PIECE_S));
      this.filled = 0;
    }

    process([channels]) {
      const count = channels.length ? channels[0].length : 0;
      for (let place = 0; place < count; place += 1) {
        this.piece[this.filled] = channels.reduce((sum, channel) => sum + channel[place], 0) / channels.length;
        this.filled += 1;
        if (this.filled === this.piece.length) {
          this.port.postMessage(this.piece, [this.piece.buffer]);
          this.piece = new Float32Array(Math.round(sampleRate * PIECE_S));
          this.filled = 0;
        }
      }
      return true;
    }
  },
);
