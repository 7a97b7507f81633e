import assert from "node:assert/strict";
import { test } from "node:test";

import { FaceAxes, indices } from "../../src/picture/anatomy.js";
import { mouthEvidence, whyHidden } from "../../src/picture/hidden_mouth.js";
import { cases, readPicture } from "./fixtures.js";

for (const { name, points, mouth, evidence } of cases()) {
  test(`the mouth of the ${name} portrait is seen as well as Python sees it`, () => {
    const picture = readPicture(`${name}.png`);
    const axes = new FaceAxes(indices(points));
    const [found, least] = mouthEvidence(picture, axes, axes.toFace(indices(points)));
    assert.ok(Math.abs(found - evidence) < 0.1, `${found}, and ${evidence} in Python`);
    assert.ok(found > least);
    assert.equal(whyHidden(picture, points), "");
  });

  test(`the ${name} portrait with a mask before its mouth is refused`, () => {
    const picture = readPicture(`${name}.png`);
    for (let y = mouth[1] - 5; y < mouth[3] + 5; y++) {
      for (let x = mouth[0] - 5; x < mouth[2] + 5; x++) picture.data.set([200, 215, 225], 4 * (y * picture.width + x));
    }
    assert.match(
      whyHidden(picture, points),
      /^the mouth cannot be seen .* pass a picture with nothing before the mouth$/,
    );
  });
}

test("a face that looks far aside is refused", () => {
  const { name, points } = cases()[0];
  const aside = points.map(
    (at, index) => at + (index >= 54 && index < 62 && index % 2 === 0 ? 0.3 * (points[90] - points[72]) : 0),
  );
  assert.match(whyHidden(readPicture(`${name}.png`), aside), /turned too far to the side .*one half is \d+\.\d times/);
});
