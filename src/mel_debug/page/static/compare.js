// The mole in both photos: aligned crops with the same centre, turn and size, to blink or to fade.

import { IDENTITY, applied, clamped, determinant, inverted, roundLength } from "./geometry.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./geometry.js").Matrix} Matrix
 * @typedef {import("./store.js").Photo} Photo
 * @typedef {import("./store.js").Rectangle} Rectangle
 * @typedef {import("./store.js").Store} Store
 * @typedef {{ image: HTMLImageElement, part: Rectangle }} Region
 * @typedef {{ photo: Photo, point: Point }} Spot
 */

const SHARE = 1 / 16;
const LEAST_SIDE = 48;
const MOST_SIDE = 1400;
const MARGIN = 4;
const BAR_SHARE = 0.3;
const CROSS = [14, 26];

export class Compare {
  /**
   * @param {Store} store
   * @param {HTMLCanvasElement} left
   * @param {HTMLCanvasElement} right
   */
  constructor(store, left, right) {
    this.store = store;
    this.canvases = [left, right];
    /** @type {Spot | null} */
    this.source = null;
    /** @type {Spot | null} */
    this.target = null;
    /** @type {Matrix} */
    this.matrix = IDENTITY;
    /** @type {(Region | null)[]} */
    this.regions = [null, null];
    this.side = 0;
    this.zoom = 1;
    this.fade = 0;
    this.blinking = false;
    this.asked = 0;
    this.radius = 0;
    new ResizeObserver(() => this.draw()).observe(left);
    for (const canvas of this.canvases) {
      canvas.addEventListener(
        "wheel",
        (event) => {
          event.preventDefault();
          this.enlarge(event.deltaY > 0 ? 1.25 : 0.8);
        },
        { passive: false },
      );
    }
  }

  /**
   * Show two spots; `matrix` is pixels of the target for each pixel of the source around them.
   * @param {Spot | null} source
   * @param {Spot | null} target
   * @param {Matrix} matrix
   * @param {number} [radius] Of the circle on the place found, in pixels of the target.
   */
  async show(source, target, matrix, radius = 0) {
    const size = Math.sqrt(Math.abs(determinant(matrix)));
    this.source = source;
    this.target = target;
    this.matrix = size > 0.05 && size < 20 ? matrix : IDENTITY;
    this.radius = radius;
    await this.#load();
  }

  /** @param {number} factor */
  enlarge(factor) {
    this.zoom = clamped(this.zoom * factor, 0.25, 4);
    void this.#load();
  }

