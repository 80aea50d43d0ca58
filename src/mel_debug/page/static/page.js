// The state of the page: two photos, a search or a chosen mark, and what is drawn of them.

import { Compare } from "./compare.js";
import { button, element, input, select } from "./elements.js";
import { clickAt, compareAnswer, isMarkedThere, moleItems, searchAt } from "./finding.js";
import { drawLayer } from "./layer.js";
import { List } from "./list.js";
import { Pair } from "./pair.js";
import {
  compareMark,
  finishMove,
  reviewItems,
  reviewedMarks,
  sourceMark,
  takeUpAgain,
} from "./reviewing.js";
import { PageError } from "./store.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./store.js").Album} Album
 * @typedef {import("./store.js").Answer} Answer
 * @typedef {import("./store.js").Mark} Mark
 * @typedef {import("./store.js").Marks} Marks
 * @typedef {import("./store.js").Photo} Photo
 * @typedef {import("./store.js").Store} Store
 */

export class Page {
  /**
   * @param {Store} store
   * @param {Album} album
   * @param {Marks} marks
   */
  constructor(store, album, marks) {
    this.store = store;
    this.album = album;
    this.marks = marks;
    this.mode = album.mode === "review" ? "review" : "find";
    /** @type {{ point: Point, uuid: string | null } | null} */
    this.query = null;
    /** @type {Answer | null} */
    this.answer = null;
    this.asked = 0;
    /** Odd while a change of marks is on its way to the server. */
    this.changes = 0;
    /** @type {{ photo: Photo, mark: Mark } | null} */
    this.chosen = null;
    /** @type {Point | null} Where the chosen mark is being moved to. */
    this.moved = null;
    this.pair = new Pair(store, {
      hover: () => this.drawLayers(),
      click: (point) => clickAt(this, point),
      drag: (side, point, done) => this.drag(side, point, done),
      status: (text) => this.notice(text),
    });
    this.compare = new Compare(
      store,
      /** @type {HTMLCanvasElement} */ (element("crop-left")),
      /** @type {HTMLCanvasElement} */ (element("crop-right")),
    );
    this.list = new List(element("list"));
    this.pair.left.onDraw.push(() => this.drawLayers());
    this.pair.right.onDraw.push(() => this.drawLayers());
  }

  get left() {
    return /** @type {Photo} */ (this.pair.left.photo);
  }

  get right() {
    return /** @type {Photo} */ (this.pair.right.photo);
  }

  /**
   * @param {Photo} photo
   * @returns {Mark[]}
   */
  marksOf(photo) {
    return this.marks.photos[photo.number]?.marks ?? [];
  }

  /** @param {string} text */
  notice(text) {
    element("notice").textContent = text;
  }

  /** @param {unknown} error */
  complain(error) {
    if (error instanceof PageError && error.marks) this.newMarks(error.marks);
    this.notice(error instanceof Error ? error.message : String(error));
  }

  // ---------------------------------------------------------------- photos

  /**
   * @param {Photo} left
   * @param {Photo} right
   */
  show(left, right) {
    const changed = this.left !== left || this.right !== right;
    select("left-photo").value = String(left.number);
    select("right-photo").value = String(right.number);
    for (const [id, photo] of /** @type {[string, Photo][]} */ ([
      ["left-view", left],
      ["right-view", right],
    ])) {
      element(id).setAttribute("aria-label", `Photo ${photo.label}`);
    }
    if (changed) {
      this.forget();
      void this.pair.show(left, right).then(() => {
        this.compareAgain();
        this.cover();
      });
    }
    this.drawList();
  }

  forget() {
    this.asked++;
    [this.query, this.answer, this.chosen, this.moved] = [null, null, null, null];
    this.list.mark(null);
    this.say("", "");
    void this.compare.show(null, null, [1, 0, 0, 1]);
    this.drawLayers();
    this.enable();
  }

  drawLayers() {
    const { pair } = this;
    const shown = input("show-marks").checked;
    const inReview = this.mode === "review";
    const atQuery = !inReview && pair.cross !== null && pair.cross === this.query?.point;
    const cross = atQuery ? null : pair.cross;
    const std = cross ? pair.map.std(cross) : 0;
    const chosen = inReview ? (this.chosen?.mark ?? null) : null;
    const nothing = { chosen: null, moved: null, cross: null, std: 0, query: null, answer: null };
    if (pair.left.photo) {
      const marks = shown ? this.marksOf(pair.left.photo) : [];
      const source = this.chosen && sourceMark(this, this.chosen.mark);
      const query = inReview ? source : (this.query?.point ?? null);
      drawLayer(pair.left, { ...nothing, marks, cross, query });
    }
    if (pair.right.photo) {
      const marks = shown ? this.marksOf(pair.right.photo) : chosen ? [chosen] : [];
      const there = cross && pair.map.known ? pair.map.at(cross) : null;
      const answer = inReview ? null : this.answer;
      drawLayer(pair.right, {
        ...nothing,
        marks,
        chosen,
        moved: this.moved,
        cross: there,
        std,
        answer,
      });
    }
  }

