// The left photo laid over the right one by the map between them, to blink or to fade.

import { clamped } from "./geometry.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./geometry.js").PhotoMap} PhotoMap
 * @typedef {import("./viewer.js").Viewer} Viewer
 * @typedef {{ image: CanvasImageSource, width: number, height: number,
 *   at: (point: Point) => Point }} Texture Pixels of a photo, and where its points are in them.
 */

const OVERLAP_PX = 2;
const MARGIN_PX = 2;
const MOST_STD = 0.03;

export class Overlay {
  /**
   * @param {Viewer} left
   * @param {Viewer} right
   */
  constructor(left, right) {
    this.left = left;
    this.right = right;
    this.cover = 0;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "over";
    this.canvas.hidden = true;
    this.label = document.createElement("div");
    this.label.className = "over-label";
    this.label.hidden = true;
    right.canvas.after(this.canvas);
    right.root.append(this.label);
  }

  /**
   * Cover the right photo; 0 shows it alone, 1 the left one alone.
   * @param {number} cover
   * @param {PhotoMap} map
   */
  show(cover, map) {
    this.cover = map.known ? cover : 0;
    this.canvas.hidden = this.label.hidden = this.cover === 0;
    this.canvas.style.opacity = String(this.cover);
    this.right.heat.style.visibility = this.cover === 0 ? "" : "hidden";
    this.label.textContent = this.left.photo?.label ?? "";
    this.draw(map);
  }

  /** @param {PhotoMap} map */
  draw(map) {
    const { canvas, left, right } = this;
    const context = canvas.getContext("2d");
    if (this.cover === 0 || !map.known || !left.photo || !left.preview || !context) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(right.width * ratio);
    canvas.height = Math.round(right.height * ratio);
    context.imageSmoothingQuality = "high";
    const textures = [previewOf(left), screenOf(left, ratio)];
    for (const texture of textures) {
      if (texture) drawCells(context, texture, map, right, ratio);
    }
  }
}

/**
 * @param {Viewer} viewer
 * @returns {Texture | null}
 */
function previewOf({ photo, preview }) {
  if (!photo || !preview) return null;
  const { naturalWidth: width, naturalHeight: height } = preview;
  const [across, down] = [width / photo.width, height / photo.height];
  return { image: preview, width, height, at: ({ x, y }) => ({ x: x * across, y: y * down }) };
}

/**
 * What the viewer shows on the screen, if that is finer than the preview.
 * @param {Viewer} viewer
 * @param {number} ratio
 * @returns {Texture | null}
 */
function screenOf(viewer, ratio) {
  const { photo, preview, canvas } = viewer;
  if (!photo || !preview || viewer.view.zoom * ratio * photo.width < preview.naturalWidth)
    return null;
  const at = (/** @type {Point} */ point) => {
    const { x, y } = viewer.toScreen(point);
    return { x: x * ratio, y: y * ratio };
  };
  return { image: canvas, width: canvas.width, height: canvas.height, at };
}

/**
 * Draw each cell of the map's grid where it lies in the other photo.
 * @param {CanvasRenderingContext2D} context
 * @param {Texture} texture
 * @param {PhotoMap} map
 * @param {Viewer} viewer
 * @param {number} ratio
 */
function drawCells(context, texture, map, viewer, ratio) {
  const { columns, rows, step, places, std } = map.data;
  const photo = /** @type {import("./store.js").Photo} */ (viewer.photo);
  const most = MOST_STD * Math.max(photo.width, photo.height);
  const screen = [...std.keys()].map((n) => {
    const { x, y } = viewer.toScreen({ x: places[2 * n], y: places[2 * n + 1] });
    return { x: x * ratio, y: y * ratio };
  });
  for (let row = 0; row < rows - 1; row++) {
    for (let column = 0; column < columns - 1; column++) {
      const first = row * columns + column;
      const numbers = [first, first + 1, first + columns + 1, first + columns];
      if (numbers.some((n) => std[n] > most)) continue; // nobody knows where this skin is
      const corners = numbers.map((n) => screen[n]);
      if (!isSeen(corners, context.canvas)) continue;
      const low = texture.at({ x: column * step[0], y: row * step[1] });
      const high = texture.at({ x: (column + 1) * step[0], y: (row + 1) * step[1] });
      if (high.x < 0 || high.y < 0 || low.x > texture.width || low.y > texture.height) continue;
      const [a, b, c, d] = corners;
      drawTriangle(context, texture, [low, high], [a, b, d], a, false);
      drawTriangle(context, texture, [low, high], [c, d, b], c, true);
    }
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
}

/**
 * Whether any part of the corners' box is on the canvas.
 * @param {Point[]} corners
 * @param {HTMLCanvasElement} canvas
 */
function isSeen(corners, { width, height }) {
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const inside = Math.max(...xs) > 0 && Math.min(...xs) < width;
  return inside && Math.max(...ys) > 0 && Math.min(...ys) < height;
}

/**
 * Draw half a cell: the corner `at` and its two neighbours, first the one beside it.
 * @param {CanvasRenderingContext2D} context
 * @param {Texture} texture
 * @param {[Point, Point]} part The cell's box in the texture.
 * @param {[Point, Point, Point]} corners On the canvas.
 * @param {Point} at
 * @param {boolean} isLast Whether `at` is the lower right corner, not the upper left one.
 */
function drawTriangle(context, texture, [low, high], corners, at, isLast) {
  const [width, height] = [high.x - low.x, high.y - low.y];
  const sign = isLast ? -1 : 1;
  const [, beside, below] = corners;
  const across = { x: (beside.x - at.x) / (sign * width), y: (beside.y - at.y) / (sign * width) };
  const down = { x: (below.x - at.x) / (sign * height), y: (below.y - at.y) / (sign * height) };
  if (across.x * down.y - across.y * down.x <= 0) return; // folded over
  const origin = isLast ? high : low;
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clip(enlarged(corners));
  const x = at.x - across.x * origin.x - down.x * origin.y;
  const y = at.y - across.y * origin.x - down.y * origin.y;
  context.setTransform(across.x, across.y, down.x, down.y, x, y);
  const left = clamped(low.x - MARGIN_PX, 0, texture.width);
  const top = clamped(low.y - MARGIN_PX, 0, texture.height);
  const w = clamped(high.x + MARGIN_PX, 0, texture.width) - left;
  const h = clamped(high.y + MARGIN_PX, 0, texture.height) - top;
  if (w > 0 && h > 0) context.drawImage(texture.image, left, top, w, h, left, top, w, h);
  context.restore();
}

/**
 * A triangle that is a little larger, so that no line is left between two of them.
 * @param {Point[]} corners
 */
function enlarged(corners) {
  const middle = {
    x: (corners[0].x + corners[1].x + corners[2].x) / 3,
    y: (corners[0].y + corners[1].y + corners[2].y) / 3,
  };
  const path = new Path2D();
  for (const { x, y } of corners) {
    const away = Math.hypot(x - middle.x, y - middle.y) || 1;
    const more = 1 + OVERLAP_PX / away;
    path.lineTo(middle.x + (x - middle.x) * more, middle.y + (y - middle.y) * more);
  }
  path.closePath();
  return path;
}
