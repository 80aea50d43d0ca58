// A saved page: everything that the server would answer is in the page itself.

import { Features } from "./features.js";
import { PhotoMap } from "./geometry.js";
import { PageError, ServerStore, loadedImage } from "./store.js";

/**
 * @typedef {import("./geometry.js").MapData} MapData
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./store.js").Album} Album
 * @typedef {import("./store.js").Answer} Answer
 * @typedef {import("./store.js").Marks} Marks
 * @typedef {import("./store.js").Photo} Photo
 * @typedef {import("./store.js").Rectangle} Rectangle
 * @typedef {import("./store.js").Store} Store
 * @typedef {{ album: Album, marks: Marks, previews: string[], features: (string | null)[],
 *   maps: Record<string, MapData | null>, answers: Record<string, Answer>,
 *   crops: { photo: number, part: Rectangle, jpeg: string }[] }} Saved
 */

const LED_STDS = 2;

/** The store of this page. */
export function chooseStore() {
  const data = document.getElementById("saved");
  /** @type {Store} */
  const store = data ? new SavedStore(JSON.parse(data.textContent ?? "")) : new ServerStore();
  return store;
}

/** @param {string} base64 */
function jpeg(base64) {
  return loadedImage(`data:image/jpeg;base64,${base64}`);
}

/** @param {string} base64 */
function bytes(base64) {
  const text = atob(base64);
  const result = new Uint8Array(text.length);
  for (let n = 0; n < text.length; n++) result[n] = text.charCodeAt(n);
  return result.buffer;
}

/** @implements {Store} */
class SavedStore {
  /** @param {Saved} saved */
  constructor(saved) {
    this.saved = saved;
    /** @type {Map<number, Promise<HTMLImageElement>>} */
    this.previews = new Map();
  }

  async album() {
    return this.saved.album;
  }

  async marks() {
    return this.saved.marks;
  }

  /** @param {Photo} photo */
  preview(photo) {
    let loading = this.previews.get(photo.number);
    if (!loading) {
      loading = jpeg(this.saved.previews[photo.number]);
      this.previews.set(photo.number, loading);
    }
    return loading;
  }

  tile() {
    return null;
  }

  /**
   * The smallest saved crop that holds a rectangle, or else the whole preview.
   * @param {Photo} photo
   * @param {Rectangle} part
   */
  async region(photo, part) {
    const [x, y] = [part.x + part.width / 2, part.y + part.height / 2];
    const holding = this.saved.crops.filter(
      (crop) =>
        crop.photo === photo.number &&
        Math.abs(crop.part.x + crop.part.width / 2 - x) <= (crop.part.width - part.width) / 2 + 2 &&
        Math.abs(crop.part.y + crop.part.height / 2 - y) <=
          (crop.part.height - part.height) / 2 + 2,
    );
    if (holding.length) {
      const crop = holding.reduce((a, b) => (a.part.width <= b.part.width ? a : b));
      return { image: await jpeg(crop.jpeg), part: crop.part };
    }
    const whole = { x: 0, y: 0, width: photo.width, height: photo.height };
    return { image: await this.preview(photo), part: whole };
  }

  /** @param {Photo} photo */
  async features(photo) {
    const data = this.saved.features[photo.number];
    if (!data) throw new PageError("This saved page has no heatmap of that photo.");
    return new Features(bytes(data));
  }

  /**
   * @param {Photo} source
   * @param {Photo} target
   */
  async map(source, target) {
    const data = this.saved.maps[`${source.number}/${target.number}`];
    return data ? new PhotoMap(data) : null;
  }

  /**
   * @param {Photo} source
   * @param {Photo} target
   * @param {Point} point
   * @param {string | null} uuid
   * @returns {Promise<Answer>}
   */
  async find(source, target, point, uuid) {
    const known = uuid && this.saved.answers[`${source.number}/${target.number}/${uuid}`];
    if (known) return known;
    const map = await this.map(source, target);
    if (!map) throw new PageError("A saved page can’t search, and the photos share too little.");
    const words = "About here: a saved page can’t search";
    const radius = LED_STDS * map.std(point);
    return {
      ...map.at(point),
      uuid: uuid ?? "",
      kind: "led",
      probability: null,
      radius,
      words,
      notes: [],
      provisional: false,
    };
  }

  /** @returns {Promise<never>} */
  async change() {
    throw new PageError("A saved page only shows marks.");
  }

  watch() {}
}
