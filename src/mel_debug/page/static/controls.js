// Controls of the page: buttons, sliders and keys.

import { button, element, input, select } from "./elements.js";
import { clickAt, saveMark } from "./finding.js";
import { listenToKeys } from "./keys.js";
import { finishMove, judgeMark, startMove } from "./reviewing.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./list.js").Item} Item
 * @typedef {import("./page.js").Page} Page
 * @typedef {import("./store.js").Mark} Mark
 * @typedef {import("./store.js").Photo} Photo
 */

const CROSS_STEP_PX = 3;

/**
 * @param {Page} page
 * @param {KeyboardEvent} event
 */
export function arrowKey(page, event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const [x, y] = steps[/** @type {keyof typeof steps} */ (event.key)];
  const times = event.shiftKey ? 10 : 1;
  if (page.moved) {
    page.moved = { x: page.moved.x + x * times, y: page.moved.y + y * times };
    page.drawLayers();
    return true;
  }
  if (document.activeElement?.closest(".side") && x === 0) {
    page.list.step(y);
    return true;
  }
  if (!document.activeElement?.classList.contains("view")) return false;
  const viewer = page.pair.left;
  const size = Math.max(1, CROSS_STEP_PX / viewer.view.zoom) * times;
  const from = page.pair.cross ?? { x: viewer.view.cx, y: viewer.view.cy };
  const to = { x: from.x + x * size, y: from.y + y * size };
  page.pair.byKey = true;
  if (viewer.contains(to)) page.pair.setCross(to);
  return true;
}

/** @param {Page} page */
export function enterKey(page) {
  if (page.moved) void finishMove(page);
  else if (!document.activeElement?.classList.contains("view")) return false;
  else if (page.pair.cross) clickAt(page, page.pair.cross);
  return true;
}

/** @param {Page} page */
export function escapeKey(page) {
  if (!page.moved) return false;
  page.moved = null;
  page.notice("");
  page.drawLayers();
  return true;
}

/** @param {Page} page */
export function listenToPage(page) {
  const { pair } = page;
  for (const [id, side] of [
    ["left-photo", 0],
    ["right-photo", 1],
  ]) {
    select(String(id)).addEventListener("change", (event) => {
      const number = Number(/** @type {HTMLSelectElement} */ (event.target).value);
      const photos = [page.left, page.right];
      photos[Number(side)] = page.album.photos[number];
      page.show(photos[0], photos[1]);
    });
  }
  const heat = input("heat");
  const setHeat = () => (pair.right.heat.style.opacity = String(Number(heat.value) / 100));
  heat.addEventListener("input", setHeat);
  setHeat();
  input("linked").addEventListener("change", () => (pair.linked = input("linked").checked));
  input("show-marks").addEventListener("change", () => page.drawLayers());
  input("fade").addEventListener("input", () => {
    page.compare.fade = Number(input("fade").value) / 100;
    page.cover();
  });
  for (const id of ["filter-outcome", "filter-confidence"]) {
    element(id).addEventListener("change", () => page.drawList());
  }
  button("mode-find").addEventListener("click", () => page.setMode("find"));
  button("mode-review").addEventListener("click", () => page.setMode("review"));
  button("save").addEventListener("click", () => saveMark(page));
  button("undo").addEventListener("click", () => page.undo());
  button("move").addEventListener("click", () => startMove(page));
  for (const verdict of /** @type {const} */ (["accept", "reject", "unsure"])) {
    button(verdict).addEventListener("click", () => void judgeMark(page, verdict));
  }
  listenToBlink(page);
  listenToPageKeys(page);
}

/** @param {Page} page */
export function listenToBlink(page) {
  const blink = button("blink");
  blink.addEventListener("pointerdown", (event) => {
    blink.setPointerCapture(event.pointerId);
    page.blink(true);
  });
  for (const end of ["pointerup", "pointercancel", "blur"]) {
    blink.addEventListener(end, () => page.blink(false));
  }
  blink.addEventListener("keydown", ({ key }) => {
    if (key === " " || key === "Enter") page.blink(true);
  });
  blink.addEventListener("keyup", () => page.blink(false));
  window.addEventListener("blur", () => page.blink(false));
}

/** @param {Page} page */
export function listenToPageKeys(page) {
  const { pair } = page;
  /** @param {string} id */
  const toggle = (id) => input(id).click();
  /** @param {number} factor */
  const zoom = (factor) =>
    (document.activeElement === pair.right.root ? pair.right : pair.left).zoomBy(factor);
  const arrow = (/** @type {KeyboardEvent} */ event) => arrowKey(page, event);
  listenToKeys(
    {
      a: () => void judgeMark(page, "accept"),
      r: () => void judgeMark(page, "reject"),
      u: () => void judgeMark(page, "unsure"),
      s: () => saveMark(page),
      z: () => page.undo(),
      m: () => startMove(page),
      b: () => page.blink(true),
      h: () => toggle("show-marks"),
      l: () => toggle("linked"),
      j: () => page.list.step(1),
      k: () => page.list.step(-1),
      "+": () => zoom(1.4),
      "=": () => zoom(1.4),
      "-": () => zoom(1 / 1.4),
      0: () => [pair.left.fit(), pair.right.fit()].length === 0,
      "[": () => page.compare.enlarge(0.8),
      "]": () => page.compare.enlarge(1.25),
      "?": () => /** @type {HTMLDialogElement} */ (element("help")).showModal(),
      Enter: () => enterKey(page),
      Escape: () => escapeKey(page),
      ArrowLeft: arrow,
      ArrowRight: arrow,
      ArrowUp: arrow,
      ArrowDown: arrow,
    },
    { b: () => page.blink(false) },
  );
}
