/**
 * What every pixel of a talking picture does, for WebGL2: `kfusion.picture.mouth` and `kfusion.picture.eyes` again.
 * Places are pixel indices, the first row at the top.
 */

/** One triangle over everything. */
export const EVERYWHERE = `#version 300 es
void main() {
  gl_Position = vec4(4.0 * float(gl_VertexID & 1) - 1.0, 2.0 * float(gl_VertexID & 2) - 1.0, 0.0, 1.0);
}`;

const SHARED = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
uniform sampler2D uPicture;
uniform vec2 uOrigin;
uniform vec2 uAcross;
uniform float uUnit;
out vec4 shown;

float eased(float share) {
  share = clamp(share, 0.0, 1.0);
  return share * share * (3.0 - 2.0 * share);
}

vec2 toFace(vec2 place) {
  vec2 moved = (place - uOrigin) / uUnit;
  return vec2(dot(moved, uAcross), dot(moved, vec2(-uAcross.y, uAcross.x)));
}

vec2 toPixels(vec2 face) {
  return uOrigin + uUnit * (face.x * uAcross + face.y * vec2(-uAcross.y, uAcross.x));
}

vec4 cubicWeights(float t) {
  vec4 away = vec4(1.0 + t, t, 1.0 - t, 2.0 - t);
  vec2 near = (1.25 * away.yz - 2.25) * away.yz * away.yz + 1.0;
  vec2 far = ((-0.75 * away.xw + 3.75) * away.xw - 6.0) * away.xw + 3.0;
  return vec4(far.x, near, far.y);
}

/** Cubic convolution from five looks between pixels; the four corners of its sixteen pixels weigh next to nothing. */
vec4 sampled(sampler2D picture, vec2 place) {
  vec2 size = vec2(textureSize(picture, 0)), base = floor(place);
  vec4 across = cubicWeights(place.x - base.x), down = cubicWeights(place.y - base.y);
  vec2 middle = vec2(across.y + across.z, down.y + down.z);
  vec2 at = (base + 0.5 + vec2(across.z, down.z) / middle) / size;
  vec2 before = (base - 0.5) / size, behind = (base + 2.5) / size;
  vec4 found = middle.x * middle.y * texture(picture, at);
  found += across.x * middle.y * texture(picture, vec2(before.x, at.y));
  found += across.w * middle.y * texture(picture, vec2(behind.x, at.y));
  found += middle.x * down.x * texture(picture, vec2(at.x, before.y));
  found += middle.x * down.w * texture(picture, vec2(at.x, behind.y));
  float all = middle.x * middle.y + (across.x + across.w) * middle.y + middle.x * (down.x + down.w);
  return clamp(found / all, 0.0, 1.0);
}
`;

/** The picture as it is. */
export const COPY = `${SHARED}
uniform float uBottom;
void main() {
  vec2 place = vec2(gl_FragCoord.x, uBottom > 0.0 ? uBottom - gl_FragCoord.y : gl_FragCoord.y);
  shown = vec4(texelFetch(uPicture, ivec2(place), 0).rgb, 1.0);
}`;

/** One eye over its box of the portrait, drawn into a texture. */
export const EYE = `${SHARED}
uniform sampler2D uLid;
uniform ivec2 uLow;
uniform vec2 uCorners;
uniform vec4 uUpperLid;
uniform vec4 uLowerLid;
uniform vec3 uLash;
uniform float uClosed;
uniform vec2 uGaze;

float height(vec4 lid, float share) {
  return lid.x + share * (lid.y + share * (lid.z + share * lid.w));
}

void main() {
  vec2 pixel = gl_FragCoord.xy - 0.5;
  vec2 face = toFace(pixel);
  float share = clamp((face.x - uCorners.x) / (uCorners.y - uCorners.x), 0.0, 1.0);
  float upper = height(uUpperLid, share), opening = max(height(uLowerLid, share) - upper, 0.0);
  float below = face.y - upper;
  float held = opening > 0.0 ? eased(min(below, opening - below) / 0.03) : 0.0;
  vec3 colour = sampled(uPicture, uGaze == vec2(0.0) ? pixel : toPixels(face - uGaze * held)).rgb;
  if (uClosed > 0.0) {
    float size = 1.0 / uUnit, begun = min(1.0, uClosed / 0.2);
    float above = 0.95 * uClosed * opening - below;
    vec4 lid = texelFetch(uLid, ivec2(pixel) - uLow, 0);
    colour = mix(colour, lid.rgb, lid.a * clamp(above / size + 0.5, 0.0, 1.0) * begun);
    float thick = max(above > 0.0 ? 0.009 : 0.006, 0.8 * size);
    colour = mix(colour, uLash, exp(-(above / thick) * (above / thick)) * eased(opening / 0.03) * 0.7 * begun);
  }
  shown = vec4(colour, 1.0);
}`;

/** Two layers that part at a seam, and what lies behind it. */
export const FACE = `${SHARED}
uniform sampler2D uMotion;
uniform sampler2D uStill;
uniform sampler2D uSeam;
uniform sampler2D uEdges;
uniform sampler2D uDark;
uniform sampler2D uUpper;
uniform sampler2D uLower;
uniform sampler2D uOwn;
uniform float uBottom;
uniform vec2 uFirst;
uniform float uStep;
uniform vec2 uSeamEnds;
uniform vec2 uEnds;
uniform vec4 uAround;
uniform float uGap;
uniform vec2 uBlur;
uniform float uRim;
uniform float uLit;
uniform float uShaded;
uniform vec2 uLow;
uniform vec2 uJaw;
uniform bool uToothed;
uniform vec3 uLine;
uniform vec3 uLineColour;

