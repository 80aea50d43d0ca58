// The page: finding a mole in the other photo, and reviewing marks.

import { Compare } from "./compare.js";
import { drawLayer } from "./layer.js";
import { fillHelp, listenToKeys } from "./keys.js";
import { List } from "./list.js";
import { Pair, element } from "./pair.js";
import { chooseStore } from "./saved.js";
import { PageError } from "./store.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./store.js").Album} Album
 * @typedef {import("./store.js").Answer} Answer
 * @typedef {import("./store.js").Mark} Mark
 * @typedef {import("./store.js").Marks} Marks
 * @typedef {import("./store.js").Photo} Photo
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./list.js").Item} Item
 */

const SNAP_PX = 12;
const SHORT = 6;
const CROSS_STEP_PX = 3;

/** @param {string} id */
const input = (id) => /** @type {HTMLInputElement} */ (element(id));
/** @param {string} id */
const select = (id) => /** @type {HTMLSelectElement} */ (element(id));
/** @param {string} id */
const button = (id) => /** @type {HTMLButtonElement} */ (element(id));

class Page {
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
    /** @type {{ photo: Photo, mark: Mark } | null} */
    this.chosen = null;
    /** @type {Point | null} Where the chosen mark is being moved to. */
    this.moved = null;
    this.pair = new Pair(store, {
      hover: () => this.drawLayers(),
      click: (point) => this.click(point),
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
      void this.pair.show(left, right).then(() => this.compareAgain());
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
      const query = inReview ? null : (this.query?.point ?? null);
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

  // ---------------------------------------------------------------- finding

  /** @param {Point} point */
  click(point) {
    if (!this.left || !this.pair.left.contains(point)) return;
    const mark = this.markAt(point);
    if (this.mode === "review") this.setMode("find");
    void this.find(mark ?? point, mark?.uuid ?? null);
  }

  /**
   * The mark of the left photo at a point, within a few pixels of the screen.
   * @param {Point} point
   */
  markAt(point) {
    const reach = SNAP_PX / this.pair.left.view.zoom;
    const near = this.marksOf(this.left)
      .filter((mark) => mark.outcome !== "rejected")
      .map((mark) => ({ mark, away: Math.hypot(mark.x - point.x, mark.y - point.y) }))
      .filter(({ away }) => away <= reach)
      .sort((one, other) => one.away - other.away);
    return near.length ? near[0].mark : null;
  }

  /**
   * @param {Point} point
   * @param {string | null} uuid
   */
  async find({ x, y }, uuid) {
    const asked = ++this.asked;
    const point = { x, y };
    const [left, right] = [this.left, this.right];
    this.query = { point, uuid };
    this.answer = null;
    this.list.mark(uuid);
    this.pair.setCross(point);
    this.say("Searching …", "hint");
    this.enable();
    void this.compare.show({ photo: left, point }, null, [1, 0, 0, 1]);
    this.drawLayers();
    try {
      const answer = await this.store.find(left, right, point, uuid);
      if (asked !== this.asked) return;
      this.answer = answer;
      this.say(answer.words, answer.kind, answer.notes);
      this.compareAgain();
      this.reveal(answer);
    } catch (error) {
      if (asked !== this.asked || (error instanceof PageError && error.superseded)) return;
      this.say("", "");
      this.complain(error);
    }
    this.drawLayers();
    this.enable();
  }

  /** Bring an answer into view, if it is out of it.
   * @param {Point} point
   */
  reveal(point) {
    const viewer = this.pair.right;
    const { x, y } = viewer.toScreen(point);
    if (x > 0 && y > 0 && x < viewer.width && y < viewer.height) return;
    viewer.setView({ ...viewer.view, cx: point.x, cy: point.y });
  }

  /** Show the crops of what is chosen, for example after the map has arrived. */
  compareAgain() {
    if (this.mode === "review") {
      if (this.chosen) this.compareMark(this.chosen.mark);
      return;
    }
    if (!this.query) return;
    const { point } = this.query;
    const answer = this.answer;
    const target = answer ? { photo: this.right, point: { x: answer.x, y: answer.y } } : null;
    const radius = answer && answer.kind !== "absent" ? answer.radius : 0;
    const matrix = answer?.matrix ?? this.pair.matrixAt(point);
    void this.compare.show({ photo: this.left, point }, target, matrix, radius);
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

  // ---------------------------------------------------------------- changing marks

  save() {
    if (button("save").disabled || !this.query || !this.answer) return;
    const { point, uuid } = this.query;
    const places = [{ photo: this.right.number, x: this.answer.x, y: this.answer.y }];
    if (uuid === null) places.unshift({ photo: this.left.number, ...point });
    void this.change("add", { places, uuid }, "Saved.");
  }

  /** @param {"accept" | "reject" | "unsure"} verdict */
  async judge(verdict) {
    const chosen = this.chosen;
    if (!chosen || this.mode !== "review") return;
    const at = this.list.items.findIndex(({ key }) => key === keyOf(chosen.photo, chosen.mark));
    const next = this.list.items[at + 1] ?? this.list.items[at - 1];
    const details = { photo: chosen.photo.number, seen: chosen.mark, verdict };
    if (!(await this.change("judge", details, ""))) return;
    if (input("advance").checked && next)
      this.list.items.find(({ key }) => key === next.key)?.choose();
    else this.rechoose();
  }

  /** Take up the chosen mark again from the present marks, if it is still there. */
  rechoose() {
    const chosen = this.chosen;
    if (!chosen) return;
    const mark = this.marksOf(chosen.photo).find(({ uuid }) => uuid === chosen.mark.uuid);
    this.chosen = mark ? { photo: chosen.photo, mark } : null;
    if (mark) this.compareMark(mark);
    this.drawLayers();
    this.enable();
  }

  undo() {
    if (!button("undo").disabled)
      void this.change("undo", {}, "Undone.").then(() => this.rechoose());
  }

  /**
   * @param {string} what
   * @param {object} details
   * @param {string} done
   */
  async change(what, details, done) {
    try {
      this.newMarks(await this.store.change(what, details));
      this.notice(done);
      return true;
    } catch (error) {
      this.complain(error);
      return false;
    }
  }

  /** @param {Marks} marks */
  newMarks(marks) {
    this.marks = marks;
    const faults = Object.values(marks.photos).flatMap(({ error }) => (error ? [error] : []));
    if (faults.length) this.notice(faults[0]);
    this.drawList();
    this.rechoose();
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
      };
      this.say(this.answer.words, "found");
      if (done) this.compareAgain();
    } else if (this.chosen) {
      this.moved = point;
      if (done) void this.finishMove();
    }
    this.drawLayers();
    this.enable();
  }

  startMove() {
    if (!this.chosen || this.album.readOnly || this.mode !== "review") return;
    const { x, y } = this.chosen.mark;
    this.moved = { x, y };
    this.notice("Arrow keys move the mark. Enter saves, Escape leaves it where it was.");
  }

  async finishMove() {
    const [chosen, moved] = [this.chosen, this.moved];
    this.moved = null;
    if (!chosen || !moved) return;
    const details = { photo: chosen.photo.number, seen: chosen.mark, ...moved };
    if (await this.change("move", details, "Moved.")) this.rechoose();
    this.drawLayers();
  }

  // ---------------------------------------------------------------- the list

  drawList() {
    if (!this.left) return;
    const inReview = this.mode === "review";
    element("list-title").textContent = inReview ? "Least sure first" : "Moles of the left photo";
    const items = inReview ? this.reviewItems() : this.moleItems();
    const empty = inReview ? "Nothing here." : "None is marked yet. Click one in the photo.";
    this.list.show(items, empty);
    const open = this.reviewed().filter(({ mark }) => mark.outcome === "open").length;
    element("list-count").textContent = inReview ? `${open} left` : String(items.length);
  }

  /** @returns {Item[]} */
  moleItems() {
    const there = new Map(this.marksOf(this.right).map((mark) => [mark.uuid, mark]));
    return this.marksOf(this.left)
      .filter(({ outcome }) => outcome !== "rejected")
      .map((mark) => {
        const name = mark.uuid.slice(0, SHORT);
        const other = there.get(mark.uuid);
        const isThere = other !== undefined && other.outcome !== "rejected";
        const where = isThere ? "in both" : "only here";
        const label = `Mole ${name}, marked ${where}`;
        const choose = () => void this.choosesMole(mark);
        return { key: mark.uuid, outcome: mark.outcome, name, number: "", where, label, choose };
      });
  }

  /** @param {Mark} mark */
  async choosesMole(mark) {
    this.pair.centre(mark, this.pair.map.known ? this.pair.map.at(mark) : null);
    await this.find(mark, mark.uuid);
  }

  /** All marks that a program has made, or a person has judged. */
  reviewed() {
    return this.album.photos.flatMap((photo) =>
      this.marksOf(photo)
        .filter((mark) => mark.outcome !== "accepted" || mark.confidence !== null)
        .map((mark) => ({ photo, mark })),
    );
  }

  /** @returns {Item[]} */
  reviewItems() {
    const outcome = select("filter-outcome").value;
    const below = Number(select("filter-confidence").value);
    return this.reviewed()
      .filter(({ mark }) => outcome === "all" || mark.outcome === outcome)
      .filter(({ mark }) => (mark.confidence ?? 0) < below)
      .sort((one, other) => (one.mark.confidence ?? 0) - (other.mark.confidence ?? 0))
      .map(({ photo, mark }) => {
        const name = mark.uuid.slice(0, SHORT);
        const number = mark.confidence === null ? "" : `${Math.round(100 * mark.confidence)} %`;
        const label = `Mole ${name} in ${photo.label}, ${number || "confidence unknown"}, ${mark.outcome}`;
        const choose = () => this.choose(photo, mark);
        const key = keyOf(photo, mark);
        return { key, outcome: mark.outcome, name, number, where: photo.label, label, choose };
      });
  }

  /**
   * Choose a mark to review: its photo comes to the right, a photo that has the mole to the left.
   * @param {Photo} photo
   * @param {Mark} mark
   */
  choose(photo, mark) {
    const has = (/** @type {Photo} */ other) =>
      other !== photo &&
      this.marksOf(other).some(({ uuid, outcome }) => uuid === mark.uuid && outcome === "accepted");
    const others = this.album.photos.filter((other) => other !== photo);
    const left = has(this.left)
      ? this.left
      : (others.find(has) ?? (this.left === photo ? others[0] : this.left));
    this.show(left ?? photo, photo);
    this.chosen = { photo, mark };
    this.moved = null;
    this.list.mark(keyOf(photo, mark));
    this.pair.centre(this.sourceOf(mark), mark);
    this.compareMark(mark);
    this.drawLayers();
    this.enable();
  }

  /** The mole of a mark in the left photo.
   * @param {Mark} mark
   */
  sourceOf(mark) {
    return (
      this.marksOf(this.left).find(
        ({ uuid, outcome }) => uuid === mark.uuid && outcome !== "rejected",
      ) ?? null
    );
  }

  /** @param {Mark} mark */
  compareMark(mark) {
    const source = this.sourceOf(mark);
    const target = { photo: this.right, point: { x: mark.x, y: mark.y } };
    const percent = mark.confidence === null ? "" : ` (${Math.round(100 * mark.confidence)} %)`;
    const words = {
      open: `Marked by the program${percent}`,
      unsure: `You were not sure${percent}`,
      accepted: "Accepted",
      rejected: "Rejected",
    }[mark.outcome];
    const notes = source ? [] : ["No photo here shows this mole with an accepted mark."];
    this.say(words, mark.outcome === "accepted" ? "found" : "", notes);
    const from = source ?? this.pair.map.inverse(mark) ?? mark;
    const matrix = this.pair.matrixAt(from);
    void this.compare.show({ photo: this.left, point: { x: from.x, y: from.y } }, target, matrix);
  }

  // ---------------------------------------------------------------- controls

  /** The mark of the mole that was searched, where the right photo has one already. */
  get markedAlready() {
    const uuid = this.query?.uuid;
    return this.marksOf(this.right).some(
      (mark) => mark.uuid === uuid && mark.outcome !== "rejected",
    );
  }

  enable() {
    const chosen = this.chosen !== null;
    for (const id of ["accept", "reject", "unsure", "move"]) button(id).disabled = !chosen;
    const answer = this.answer;
    const already = this.right !== null && this.markedAlready;
    button("save").disabled = !answer || answer.kind === "absent" || this.album.readOnly || already;
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

  /** @param {boolean} on */
  blink(on) {
    if (this.compare.blinking === on) return;
    this.compare.blinking = on;
    this.compare.draw();
    button("blink").setAttribute("aria-pressed", String(on));
    const photo = on ? this.left : this.right;
    element("crop-right-name").textContent = photo?.label ?? "";
  }

  /** @param {KeyboardEvent} event */
  arrow(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const [x, y] = steps[/** @type {keyof typeof steps} */ (event.key)];
    const times = event.shiftKey ? 10 : 1;
    if (this.moved) {
      this.moved = { x: this.moved.x + x * times, y: this.moved.y + y * times };
      this.drawLayers();
      return true;
    }
    if (document.activeElement?.closest(".side") && x === 0) {
      this.list.step(y);
      return true;
    }
    if (!document.activeElement?.classList.contains("view")) return false;
    const viewer = this.pair.left;
    const size = Math.max(1, CROSS_STEP_PX / viewer.view.zoom) * times;
    const from = this.pair.cross ?? { x: viewer.view.cx, y: viewer.view.cy };
    const to = { x: from.x + x * size, y: from.y + y * size };
    this.pair.byKey = true;
    if (viewer.contains(to)) this.pair.setCross(to);
    return true;
  }

  enter() {
    if (this.moved) void this.finishMove();
    else if (!document.activeElement?.classList.contains("view")) return false;
    else if (this.pair.cross) this.click(this.pair.cross);
    return true;
  }

  escape() {
    if (!this.moved) return false;
    this.moved = null;
    this.notice("");
    this.drawLayers();
    return true;
  }

  listen() {
    const { pair } = this;
    for (const [id, side] of [
      ["left-photo", 0],
      ["right-photo", 1],
    ]) {
      select(String(id)).addEventListener("change", (event) => {
        const number = Number(/** @type {HTMLSelectElement} */ (event.target).value);
        const photos = [this.left, this.right];
        photos[Number(side)] = this.album.photos[number];
        this.show(photos[0], photos[1]);
      });
    }
    const heat = input("heat");
    const setHeat = () => (pair.right.heat.style.opacity = String(Number(heat.value) / 100));
    heat.addEventListener("input", setHeat);
    setHeat();
    input("linked").addEventListener("change", () => (pair.linked = input("linked").checked));
    input("show-marks").addEventListener("change", () => this.drawLayers());
    input("fade").addEventListener("input", () => {
      this.compare.fade = Number(input("fade").value) / 100;
      this.compare.draw();
    });
    for (const id of ["filter-outcome", "filter-confidence"]) {
      element(id).addEventListener("change", () => this.drawList());
    }
    button("mode-find").addEventListener("click", () => this.setMode("find"));
    button("mode-review").addEventListener("click", () => this.setMode("review"));
    button("save").addEventListener("click", () => this.save());
    button("undo").addEventListener("click", () => this.undo());
    button("move").addEventListener("click", () => this.startMove());
    for (const verdict of /** @type {const} */ (["accept", "reject", "unsure"])) {
      button(verdict).addEventListener("click", () => void this.judge(verdict));
    }
    this.#listenToBlink();
    this.#listenToKeys();
  }

  #listenToBlink() {
    const blink = button("blink");
    blink.addEventListener("pointerdown", (event) => {
      blink.setPointerCapture(event.pointerId);
      this.blink(true);
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) {
      blink.addEventListener(end, () => this.blink(false));
    }
    blink.addEventListener("keydown", ({ key }) => {
      if (key === " " || key === "Enter") this.blink(true);
    });
    blink.addEventListener("keyup", () => this.blink(false));
    window.addEventListener("blur", () => this.blink(false));
  }

  #listenToKeys() {
    const { pair } = this;
    /** @param {string} id */
    const toggle = (id) => input(id).click();
    /** @param {number} factor */
    const zoom = (factor) =>
      (document.activeElement === pair.right.root ? pair.right : pair.left).zoomBy(factor);
    const arrow = (/** @type {KeyboardEvent} */ event) => this.arrow(event);
    listenToKeys(
      {
        a: () => void this.judge("accept"),
        r: () => void this.judge("reject"),
        u: () => void this.judge("unsure"),
        s: () => this.save(),
        z: () => this.undo(),
        m: () => this.startMove(),
        b: () => this.blink(true),
        h: () => toggle("show-marks"),
        l: () => toggle("linked"),
        j: () => this.list.step(1),
        k: () => this.list.step(-1),
        "+": () => zoom(1.4),
        "=": () => zoom(1.4),
        "-": () => zoom(1 / 1.4),
        0: () => [pair.left.fit(), pair.right.fit()].length === 0,
        "[": () => this.compare.enlarge(0.8),
        "]": () => this.compare.enlarge(1.25),
        "?": () => /** @type {HTMLDialogElement} */ (element("help")).showModal(),
        Enter: () => this.enter(),
        Escape: () => this.escape(),
        ArrowLeft: arrow,
        ArrowRight: arrow,
        ArrowUp: arrow,
        ArrowDown: arrow,
      },
      { b: () => this.blink(false) },
    );
  }
}

/**
 * @param {Photo} photo
 * @param {Mark} mark
 */
function keyOf(photo, mark) {
  return `${photo.number}/${mark.outcome === "rejected" ? "rejected/" : ""}${mark.uuid}`;
}

/** @param {Photo[]} photos */
function fillChoices(photos) {
  const sessions = [...new Set(photos.map(({ session }) => session))];
  for (const id of ["left-photo", "right-photo"]) {
    for (const session of sessions) {
      const group = document.createElement("optgroup");
      group.label = session;
      for (const photo of photos.filter((each) => each.session === session)) {
        group.append(new Option(photo.label, String(photo.number)));
      }
      select(id).append(group);
    }
  }
}

async function start() {
  const store = chooseStore();
  fillHelp(/** @type {HTMLDialogElement} */ (element("help")), element("help-keys"));
  try {
    const [album, marks] = await Promise.all([store.album(), store.marks()]);
    if (album.readOnly) document.body.dataset.readOnly = "";
    fillChoices(album.photos);
    const page = new Page(store, album, marks);
    page.listen();
    page.setMode(page.mode === "review" ? "review" : "find");
    page.show(album.photos[0], album.photos[1] ?? album.photos[0]);
    page.say("", "");
    page.enable();
    store.watch(
      () => void store.marks().then((found) => page.newMarks(found)),
      (lost) => document.body.classList.toggle("lost", lost),
    );
    Object.assign(window, { melDebug: page }); // for tests and for the curious
  } catch (error) {
    element("notice").textContent = error instanceof Error ? error.message : String(error);
  }
}

void start();
