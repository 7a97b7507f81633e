/** Pictures cut, scaled and turned as Pillow and NumPy do it, and the mesh's points. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { to68 } from "../../src/face/mesh.js";
import { contrast, crop, mirrored, resize, turned } from "../../src/face/pixels.js";
import { Scene, View, around, bounds, disagreement, faceSize, quarterTurns, tiles } from "../../src/face/views.js";
import { FACE_SIZE, MIRROR } from "../../src/speech/landmarks.js";
import { fixture } from "../speech/packaged.js";

const [WIDTH, HEIGHT] = [60, 45];
const face = Float32Array.from(fixture("motion.json").face);

/** The picture of `tools/make_web_fixtures.py`. */
function pattern() {
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
  for (let row = 0; row < HEIGHT; row += 1) {
    for (let column = 0; column < WIDTH; column += 1) {
      const checks = (Math.floor(row / 5) + Math.floor(column / 7)) % 2 ? 255 : 0;
      data.set([(row * 7 + column * 3) % 256, (row * column) % 256, checks, 255], (row * WIDTH + column) * 4);
    }
  }
  return { width: WIDTH, height: HEIGHT, data };
}

const colours = ({ data }) => [...data].filter((_, place) => place % 4 < 3);

for (const { size, filter, pixels } of fixture("pixels.json")) {
  test(`a picture is scaled to ${size.join(" x ")} as Pillow does it, ${filter}`, () => {
    const scaled = colours(resize(pattern(), size[0], size[1], filter));
    assert.equal(scaled.length, pixels.length);
    assert.ok(Math.max(...scaled.map((value, place) => Math.abs(value - pixels[place]))) <= 1);
  });
}

test("a picture that is turned four times, or mirrored twice, is itself", () => {
  assert.deepEqual(turned(turned(pattern(), 3), 1), pattern());
  assert.deepEqual(mirrored(mirrored(pattern())), pattern());
});

test("a quarter turn goes against the clock", () => {
  const source = { width: 2, height: 1, data: Uint8ClampedArray.of(1, 1, 1, 255, 2, 2, 2, 255) };
  assert.deepEqual(turned(source, 1), {
    width: 1,
    height: 2,
    data: Uint8ClampedArray.of(2, 2, 2, 255, 1, 1, 1, 255),
  });
});

test("what lies outside the picture is black, and a plain picture shows nothing", () => {
  const outside = crop(pattern(), -10, -10, 10, 10);
  assert.deepEqual([...outside.data.subarray(0, 4)], [0, 0, 0, 255]);
  assert.equal(contrast(outside), 0);
  assert.equal(contrast(pattern()), 255);
});

/** Finds a face that stands somewhere in the whole scene, wherever it is looked for. */
class Pencil {
  constructor() {
    this.sizes = [];
  }

  /** The one face that the picture shows: its three colours say where its box stands. */
  find({ width, height, data }) {
    this.sizes.push([width, height]);
    const lit = { low: [Infinity, Infinity], high: [-1, -1] };
    for (let place = 0; place < width * height; place += 1) {
      if (data[4 * place] > 127) {
        const at = [place % width, Math.floor(place / width)];
        at.forEach((value, axis) => {
          lit.low[axis] = Math.min(lit.low[axis], value);
          lit.high[axis] = Math.max(lit.high[axis], value + 1);
        });
      }
    }
    const { low, high } = bounds(face);
    const placed = face.map((value, place) => {
      const axis = place % 2;
      return lit.low[axis] + ((value - low[axis]) / (high[axis] - low[axis])) * (lit.high[axis] - lit.low[axis]);
    });
    return lit.high[0] < 0 ? [] : [placed];
  }
}

/** A picture with a bright box where the face is. */
function boxed(width, height, points) {
  const { low, high } = bounds(points);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let place = 0; place < width * height; place += 1) {
    const [x, y] = [(place % width) + 0.5, Math.floor(place / width) + 0.5];
    const inside = x > low[0] && x < high[0] && y > low[1] && y < high[1];
    data.set(inside ? [255, 255, 255, 255] : [0, 0, 0, 255], 4 * place);
  }
  return { width, height, data };
}

