/** The little of WebGL2 that pictures need: programs, textures, one triangle over everything. */

import { UserError } from "../errors.js";
import { EVERYWHERE } from "./shaders.js";

/** @typedef {number | number[] | Int32Array | boolean | { texture: WebGLTexture }} Value of a uniform; whole numbers as `Int32Array` */

/**
 * The graphics of a canvas.
 *
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @returns {WebGL2RenderingContext}
 */
export function graphicsOf(canvas) {
  const options = { alpha: false, antialias: false, depth: false, powerPreference: "high-performance" };
  const gl = /** @type {WebGL2RenderingContext | null} */ (canvas.getContext("webgl2", options));
  if (!gl) {
    throw new UserError(
      "this browser cannot draw the portrait: it has no WebGL2; use a newer one, or allow hardware acceleration in its settings",
    );
  }
  return gl;
}

/** A program that shades every pixel. */
export class Program {
  /**
   * @param {WebGL2RenderingContext} gl
   * @param {string} fragment its shader
   */
  constructor(gl, fragment) {
    this._gl = gl;
    this._program = linked(gl, fragment);
    /** @type {Map<string, { place: WebGLUniformLocation, type: number }>} */
    this._uniforms = new Map();
    const count = gl.getProgramParameter(this._program, gl.ACTIVE_UNIFORMS);
    for (let at = 0; at < count; at++) {
      const info = gl.getActiveUniform(this._program, at);
      const place = info && gl.getUniformLocation(this._program, info.name);
      if (info && place) this._uniforms.set(info.name, { place, type: info.type });
    }
  }

  /**
   * Draw on those pixels that the viewport and the scissors leave.
   *
   * @param {Record<string, Value>} values of the uniforms
   */
  draw(values) {
    const gl = this._gl;
    gl.useProgram(this._program);
    let unit = 0;
    for (const [name, { place, type }] of this._uniforms) {
      const value = values[name];
      if (value === undefined) throw new Error(`no value for ${name}`);
      if (typeof value === "object" && "texture" in value) {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(gl.TEXTURE_2D, value.texture);
        gl.uniform1i(place, unit++);
      } else this._set(place, type, value);
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /**
   * @param {WebGLUniformLocation} place
   * @param {number} type
   * @param {number | number[] | Int32Array | boolean} value
   */
  _set(place, type, value) {
    const gl = this._gl;
    const values = typeof value === "object" ? value : [Number(value)];
    if (type === gl.FLOAT) gl.uniform1fv(place, values);
    else if (type === gl.FLOAT_VEC2) gl.uniform2fv(place, values);
    else if (type === gl.FLOAT_VEC3) gl.uniform3fv(place, values);
    else if (type === gl.FLOAT_VEC4) gl.uniform4fv(place, values);
    else if (type === gl.INT_VEC2) gl.uniform2iv(place, values);
    else gl.uniform1i(place, values[0]);
  }

  dispose() {
    this._gl.deleteProgram(this._program);
  }
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {string} fragment
 * @returns {WebGLProgram}
 */
function linked(gl, fragment) {
  const program = gl.createProgram();
  const shaders = [
    [gl.VERTEX_SHADER, EVERYWHERE],
    [gl.FRAGMENT_SHADER, fragment],
  ].map(([kind, text]) => {
    const shader = /** @type {WebGLShader} */ (gl.createShader(/** @type {number} */ (kind)));
    gl.shaderSource(shader, String(text));
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    return shader;
  });
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    const said = [gl.getProgramInfoLog(program), ...shaders.map((shader) => gl.getShaderInfoLog(shader))];
    throw new Error(`a shader of the picture does not compile: ${said.filter(Boolean).join("; ")}`);
  }
  for (const shader of shaders) gl.deleteShader(shader);
  return program;
}

/** Pixels or numbers for a program to look up. */
export class Texture {
  /**
   * @param {WebGL2RenderingContext} gl
   * @param {"RGBA8" | "RG32F" | "RGBA32F"} kind
   */
  constructor(gl, kind) {
    this._gl = gl;
    this._kind = kind;
    this._width = 0;
    this._height = 0;
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    const filter = kind === "RGBA8" ? gl.LINEAR : gl.NEAREST;
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  /**
   * @param {number} width
   * @param {number} height
   * @param {Float32Array | Uint8Array | Uint8ClampedArray | null} data row by row
   * @returns {this}
   */
  fill(width, height, data) {
    const gl = this._gl;
    const bytes = data instanceof Uint8ClampedArray ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data;
    const layout = this._kind === "RG32F" ? gl.RG : gl.RGBA;
    const type = this._kind === "RGBA8" ? gl.UNSIGNED_BYTE : gl.FLOAT;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    if (width === this._width && height === this._height) {
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, layout, type, bytes);
    } else {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl[this._kind], width, height, 0, layout, type, bytes);
      this._width = width;
      this._height = height;
    }
    return this;
  }

  dispose() {
    this._gl.deleteTexture(this.texture);
  }
}
