// Points, views and maps between two photos. Nothing here touches the document.

/**
 * @typedef {{ x: number, y: number }} Point In pixels of a photo; (0, 0) is its upper left corner.
 * @typedef {{ cx: number, cy: number, zoom: number }} View The photo point in the middle, and
 *   screen pixels a photo pixel.
 * @typedef {[number, number, number, number]} Matrix Row by row: (a x + b y, c x + d y).
 * @typedef {{ columns: number, rows: number, step: [number, number], places: number[],
 *   std: number[] }} MapData A map sampled at the corners of a grid; see `SampledMap` in Python.
 */

export const IDENTITY = /** @type {Matrix} */ ([1, 0, 0, 1]);

/** @param {Matrix} m */
export function determinant([a, b, c, d]) {
  return a * d - b * c;
}

/**
 * @param {Matrix} m
 * @returns {Matrix}
 */
export function inverted(m) {
  const [a, b, c, d] = m;
  const size = determinant(m);
  return [d / size, -b / size, -c / size, a / size];
}

/**
 * @param {Matrix} m
 * @param {Point} p
 * @returns {Point}
 */
export function applied([a, b, c, d], { x, y }) {
  return { x: a * x + b * y, y: c * x + d * y };
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamped(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** A round number of pixels for a scale bar of at most `most` pixels: 1, 2 or 5 times 10^n.
 * @param {number} most
 */
export function roundLength(most) {
  const ten = 10 ** Math.floor(Math.log10(most));
  return ten * (most >= 5 * ten ? 5 : most >= 2 * ten ? 2 : 1);
}

/** Where the points of one photo lie in another, sampled on a grid over the first. */
export class PhotoMap {
  /** @param {MapData} data */
  constructor(data) {
    this.known = true;
    this.data = data;
  }

  /**
   * A map for photos whose geometry is not known: the same share of width and height.
   * @param {{ width: number, height: number }} source
   * @param {{ width: number, height: number }} target
   */
  static proportional(source, target) {
    const { width, height } = target;
    const map = new PhotoMap({
      columns: 2,
      rows: 2,
      step: [source.width, source.height],
      places: [0, 0, width, 0, 0, height, width, height],
      std: [0, 0, 0, 0],
    });
    map.known = false;
    return map;
  }

  /**
   * @param {Point} point
   * @param {(corner: number) => number} value
   */
  #between({ x, y }, value) {
    const { columns, rows, step } = this.data;
    const [u, v] = [x / step[0], y / step[1]];
    const column = clamped(Math.floor(u), 0, columns - 2);
    const row = clamped(Math.floor(v), 0, rows - 2);
    const [s, t] = [u - column, v - row];
    const corner = row * columns + column;
    const upper = (1 - s) * value(corner) + s * value(corner + 1);
    const lower = (1 - s) * value(corner + columns) + s * value(corner + columns + 1);
    return (1 - t) * upper + t * lower;
  }

  /**
   * The point of the target for a point of the source.
   * @param {Point} point
   * @returns {Point}
   */
  at(point) {
    const { places } = this.data;
    return {
      x: this.#between(point, (corner) => places[2 * corner]),
      y: this.#between(point, (corner) => places[2 * corner + 1]),
    };
  }

  /**
   * The standard deviation of `at(point)` in pixels of the target.
   * @param {Point} point
   */
  std(point) {
    return Math.max(
      0,
      this.#between(point, (corner) => this.data.std[corner]),
    );
  }

  /**
   * Pixels of the target for each pixel of the source around a point.
   * @param {Point} point
   * @returns {Matrix}
   */
  jacobian(point) {
    const half = Math.max(...this.data.step) / 4;
    const [left, right] = [-half, half].map((shift) => this.at({ x: point.x + shift, y: point.y }));
    const [above, below] = [-half, half].map((shift) =>
      this.at({ x: point.x, y: point.y + shift }),
    );
    const [width, height] = [2 * half, 2 * half];
    return [
      (right.x - left.x) / width,
      (below.x - above.x) / height,
      (right.y - left.y) / width,
      (below.y - above.y) / height,
    ];
  }

  /**
   * The point of the source that leads to a point of the target, or null if none does.
   * @param {Point} goal
   * @returns {Point | null}
   */
  inverse(goal) {
    let point = this.#nearestCorner(goal);
    let miss = { x: 0, y: 0 };
    for (let round = 0; round < 12; round++) {
      const there = this.at(point);
      miss = { x: goal.x - there.x, y: goal.y - there.y };
      const matrix = this.jacobian(point);
      if (Math.abs(determinant(matrix)) < 1e-6) return null;
      const step = applied(inverted(matrix), miss);
      point = { x: point.x + step.x, y: point.y + step.y };
      if (Math.hypot(step.x, step.y) < 0.01) break;
    }
    return Math.hypot(miss.x, miss.y) < 5 ? point : null;
  }

  /** @param {Point} goal */
  #nearestCorner({ x, y }) {
    const { columns, places, step, std } = this.data;
    let best = 0;
    let least = Infinity;
    for (let corner = 0; corner < std.length; corner++) {
      const distance = Math.hypot(places[2 * corner] - x, places[2 * corner + 1] - y);
      if (distance < least) [best, least] = [corner, distance];
    }
    return { x: (best % columns) * step[0], y: Math.floor(best / columns) * step[1] };
  }
}
