// Where the page gets its photos, features and answers: from the server, or from a saved file.

import { Features } from "./features.js";
import { PhotoMap } from "./geometry.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {{ number: number, name: string, session: string, label: string, width: number,
 *   height: number }} Photo
 * @typedef {{ photos: Photo[], mode: string, readOnly: boolean, model: string, token?: string,
 *   }} Album
 * @typedef {{ x: number, y: number, width: number, height: number }} Rectangle
 * @typedef {{ uuid: string, x: number, y: number, kind: "found" | "unsure" | "absent" | "led",
 *   probability: number | null, radius: number, words: string, notes: string[],
 *   provisional: boolean, matrix?: import("./geometry.js").Matrix | null }} Answer
 * @typedef {{ uuid: string, x: number, y: number, outcome: "accepted" | "open" | "unsure" |
 *   "rejected", confidence: number | null }} Mark
 * @typedef {{ photos: Record<string, { marks: Mark[], error?: string }>, undo: string | null
 *   }} Marks
 * @typedef {{ album: () => Promise<Album>,
 *   tile: (photo: Photo, level: number, column: number, row: number) =>
 *   Promise<HTMLImageElement> | null, region: (photo: Photo, part: Rectangle) =>
 *   Promise<{ image: HTMLImageElement, part: Rectangle }>, preview: (photo: Photo) =>
 *   Promise<HTMLImageElement>, features: (photo: Photo) => Promise<Features>,
 *   map: (source: Photo, target: Photo) => Promise<PhotoMap | null>,
 *   find: (source: Photo, target: Photo, point: Point, uuid: string | null, final?: boolean) =>
 *   Promise<Answer>,
 *   marks: () => Promise<Marks>, change: (what: string, details: object) => Promise<Marks>,
 *   watch: (onMarks: () => void, onLost: (lost: boolean) => void) => void }} Store
 */

/** An error whose message is for the person at the page. */
export class PageError extends Error {
  /**
   * @param {string} message
   * @param {{ superseded?: boolean, marks?: Marks }} more
   */
  constructor(message, more = {}) {
    super(message);
    this.superseded = more.superseded ?? false;
    this.marks = more.marks ?? null;
  }
}

const GONE = "mel-debug is not running any more. Start it again to go on.";

/**
 * @param {string} address
 * @returns {Promise<HTMLImageElement>}
 */
export async function loadedImage(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/** @returns {string} */
function randomName() {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
}

/** @implements {Store} */
export class ServerStore {
  #token = "";
  #client = randomName();

  async album() {
    const album = /** @type {Album} */ (await this.#json("/api/album"));
    this.#token = album.token ?? "";
    return album;
  }

  /** @param {Photo} photo */
  preview(photo) {
    return loadedImage(`/api/photos/${photo.number}/preview.jpg`);
  }

  /**
   * @param {Photo} photo
   * @param {number} level
   * @param {number} column
   * @param {number} row
   */
  tile(photo, level, column, row) {
    return loadedImage(`/api/photos/${photo.number}/tiles/${level}/${column}/${row}.jpg`);
  }

  /**
   * @param {Photo} photo
   * @param {Rectangle} part
   */
  async region(photo, part) {
    const { x, y, width, height } = part;
    const place = `/api/photos/${photo.number}/region.jpg`;
    const image = await loadedImage(`${place}?x=${x}&y=${y}&width=${width}&height=${height}`);
    return { image, part };
  }

  /** @param {Photo} photo */
  async features(photo) {
    const response = await this.#response(`/api/photos/${photo.number}/features`);
    return new Features(await response.arrayBuffer());
  }

  /**
   * @param {Photo} source
   * @param {Photo} target
   */
  async map(source, target) {
    const { map } = await this.#json(`/api/maps/${source.number}/${target.number}`);
    return map && new PhotoMap(map);
  }

  /**
   * @param {Photo} source
   * @param {Photo} target
   * @param {Point} point
   * @param {string | null} uuid
   * @param {boolean} [final] Wait until the photos are matched, for an answer that stays.
   * @returns {Promise<Answer>}
   */
  async find(source, target, point, uuid, final = false) {
    const asked = { source: source.number, target: target.number, ...point, uuid, final };
    return this.#post("/api/find", { ...asked, client: this.#client });
  }

  /** @returns {Promise<Marks>} */
  marks() {
    return this.#json("/api/marks");
  }

  /**
   * @param {string} what
   * @param {object} details
   * @returns {Promise<Marks>}
   */
  change(what, details) {
    return this.#post(`/api/marks/${what}`, details);
  }

  /**
   * @param {() => void} onMarks
   * @param {(lost: boolean) => void} onLost
   */
  watch(onMarks, onLost) {
    const events = new EventSource("/api/events");
    events.addEventListener("marks", onMarks);
    events.addEventListener("open", () => onLost(false));
    events.addEventListener("error", () => onLost(true));
  }

  /**
   * @param {string} address
   * @param {RequestInit} [options]
   */
  async #response(address, options) {
    let response;
    try {
      response = await fetch(address, options);
    } catch {
      throw new PageError(GONE);
    }
    if (response.ok) return response;
    const answer = await response.json().catch(() => ({}));
    throw new PageError(answer.error ?? "mel-debug could not answer.", answer);
  }

  /** @param {string} address */
  async #json(address) {
    return (await this.#response(address)).json();
  }

  /**
   * @param {string} address
   * @param {object} value
   */
  async #post(address, value) {
    const headers = { "content-type": "application/json", "x-mel-debug-token": this.#token };
    const body = JSON.stringify(value);
    return (await this.#response(address, { method: "POST", headers, body })).json();
  }
}
