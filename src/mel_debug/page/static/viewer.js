// One photo on the screen: pan and zoom, tiles of native pixels, a heatmap, and a layer for marks.

import { clamped } from "./geometry.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./geometry.js").View} View
 * @typedef {import("./store.js").Photo} Photo
 * @typedef {import("./store.js").Store} Store
 * @typedef {{ hover: (point: Point | null) => void, click: (point: Point) => void,
 *   viewed: () => void, drag: (point: Point, done: boolean) => void }} Listeners
 */

const TILE = 512;
const MOST_TILES = 160;
const MOST_ZOOM = 32;
const CLICK_PX = 4;
const PIXELS_SHOWN = 6;
const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @param {Record<string, string | number>} [attributes]
 * @param {Element[]} [children]
 */
export function svgElement(name, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

export class Viewer {
  /**
   * @param {HTMLElement} root
   * @param {Store} store
   * @param {Listeners} listeners
   */
  constructor(root, store, listeners) {
    this.root = root;
    this.store = store;
    this.listeners = listeners;
    this.canvas = document.createElement("canvas");
    this.heat = document.createElement("canvas");
    this.heat.className = "heat";
    this.layer = svgElement("svg", { class: "layer", "aria-hidden": "true" });
    this.wait = document.createElement("div");
    this.wait.className = "wait";
    root.append(this.canvas, this.heat, this.layer, this.wait);
    /** @type {Photo | null} */
    this.photo = null;
    /** @type {HTMLImageElement | null} */
    this.preview = null;
    /** @type {View} */
    this.view = { cx: 0, cy: 0, zoom: 1 };
    /** @type {Map<string, HTMLImageElement | null>} */
    this.tiles = new Map();
    /** @type {(() => void)[]} */
    this.onDraw = [];
    this.drawing = 0;
    this.fitted = true;
    new ResizeObserver(() => this.resized()).observe(root);
    this.#listen();
  }

  get width() {
    return this.root.clientWidth;
  }

  get height() {
    return this.root.clientHeight;
  }

  /** @param {Photo} photo */
  async show(photo) {
    this.photo = photo;
    this.preview = null;
    this.tiles.clear();
    this.fit();
    this.wait.textContent = "Opening the photo …";
    try {
      const preview = await this.store.preview(photo);
      if (this.photo === photo) this.preview = preview;
      this.wait.textContent = "";
    } catch {
      this.wait.textContent = "This photo can’t be shown.";
    }
    this.redraw();
  }

  /** The zoom at which the whole photo fits. */
  get fitZoom() {
    if (!this.photo || !this.width) return 1;
    return Math.min(this.width / this.photo.width, this.height / this.photo.height);
  }

  fit() {
    if (!this.photo) return;
    this.fitted = true;
    this.view = { cx: this.photo.width / 2, cy: this.photo.height / 2, zoom: this.fitZoom };
    this.redraw();
  }

  resized() {
    if (this.fitted) this.fit();
    this.redraw();
  }

  /** @param {View} view */
  setView({ cx, cy, zoom }) {
    if (!this.photo) return;
    this.fitted = false;
    this.view = {
      cx: clamped(cx, 0, this.photo.width),
      cy: clamped(cy, 0, this.photo.height),
      zoom: clamped(zoom, this.fitZoom / 2, MOST_ZOOM),
    };
    this.redraw();
  }

  /**
   * @param {number} factor
   * @param {Point} [at] The screen point that stays where it is.
   */
  zoomBy(factor, at = { x: this.width / 2, y: this.height / 2 }) {
    const before = this.toPhoto(at);
    this.setView({ ...this.view, zoom: this.view.zoom * factor });
    const after = this.toPhoto(at);
    const { cx, cy, zoom } = this.view;
    this.setView({ cx: cx + before.x - after.x, cy: cy + before.y - after.y, zoom });
    this.listeners.viewed();
  }

  /**
   * @param {Point} p
   * @returns {Point}
   */
  toScreen({ x, y }) {
    const { cx, cy, zoom } = this.view;
    return { x: (x - cx) * zoom + this.width / 2, y: (y - cy) * zoom + this.height / 2 };
  }

  /**
   * @param {Point} p
   * @returns {Point}
   */
  toPhoto({ x, y }) {
    const { cx, cy, zoom } = this.view;
    return { x: (x - this.width / 2) / zoom + cx, y: (y - this.height / 2) / zoom + cy };
  }

  /** @param {Point} p */
  contains({ x, y }) {
    const photo = this.photo;
    return photo !== null && x >= 0 && y >= 0 && x < photo.width && y < photo.height;
  }

  redraw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.#draw();
      for (const draw of this.onDraw) draw();
    });
  }

  #draw() {
    const { canvas, width, height, photo, view } = this;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, w, h);
    if (!photo) return;
    const corner = this.toScreen({ x: 0, y: 0 });
    this.heat.style.transform = `translate(${corner.x}px, ${corner.y}px)`;
    this.heat.style.width = `${photo.width * view.zoom}px`;
    this.heat.style.height = `${photo.height * view.zoom}px`;
    if (!this.preview) return;
    const scale = view.zoom * ratio;
    context.setTransform(scale, 0, 0, scale, corner.x * ratio, corner.y * ratio);
    context.imageSmoothingEnabled = scale < PIXELS_SHOWN;
    context.imageSmoothingQuality = scale < 0.5 ? "high" : "low";
    context.drawImage(this.preview, 0, 0, photo.width, photo.height);
    if (scale > (1.2 * this.preview.naturalWidth) / photo.width) this.#drawTiles(context, scale);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} scale Screen pixels a photo pixel.
   */
  #drawTiles(context, scale) {
    const photo = /** @type {Photo} */ (this.photo);
    const level = Math.max(0, Math.floor(Math.log2(1 / scale)));
    const side = TILE * 2 ** level;
    const low = this.toPhoto({ x: 0, y: 0 });
    const high = this.toPhoto({ x: this.width, y: this.height });
    const columns = [low.x, Math.min(high.x, photo.width - 1)].map((x) => Math.floor(x / side));
    const rows = [low.y, Math.min(high.y, photo.height - 1)].map((y) => Math.floor(y / side));
    for (let row = Math.max(0, rows[0]); row <= rows[1]; row++) {
      for (let column = Math.max(0, columns[0]); column <= columns[1]; column++) {
        const image = this.#tile(photo, level, column, row);
        if (!image) continue;
        const [x, y] = [column * side, row * side];
        const [width, height] = [photo.width - x, photo.height - y];
        context.drawImage(image, x, y, Math.min(side, width), Math.min(side, height));
      }
    }
  }

  /**
   * @param {Photo} photo
   * @param {number} level
   * @param {number} column
   * @param {number} row
   */
  #tile(photo, level, column, row) {
    const name = `${level}/${column}/${row}`;
    const known = this.tiles.get(name);
    if (known !== undefined) return known;
    const loading = this.store.tile(photo, level, column, row);
    this.tiles.set(name, null);
    const oldest = this.tiles.keys().next().value;
    if (this.tiles.size > MOST_TILES && oldest !== undefined) this.tiles.delete(oldest);
    loading
      ?.then((image) => {
        if (this.photo !== photo) return;
        this.tiles.set(name, image);
        this.redraw();
      })
      .catch(() => this.tiles.delete(name));
    return null;
  }

  #listen() {
    const { root, listeners } = this;
    /** @type {Map<number, Point>} */
    const down = new Map();
    let [moved, dragging] = [0, false];
    let hovered = { x: -1, y: -1 };
    /** @param {PointerEvent | WheelEvent} event */
    const place = (event) => {
      const box = root.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    root.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      root.setPointerCapture(event.pointerId);
      down.set(event.pointerId, place(event));
      [moved, dragging] = [0, event.target instanceof Element && !!event.target.closest(".held")];
    });
    root.addEventListener("pointermove", (event) => {
      const now = place(event);
      const before = down.get(event.pointerId);
      if (!before) {
        // Browsers repeat the last move after a change of layout: nobody moved the pointer.
        if (now.x !== hovered.x || now.y !== hovered.y) listeners.hover(this.toPhoto(now));
        hovered = now;
        return;
      }
      down.set(event.pointerId, now);
      moved += Math.hypot(now.x - before.x, now.y - before.y);
      if (moved <= CLICK_PX) return;
      if (dragging) listeners.drag(this.toPhoto(now), false);
      else if (down.size === 2) this.#pinch(down, event.pointerId, before);
      else this.#pan(now.x - before.x, now.y - before.y);
    });
    const lift = (/** @type {PointerEvent} */ event) => {
      if (!down.delete(event.pointerId)) return;
      const point = this.toPhoto(place(event));
      if (event.type === "pointercancel") return;
      if (dragging && moved > CLICK_PX) listeners.drag(point, true);
      else if (moved <= CLICK_PX && down.size === 0) listeners.click(point);
    };
    root.addEventListener("pointerup", lift);
    root.addEventListener("pointercancel", lift);
    root.addEventListener("pointerleave", () => {
      hovered = { x: -1, y: -1 };
      listeners.hover(null);
    });
    root.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
        this.zoomBy(Math.exp(-clamped(event.deltaY * lines, -300, 300) / 400), place(event));
      },
      { passive: false },
    );
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #pan(x, y) {
    const { cx, cy, zoom } = this.view;
    this.setView({ cx: cx - x / zoom, cy: cy - y / zoom, zoom });
    this.listeners.viewed();
  }

  /**
   * @param {Map<number, Point>} down
   * @param {number} moving
   * @param {Point} before
   */
  #pinch(down, moving, before) {
    const now = /** @type {Point} */ (down.get(moving));
    for (const [pointer, other] of down) {
      if (pointer === moving) continue;
      const apart = Math.hypot(now.x - other.x, now.y - other.y);
      const apartBefore = Math.hypot(before.x - other.x, before.y - other.y);
      if (apartBefore > 1) this.zoomBy(apart / apartBefore, other);
    }
  }
}