vec4 atNodes(sampler2D values, vec2 pixel) {
  ivec2 size = textureSize(values, 0);
  vec2 place = (pixel - uFirst) / uStep;
  ivec2 cell = clamp(ivec2(floor(place)), ivec2(0), size - 2);
  vec2 share = place - vec2(cell);
  vec4 above = mix(texelFetch(values, cell, 0), texelFetch(values, cell + ivec2(1, 0), 0), share.x);
  vec4 below = mix(texelFetch(values, cell + ivec2(0, 1), 0), texelFetch(values, cell + ivec2(1, 1), 0), share.x);
  return mix(above, below, share.y);
}

vec4 heights(sampler2D table, vec2 ends, float across) {
  float last = float(textureSize(table, 0).x - 1);
  float place = clamp((across - ends.x) / (ends.y - ends.x), 0.0, 1.0) * last;
  int at = min(int(place), int(last) - 1);
  return mix(texelFetch(table, ivec2(at, 0), 0), texelFetch(table, ivec2(at + 1, 0), 0), place - float(at));
}

/** The normal distribution's share below x. */
vec2 below(vec2 x) {
  x = clamp(x, -4.0, 4.0);
  return 0.5 + 0.5 * tanh(0.7978845608 * (x + 0.044715 * x * x * x));
}

vec4 plate(sampler2D values, vec2 place) {
  return texture(values, (place + 0.5) / vec2(textureSize(values, 0)));
}

/** Share of the lower layer, and how far the layers part. */
vec2 seamAt(vec2 face) {
  float middle = 0.5 * (uSeamEnds.x + uSeamEnds.y), reach = 0.5 * (uSeamEnds.y - uSeamEnds.x);
  float aside = abs(face.x - middle) / reach;
  float width = 0.7 / uUnit + 0.8 * reach * max(aside - 0.85, 0.0);
  float off = face.y - heights(uSeam, uSeamEnds, face.x).x;
  return vec2(eased(0.5 * off / width + 0.5), eased((1.0 - aside) / 0.15));
}

vec3 lips(vec2 upper, vec2 lower) {
  vec2 apart = lower - upper;
  if (apart == vec2(0.0)) return sampled(uPicture, upper).rgb;
  vec2 seam = seamAt(toFace(upper + 0.5 * apart));
  vec2 above = upper + seam.x * (1.0 - seam.y) * apart;
  vec2 under = above + seam.y * apart;
  if (seam.x <= 0.0 || above == under) return sampled(uPicture, above).rgb;
  if (seam.x >= 1.0) return sampled(uPicture, under).rgb;
  return mix(sampled(uPicture, above).rgb, sampled(uPicture, under).rgb, seam.x);
}

vec3 inside(vec2 skull) {
  vec3 colour = plate(uDark, skull).rgb;
  vec4 lower = plate(uLower, skull - uJaw), upper = plate(uUpper, skull);
  colour = mix(mix(colour, lower.rgb, lower.a), upper.rgb, upper.a);
  if (uToothed) {
    vec4 own = sampled(uOwn, skull);
    colour = mix(colour, own.rgb, own.a);
  }
  return colour;
}

vec3 opened(vec3 colour, vec2 skull) {
  vec2 face = toFace(skull);
  float near = (uEnds.y - uEnds.x) / 64.0;
  vec4 edges = heights(uEdges, uEnds, face.x);
  vec4 slopes = (heights(uEdges, uEnds, face.x + near) - heights(uEdges, uEnds, face.x - near)) / (2.0 * near);
  vec3 off = (face.y - edges.xyz) / sqrt(1.0 + slopes.xyz * slopes.xyz);
  if (uLine.x > 0.0) {
    vec2 band = below((off.z + vec2(0.5, -0.5) * uLine.y) / uLine.z);
    vec2 ends = below((face.x - uEnds + vec2(0.5, -0.5) * uLine.y) / uLine.z);
    colour = mix(colour, uLineColour, (band.x - band.y) * (ends.x - ends.y) * uLine.x);
  }
  if (uGap <= 0.0) return colour;
  vec2 rim = vec2(uRim, -uRim) * clamp(uGap * uUnit, 0.0, 1.0);
  vec2 sharp = below((off.xy + rim) / uBlur.x), soft = below((off.xy + rim) / uBlur.y);
  vec2 ends = below((face.x - uEnds + rim) / uBlur.x);
  float opening = (sharp.x - sharp.y) * (ends.x - ends.y);
  if (opening < 0.002) return colour;
  float lit = uLit * (1.0 - uShaded * (1.0 - (soft.x - soft.y)));
  return mix(colour, clamp(inside(skull - uLow) * lit, 0.0, 1.0), opening);
}

void main() {
  vec2 pixel = vec2(gl_FragCoord.x, uBottom - gl_FragCoord.y) - 0.5;
  vec4 motion = atNodes(uMotion, pixel);
  vec3 colour = lips(pixel + motion.xy, pixel + motion.zw);
  if (all(greaterThanEqual(pixel, uAround.xy)) && all(lessThan(pixel, uAround.zw)) && (uGap > 0.0 || uLine.x > 0.0)) {
    colour = opened(colour, pixel + atNodes(uStill, pixel).xy);
  }
  shown = vec4(colour, 1.0);
}`;