  async #load() {
    const asked = ++this.asked;
    if (!this.source) {
      this.regions = [null, null];
      this.draw();
      return;
    }
    const { photo } = this.source;
    const side = Math.max(LEAST_SIDE, Math.max(photo.width, photo.height) * SHARE);
    this.side = clamped(side * this.zoom, LEAST_SIDE / 2, MOST_SIDE);
    const spots = [this.source, this.target];
    const matrices = [IDENTITY, this.matrix];
    const regions = await Promise.all(
      spots.map((spot, n) =>
        spot ? this.store.region(spot.photo, around(spot.point, matrices[n], this.side)) : null,
      ),
    ).catch(() => [null, null]);
    if (asked !== this.asked) return;
    this.regions = regions;
    this.draw();
  }

  /** How much of the right crop the left one covers, 0 to 1. */
  get cover() {
    return this.blinking ? 1 : this.fade;
  }

  draw() {
    const [left, right] = this.canvases;
    this.#clear(left);
    this.#clear(right);
    this.#drawRegion(left, 0, 1);
    if (this.regions[1]) this.#drawRegion(right, 1, 1);
    if (this.cover > 0) this.#drawRegion(right, 0, this.cover);
    if (this.regions[0]) this.#drawGuides(left, 0);
    if (this.regions[1]) this.#drawGuides(right, this.blinking ? 0 : this.radius);
  }

  /** @param {HTMLCanvasElement} canvas */
  #clear(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const side = Math.round(canvas.clientWidth * ratio);
    if (canvas.width !== side || canvas.height !== side)
      [canvas.width, canvas.height] = [side, side];
    else canvas.getContext("2d")?.clearRect(0, 0, side, side);
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} which 0 for the source, 1 for the target.
   * @param {number} alpha
   */
  #drawRegion(canvas, which, alpha) {
    const region = this.regions[which];
    const spot = which ? this.target : this.source;
    const context = canvas.getContext("2d");
    if (!region || !spot || !context) return;
    const scale = canvas.width / this.side;
    const [a, b, c, d] = which ? inverted(this.matrix) : IDENTITY;
    const middle = canvas.width / 2;
    const { part, image } = region;
    context.save();
    context.globalAlpha = alpha;
    context.imageSmoothingQuality = "high";
    context.setTransform(a * scale, c * scale, b * scale, d * scale, middle, middle);
    context.drawImage(image, part.x - spot.point.x, part.y - spot.point.y, part.width, part.height);
    context.restore();
  }

  /**
   * The scale bar, a cross that leaves its middle free, and a circle of uncertainty.
   * @param {HTMLCanvasElement} canvas
   * @param {number} radius
   */
  #drawGuides(canvas, radius) {
    const context = canvas.getContext("2d");
    if (!context) return;
    const ratio = window.devicePixelRatio || 1;
    const [middle, scale] = [canvas.width / 2, canvas.width / this.side];
    const path = new Path2D();
    for (const [x, y] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      path.moveTo(middle + x * CROSS[0] * ratio, middle + y * CROSS[0] * ratio);
      path.lineTo(middle + x * CROSS[1] * ratio, middle + y * CROSS[1] * ratio);
    }
    const circle = (radius * scale) / Math.sqrt(Math.abs(determinant(this.matrix)));
    if (circle > 3 * ratio && circle < middle) {
      path.moveTo(middle + circle, middle);
      path.arc(middle, middle, circle, 0, 2 * Math.PI);
    }
    strokeCased(context, path, 1.5 * ratio);
    const length = roundLength(this.side * BAR_SHARE);
    const [x, y] = [12 * ratio, canvas.height - 12 * ratio];
    const bar = new Path2D();
    bar.moveTo(x, y - 4 * ratio);
    bar.lineTo(x, y);
    bar.lineTo(x + length * scale, y);
    bar.lineTo(x + length * scale, y - 4 * ratio);
    strokeCased(context, bar, 1.5 * ratio);
    context.font = `${12 * ratio}px system-ui, sans-serif`;
    context.lineWidth = 3 * ratio;
    context.strokeStyle = "rgb(0 0 0 / 70%)";
    context.fillStyle = "#fff";
    const text = `${length} px`;
    context.strokeText(text, x + length * scale + 7 * ratio, y);
    context.fillText(text, x + length * scale + 7 * ratio, y);
  }
}

/**
 * The rectangle of whole pixels around a square of the source, mapped by a matrix.
 * @param {Point} point
 * @param {Matrix} matrix
 * @param {number} side
 * @returns {Rectangle}
 */
export function around(point, matrix, side) {
  const half = side / 2;
  const corners = [
    { x: half, y: half },
    { x: half, y: -half },
  ].map((corner) => applied(matrix, corner));
  const reach = {
    x: Math.max(...corners.map(({ x }) => Math.abs(x))) + MARGIN,
    y: Math.max(...corners.map(({ y }) => Math.abs(y))) + MARGIN,
  };
  const [x, y] = [Math.floor(point.x - reach.x), Math.floor(point.y - reach.y)];
  return {
    x,
    y,
    width: Math.min(2048, Math.ceil(point.x + reach.x) - x),
    height: Math.min(2048, Math.ceil(point.y + reach.y) - y),
  };
}

/**
 * White lines with a dark edge, to be seen on any skin.
 * @param {CanvasRenderingContext2D} context
 * @param {Path2D} path
 * @param {number} width
 */
function strokeCased(context, path, width) {
  context.lineWidth = width + 2;
  context.strokeStyle = "rgb(0 0 0 / 55%)";
  context.stroke(path);
  context.lineWidth = width;
  context.strokeStyle = "#fff";
  context.stroke(path);
}
