// Two photos side by side: what is loaded for them, the linked views, and the live heatmap.

import { element } from "./elements.js";
import { Heatmap } from "./features.js";
import { IDENTITY, PhotoMap, determinant } from "./geometry.js";
import { Overlay } from "./overlay.js";
import { Viewer } from "./viewer.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./features.js").Features} Features
 * @typedef {import("./store.js").Photo} Photo
 * @typedef {import("./store.js").Store} Store
 * @typedef {{ hover: () => void, click: (point: Point) => void, drag: (side: "left" | "right",
 *   point: Point, done: boolean) => void, status: (text: string) => void }} PairListeners
 */

const MOST_FEATURES = 6;

export class Pair {
  /**
   * @param {Store} store
   * @param {PairListeners} listeners
   */
  constructor(store, listeners) {
    this.store = store;
    this.listeners = listeners;
    this.linked = true;
    /** @type {Point | null} The point of the left photo under the pointer or the keyboard's cross. */
    this.cross = null;
    /** Whether the cross was moved by keys, so that a resting pointer does not take it away. */
    this.byKey = false;
    /** @type {Map<number, Promise<Features>>} */
    this.loading = new Map();
    /** @type {Map<string, Promise<PhotoMap | null>>} */
    this.maps = new Map();
    /** @type {{ left: Features, right: Features } | null} */
    this.features = null;
    this.map = PhotoMap.proportional({ width: 1, height: 1 }, { width: 1, height: 1 });
    this.left = new Viewer(element("left-view"), store, {
      hover: (point) => this.#hover(point),
      click: (point) => listeners.click(point),
      viewed: () => this.#follow(true),
      drag: (point, done) => listeners.drag("left", point, done),
    });
    this.right = new Viewer(element("right-view"), store, {
      hover: (point) => this.#hover(point && this.map.inverse(point)),
      click: () => {},
      viewed: () => this.#follow(false),
      drag: (point, done) => listeners.drag("right", point, done),
    });
    this.heat = new Heatmap(this.right.heat);
    this.over = new Overlay(this.left, this.right);
    for (const viewer of [this.left, this.right]) {
      viewer.onDraw.push(() => this.over.draw(this.map));
    }
    this.heating = 0;
    /** Milliseconds of the last heatmaps, for `benchmarks/page.py`. */
    this.timings = /** @type {number[]} */ ([]);
  }

  /**
   * Show two photos, and load what belongs to them.
   * @param {Photo} left
   * @param {Photo} right
   */
  async show(left, right) {
    const [before, after] = [this.left.photo, this.right.photo];
    this.cross = null;
    this.features = null;
    this.heat.clear();
    this.map = PhotoMap.proportional(left, right);
    const shown = [];
    if (before !== left) shown.push(this.left.show(left));
    if (after !== right) shown.push(this.right.show(right));
    const isCurrent = () => this.left.photo === left && this.right.photo === right;
    const panes = element("panes");
    panes.setAttribute("aria-busy", "true");
    this.listeners.status("Preparing the heatmap …");
    // The features are asked for at once: the server reads them while it sends the photos.
    const loading = Promise.all([this.#featuresOf(left), this.#featuresOf(right)]);
    loading.catch(() => {}); // reported below
    await Promise.all(shown);
    // Once the photos are there: matching them takes all cores.
    const mapping = this.mapOf(left, right);
    mapping.catch(() => {}); // reported below
    try {
      const [one, other] = await loading;
      if (!isCurrent()) return;
      this.features = { left: one, right: other };
      this.listeners.status("Comparing the photos …");
      this.heatSoon();
      const map = await mapping;
      if (!isCurrent()) return;
      if (map) this.map = map;
      this.listeners.status(map ? "" : "These photos share too little to link their views.");
      panes.setAttribute("aria-busy", "false");
      this.#follow(true);
      this.listeners.hover();
    } catch (error) {
      if (isCurrent())
        this.listeners.status(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {Photo} photo */
  #featuresOf(photo) {
    let loading = this.loading.get(photo.number);
    if (!loading) {
      loading = this.store.features(photo);
      this.loading.set(photo.number, loading);
      loading.catch(() => this.loading.delete(photo.number));
      const oldest = this.loading.keys().next().value;
      if (this.loading.size > MOST_FEATURES && oldest !== undefined) this.loading.delete(oldest);
    }
    return loading;
  }

  /**
   * @param {Photo} left
   * @param {Photo} right
   */
  mapOf(left, right) {
    const name = `${left.number}/${right.number}`;
    let loading = this.maps.get(name);
    if (!loading) {
      loading = this.store.map(left, right);
      this.maps.set(name, loading);
      loading.catch(() => this.maps.delete(name));
    }
    return loading;
  }

  /** Pixels of the right photo for each pixel of the left one around a point of the left.
   * @param {Point} point
   */
  matrixAt(point) {
    return this.map.known ? this.map.jacobian(point) : IDENTITY;
  }

  /** @param {Point | null} point */
  #hover(point) {
    if (!point && this.byKey) return;
    this.byKey = false;
    this.setCross(point && this.left.contains(point) ? point : null);
  }

  /** @param {Point | null} point */
  setCross(point) {
    this.cross = point;
    this.listeners.hover();
    if (point) this.heatSoon();
  }

  heatSoon() {
    if (this.heating) return;
    this.heating = requestAnimationFrame(() => {
      this.heating = 0;
      this.#drawHeat();
    });
  }

  #drawHeat() {
    const photo = this.left.photo;
    if (!this.cross || !photo || !this.features) return;
    const start = performance.now();
    const share = { x: this.cross.x / photo.width, y: this.cross.y / photo.height };
    this.heat.draw(this.features.left, share, this.features.right);
    this.timings.push(performance.now() - start);
    if (this.timings.length > 500) this.timings.shift();
  }

  /**
   * Move the view of one photo to where the other's is.
   * @param {boolean} leftMoved
   */
  #follow(leftMoved) {
    if (!this.linked || !this.left.photo || !this.right.photo) return;
    const [mover, other] = leftMoved ? [this.left, this.right] : [this.right, this.left];
    if (mover.fitted && other.fitted) return;
    const { cx, cy, zoom } = mover.view;
    const middle = { x: cx, y: cy };
    const here = leftMoved ? middle : this.map.inverse(middle);
    if (!here) return;
    const there = leftMoved ? this.map.at(here) : here;
    const scale = Math.sqrt(Math.abs(determinant(this.map.jacobian(here)))) || 1;
    const otherZoom = leftMoved ? zoom / scale : zoom * scale;
    other.setView({ cx: there.x, cy: there.y, zoom: otherZoom });
  }

  /**
   * Centre both photos, at the zoom that stands.
   * @param {Point | null} left
   * @param {Point | null} right
   */
  centre(left, right) {
    const least = 3 * this.left.fitZoom;
    const zoom = this.left.fitted ? Math.min(least, 1) : this.left.view.zoom;
    if (left) this.left.setView({ cx: left.x, cy: left.y, zoom });
    if (left && right) {
      const scale = Math.sqrt(Math.abs(determinant(this.matrixAt(left)))) || 1;
      this.right.setView({ cx: right.x, cy: right.y, zoom: zoom / scale });
    } else if (right) {
      this.right.setView({ cx: right.x, cy: right.y, zoom });
    }
  }
}