test("a face is where the picture shows it, in whatever view it was seen", () => {
  const scene = new Scene(boxed(300, 280, face));
  const upright = around(face, 2, { quarterTurns: 0 });
  const [seen] = upright.faces(new Pencil(), scene);
  assert.ok(disagreement(seen, face) < 0.03);
  for (const how of [
    { quarterTurns: 0, isMirrored: true },
    { quarterTurns: 1 },
    { quarterTurns: 2 },
    { quarterTurns: 3 },
  ]) {
    const [other] = around(face, 2, how).faces(new Pencil(), scene);
    const [box, wanted] = [bounds(other), bounds(face)];
    box.low.forEach((value, axis) => assert.ok(Math.abs(value - wanted.low[axis]) < 2, `${JSON.stringify(how)}`));
    box.high.forEach((value, axis) => assert.ok(Math.abs(value - wanted.high[axis]) < 2, `${JSON.stringify(how)}`));
  }
});

test("a mirrored view names left and right as an upright one does", () => {
  const scene = new Scene(boxed(300, 280, face));
  const [seen] = around(face, 2, { quarterTurns: 0, isMirrored: true }).faces(new Pencil(), scene);
  assert.ok(seen[2 * 45] > seen[2 * 36]);
  assert.deepEqual(
    MIRROR.map((partner) => MIRROR[partner]),
    MIRROR.map((_, point) => point),
  );
});

test("a large picture is first looked at scaled down to 1600 pixels", () => {
  const pencil = new Pencil();
  const large = face.map((value) => 10 * value);
  const [seen] = new Scene(boxed(3000, 2900, large)).faces(pencil);
  assert.deepEqual(pencil.sizes, [[1600, 1547]]);
  assert.ok(disagreement(seen, large) < 0.01);
});

test("a tile is looked at as it is where it is small", () => {
  const pencil = new Pencil();
  new View(100, 100, 100, { isTile: true }).faces(pencil, new Scene(boxed(300, 280, face)));
  new View(0, 0, 280, { isTile: true }).faces(pencil, new Scene(boxed(300, 280, face)));
  assert.deepEqual(pencil.sizes, [
    [100, 100],
    [256, 256],
  ]);
});

test("tiles overlap by half, and are a half, a quarter, ... of the picture", () => {
  const sides = (width, height) => [...tiles({ width, height })].map((level) => level[0].side);
  assert.deepEqual(sides(1920, 1080), [960, 480]);
  assert.deepEqual(sides(8000, 6000), [4000, 2000, 480]);
  assert.deepEqual(sides(20, 20), []);
});

test("how a face is turned is told from its eyes", () => {
  const spun = (quarter) => {
    const turn = (quarter * Math.PI) / 2;
    return face.map((_, place) => {
      const [x, y] = [face[place & ~1], face[place | 1]];
      return place % 2 ? Math.sin(turn) * x + Math.cos(turn) * y : Math.cos(turn) * x - Math.sin(turn) * y;
    });
  };
  assert.deepEqual(
    [0, 1, 2, 3].map((quarter) => quarterTurns(spun(quarter))),
    [0, 1, 2, 3],
  );
  assert.ok(faceSize(face) > 0);
});

test("the jaw's points are equally far apart along the mesh, its ends kept", () => {
  const mesh = Array.from({ length: 478 }, (_, point) => ({ x: Math.cos(point * 1.7), y: Math.sin(point * 2.3) }));
  const points = to68(mesh, 100, 50);
  const at = (point) => [points[2 * point], points[2 * point + 1]];
  const of = ({ x, y }) => [Math.fround(100 * x), Math.fround(50 * y)];
  assert.equal(points.length, FACE_SIZE);
  assert.deepEqual([at(0), at(8), at(16)], [mesh[127], mesh[152], mesh[356]].map(of));
  assert.deepEqual([at(36), at(45), at(62), at(66)], [mesh[33], mesh[263], mesh[13], mesh[14]].map(of));
});
