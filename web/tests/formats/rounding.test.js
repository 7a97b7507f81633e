import assert from "node:assert/strict";
import { test } from "node:test";

import { fixed, rounded } from "../../src/motion/rounding.js";
import { number, text } from "../../src/formats/python_json.js";

test("halves go to the even neighbour, as in Python", () => {
  assert.deepEqual(
    [0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6].map(rounded).map((one) => one + 0),
    [0, 2, 2, 0, -2, 2, 3],
  );
  assert.deepEqual(
    [0.03125, 0.09375, 100.03125, -0.03125].map((one) => fixed(one, 4)),
    ["0.0312", "0.0938", "100.0312", "-0.0312"],
  );
  assert.deepEqual(
    [0.005, 0.015, 0.125, 0.375, 2.675].map((one) => fixed(one, 2)),
    ["0.01", "0.01", "0.12", "0.38", "2.67"],
  );
  assert.deepEqual(
    [-0, -0.00001].map((one) => fixed(one, 4)),
    ["-0.0000", "-0.0000"],
  );
});

test("JSON is written as Python writes it", () => {
  assert.deepEqual([1, -0, 0.25, 29.97].map(number), ["1.0", "-0.0", "0.25", "29.97"]);
  assert.equal(text('Grüße "\n😀'), '"Gr\\u00fc\\u00dfe \\"\\n\\ud83d\\ude00"');
});
