// The features of photos, and how similar all patches of one photo are to a place in another.

import { clamped } from "./geometry.js";

/** @typedef {import("./geometry.js").Point} Point */

const HEAD_BYTES = 12;

/** Unit vectors in int8 for each cell of a grid over a photo. */
export class Features {
  /** @param {ArrayBuffer} buffer See `PackedFeatures.as_bytes` in Python. */
  constructor(buffer) {
    const head = new DataView(buffer);
    this.rows = head.getUint32(0, true);
    this.columns = head.getUint32(4, true);
    this.dimensions = head.getUint32(8, true);
    const cells = this.rows * this.columns;
    this.vectors = new Int8Array(buffer, HEAD_BYTES, cells * this.dimensions);
    this.valid = new Uint8Array(buffer, HEAD_BYTES + cells * this.dimensions, cells);
  }

  /**
   * The vector at a place, between the four nearest cells; x and y are shares of the photo's sides.
   * @param {Point} share
   */
  at({ x, y }) {
    const u = clamped(x * this.columns - 0.5, 0, this.columns - 1);
    const v = clamped(y * this.rows - 0.5, 0, this.rows - 1);
    const [column, row] = [Math.floor(u), Math.floor(v)];
    const [s, t] = [u - column, v - row];
    const right = Math.min(column + 1, this.columns - 1);
    const below = Math.min(row + 1, this.rows - 1);
    const corners = [
      [row, column, (1 - s) * (1 - t)],
      [row, right, s * (1 - t)],
      [below, column, (1 - s) * t],
      [below, right, s * t],
    ];
    const mean = new Float32Array(this.dimensions);
    for (const [r, c, weight] of corners) {
      const start = (r * this.columns + c) * this.dimensions;
      for (let d = 0; d < this.dimensions; d++) mean[d] += weight * this.vectors[start + d];
    }
    let square = 0;
    for (const part of mean) square += part * part;
    const scale = 127 / Math.max(Math.sqrt(square), 1e-6);
    return Int8Array.from(mean, (part) => Math.round(part * scale));
  }

  /**
   * The dot product of a vector with that of each cell, in `scores`.
   * @param {Int8Array} query
   * @param {Int32Array} scores
   */
  compare(query, scores) {
    const { vectors, dimensions } = this;
    const whole = dimensions - (dimensions % 4);
    for (let cell = 0, at = 0; cell < scores.length; cell++, at += dimensions) {
      let sum = 0;
      let d = 0;
      for (; d < whole; d += 4) {
        sum +=
          query[d] * vectors[at + d] +
          query[d + 1] * vectors[at + d + 1] +
          query[d + 2] * vectors[at + d + 2] +
          query[d + 3] * vectors[at + d + 3];
      }
      for (; d < dimensions; d++) sum += query[d] * vectors[at + d];
      scores[cell] = sum | 0;
    }
  }
}

const COLD = [92, 40, 220];
const HOT = [255, 238, 110];
const FULL_ALPHA = 245;
const LEAST_SHARE = 0.3;

/** A small picture of how similar each cell is, to be stretched over the photo. */
export class Heatmap {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {ImageData | null} */
    this.image = null;
    this.scores = new Int32Array(0);
    this.colours = colourTable();
  }

  /**
   * @param {Features} source
   * @param {Point} share
   * @param {Features} target
   */
  draw(source, share, target) {
    const { rows, columns, valid } = target;
    if (!this.image || this.image.width !== columns || this.image.height !== rows) {
      [this.canvas.width, this.canvas.height] = [columns, rows];
      this.image = this.context.createImageData(columns, rows);
      this.scores = new Int32Array(rows * columns);
    }
    target.compare(source.at(share), this.scores);
    let [most, sum, count] = [-Infinity, 0, 0];
    for (let cell = 0; cell < valid.length; cell++) {
      if (!valid[cell]) continue;
      if (this.scores[cell] > most) most = this.scores[cell];
      sum += this.scores[cell];
      count++;
    }
    // From the mean up: what is less similar than most places is of no interest.
    const mean = count ? sum / count : 0;
    const scale = 255 / Math.max(most - mean, 1);
    const pixels = new Uint32Array(this.image.data.buffer);
    for (let cell = 0; cell < valid.length; cell++) {
      const level = valid[cell] ? Math.max(0, (this.scores[cell] - mean) * scale) : 0;
      pixels[cell] = this.colours[level | 0];
    }
    this.context.putImageData(this.image, 0, 0);
  }

  clear() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }
}

/** Colours for levels 0 to 255, as RGBA in memory order. */
function colourTable() {
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let level = 0; level < 256; level++) {
    const share = Math.max(0, (level / 255 - LEAST_SHARE) / (1 - LEAST_SHARE));
    const warm = share ** 1.5;
    for (let c = 0; c < 3; c++) bytes[4 * level + c] = COLD[c] + (HOT[c] - COLD[c]) * warm;
    bytes[4 * level + 3] = FULL_ALPHA * share ** 1.6;
  }
  return new Uint32Array(bytes.buffer);
}
