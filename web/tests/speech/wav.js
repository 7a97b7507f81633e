/** A WAV file of 16-bit samples. @param {Float32Array[]} channels @param {number} rateHz */
export function wavFile(channels, rateHz) {
  const size = 2 * channels.length * channels[0].length;
  const file = Buffer.alloc(44 + size);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + size, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(channels.length, 22);
  file.writeUInt32LE(rateHz, 24);
  file.writeUInt32LE(2 * channels.length * rateHz, 28);
  file.writeUInt16LE(2 * channels.length, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(size, 40);
  channels.forEach((samples, channel) =>
    samples.forEach((value, place) =>
      file.writeInt16LE(Math.round(32_767 * value), 44 + 2 * (place * channels.length + channel)),
    ),
  );
  return file;
}