  /**
   * Search the right photo for the mole at a point of the left one.
   * @param {Point} point
   * @param {string | null} uuid Of the mole, if it is marked.
   */
  find(point, uuid) {
    return searchAt(this, point, uuid);
  }

  /** Show the crops of what is chosen, for example after the map has arrived. */
  compareAgain() {
    if (this.mode === "find") compareAnswer(this);
    else if (this.chosen) compareMark(this, this.chosen.mark);
  }

  /**
   * @param {string} words
   * @param {string} kind
   * @param {string[]} [notes]
   */
  say(words, kind, notes = []) {
    const place = element("words");
    const hint =
      this.mode === "find" ? "Click a mole in the left photo." : "Choose a mark in the list.";
    place.textContent = words || hint;
    place.className = `words ${words ? kind : "hint"}`;
    const items = notes.map((note) => {
      const item = document.createElement("li");
      item.textContent = note;
      return item;
    });
    element("notes").replaceChildren(...items);
    element("crop-left-name").textContent = this.left?.label ?? "";
    element("crop-right-name").textContent = this.right?.label ?? "";
  }

  undo() {
    if (!button("undo").disabled)
      void this.change("undo", {}, "Undone.").then(() => takeUpAgain(this));
  }

  /**
   * @param {string} what
   * @param {object} details
   * @param {string} done
   */
  async change(what, details, done) {
    this.changes++;
    try {
      this.newMarks(await this.store.change(what, details));
      this.notice(done);
      return true;
    } catch (error) {
      this.complain(error);
      return false;
    } finally {
      this.changes++;
    }
  }

  /** Read the marks anew, unless a change of this page is under way or was made meanwhile. */
  async refresh() {
    const { changes } = this;
    if (changes % 2) return;
    const marks = await this.store.marks();
    if (changes === this.changes) this.newMarks(marks);
  }

  /** @param {Marks} marks */
  newMarks(marks) {
    this.marks = marks;
    const faults = Object.values(marks.photos).flatMap(({ error }) => (error ? [error] : []));
    if (faults.length) this.notice(faults[0]);
    this.drawList();
    takeUpAgain(this);
    this.drawLayers();
    this.enable();
  }

  /**
   * @param {"left" | "right"} side
   * @param {Point} point
   * @param {boolean} done
   */
  drag(side, point, done) {
    if (side === "left" || this.album.readOnly) return;
    if (this.mode === "find" && this.answer) {
      this.answer = {
        ...this.answer,
        ...point,
        kind: "found",
        radius: 0,
        words: "Placed by hand",
        notes: [],
        provisional: false,
      };
      this.say(this.answer.words, "found");
      if (done) this.compareAgain();
    } else if (this.chosen) {
      this.moved = point;
      if (done) void finishMove(this);
    }
    this.drawLayers();
    this.enable();
  }

  // ---------------------------------------------------------------- the list

  drawList() {
    if (!this.left) return;
    const inReview = this.mode === "review";
    element("list-title").textContent = inReview ? "Least sure first" : "Moles of the left photo";
    const items = inReview ? reviewItems(this) : moleItems(this);
    const empty = inReview ? "Nothing here." : "None is marked yet. Click one in the photo.";
    this.list.show(items, empty);
    const open = reviewedMarks(this).filter(({ mark }) => mark.outcome === "open").length;
    element("list-count").textContent = inReview ? `${open} left` : String(items.length);
  }

  enable() {
    const chosen = this.chosen !== null;
    for (const id of ["accept", "reject", "unsure", "move"]) button(id).disabled = !chosen;
    const answer = this.answer;
    const already = this.right !== null && isMarkedThere(this);
    const unready = !answer || answer.provisional || answer.kind === "absent";
    button("save").disabled = unready || this.album.readOnly || already;
    button("save").title = already ? "This mole is marked in the right photo already." : "";
    const undo = button("undo");
    undo.disabled = !this.marks.undo;
    undo.title = this.marks.undo ? `Undo: ${this.marks.undo}` : "";
  }

  /** @param {"find" | "review"} mode */
  setMode(mode) {
    this.mode = mode;
    document.body.dataset.mode = mode;
    button("mode-find").setAttribute("aria-pressed", String(mode === "find"));
    button("mode-review").setAttribute("aria-pressed", String(mode === "review"));
    this.forget();
    this.drawList();
  }

  /** Show the left crop over the right one, and the left photo over the right one. */
  cover() {
    this.compare.draw();
    this.pair.over.show(this.compare.cover, this.pair.map);
  }

  /** @param {boolean} on */
  blink(on) {
    if (this.compare.blinking === on) return;
    this.compare.blinking = on;
    this.cover();
    button("blink").setAttribute("aria-pressed", String(on));
    const photo = on ? this.left : this.right;
    element("crop-right-name").textContent = photo?.label ?? "";
  }
}
