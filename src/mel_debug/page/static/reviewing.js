// Reviewing marks: the list by doubt, verdicts, moving.

import { input, select } from "./elements.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./list.js").Item} Item
 * @typedef {import("./page.js").Page} Page
 * @typedef {import("./store.js").Mark} Mark
 * @typedef {import("./store.js").Photo} Photo
 */

const NAME_LENGTH = 6;

/**
 * @param {Page} page
 * @param {"accept" | "reject" | "unsure"} verdict
 */
export async function judgeMark(page, verdict) {
  const chosen = page.chosen;
  if (!chosen || page.mode !== "review") return;
  const at = page.list.items.findIndex(({ key }) => key === itemKey(chosen.photo, chosen.mark));
  const next = page.list.items[at + 1] ?? page.list.items[at - 1];
  const details = { photo: chosen.photo.number, seen: chosen.mark, verdict };
  if (!(await page.change("judge", details, ""))) return;
  if (input("advance").checked && next)
    page.list.items.find(({ key }) => key === next.key)?.choose();
  else takeUpAgain(page);
}

/**
 * Take up the chosen mark again from the present marks, if it is still there.
 * @param {Page} page
 */
export function takeUpAgain(page) {
  const chosen = page.chosen;
  if (!chosen) return;
  const mark = page.marksOf(chosen.photo).find(({ uuid }) => uuid === chosen.mark.uuid);
  page.chosen = mark ? { photo: chosen.photo, mark } : null;
  if (mark) compareMark(page, mark);
  page.drawLayers();
  page.enable();
}

/**
 * All marks that a program has made, or a person has judged.
 * @param {Page} page
 */
export function reviewedMarks(page) {
  return page.album.photos.flatMap((photo) =>
    page
      .marksOf(photo)
      .filter((mark) => mark.outcome !== "accepted" || mark.confidence !== null)
      .map((mark) => ({ photo, mark })),
  );
}

/**
 * @param {Page} page
 * @returns {Item[]}
 */
export function reviewItems(page) {
  const outcome = select("filter-outcome").value;
  const below = Number(select("filter-confidence").value);
  return reviewedMarks(page)
    .filter(({ mark }) => outcome === "all" || mark.outcome === outcome)
    .filter(({ mark }) => (mark.confidence ?? 0) < below)
    .sort((one, other) => (one.mark.confidence ?? 0) - (other.mark.confidence ?? 0))
    .map(({ photo, mark }) => {
      const name = mark.uuid.slice(0, NAME_LENGTH);
      const number = mark.confidence === null ? "" : `${Math.round(100 * mark.confidence)} %`;
      const label = `Mole ${name} in ${photo.label}, ${number || "confidence unknown"}, ${mark.outcome}`;
      const choose = () => chooseMark(page, photo, mark);
      const key = itemKey(photo, mark);
      return { key, outcome: mark.outcome, name, number, where: photo.label, label, choose };
    });
}

/**
 * Choose a mark to review: its photo comes to the right, a photo that has the mole to the left.
 * @param {Page} page
 * @param {Photo} photo
 * @param {Mark} mark
 */
export function chooseMark(page, photo, mark) {
  const has = (/** @type {Photo} */ other) =>
    other !== photo &&
    page.marksOf(other).some(({ uuid, outcome }) => uuid === mark.uuid && outcome === "accepted");
  const others = page.album.photos.filter((other) => other !== photo);
  const left = has(page.left)
    ? page.left
    : (others.find(has) ?? (page.left === photo ? others[0] : page.left));
  page.show(left ?? photo, photo);
  page.chosen = { photo, mark };
  page.moved = null;
  page.list.mark(itemKey(photo, mark));
  page.pair.centre(sourceMark(page, mark), mark);
  compareMark(page, mark);
  page.drawLayers();
  page.enable();
}

/**
 * The mole of a mark in the left photo.
 * @param {Page} page
 * @param {Mark} mark
 */
export function sourceMark(page, mark) {
  return (
    page
      .marksOf(page.left)
      .find(({ uuid, outcome }) => uuid === mark.uuid && outcome !== "rejected") ?? null
  );
}

/**
 * @param {Page} page
 * @param {Mark} mark
 */
export function compareMark(page, mark) {
  const source = sourceMark(page, mark);
  const target = { photo: page.right, point: { x: mark.x, y: mark.y } };
  const percent = mark.confidence === null ? "" : ` (${Math.round(100 * mark.confidence)} %)`;
  const words = {
    open: `Marked by the program${percent}`,
    unsure: `You were not sure${percent}`,
    accepted: "Accepted",
    rejected: "Rejected",
  }[mark.outcome];
  const notes = source ? [] : ["No photo here shows this mole with an accepted mark."];
  page.say(words, mark.outcome === "accepted" ? "found" : "", notes);
  const from = source ?? page.pair.map.inverse(mark) ?? mark;
  const matrix = page.pair.matrixAt(from);
  void page.compare.show({ photo: page.left, point: { x: from.x, y: from.y } }, target, matrix);
}

/** @param {Page} page */
export function startMove(page) {
  if (!page.chosen || page.album.readOnly || page.mode !== "review") return;
  const { x, y } = page.chosen.mark;
  page.moved = { x, y };
  page.notice("Arrow keys move the mark. Enter saves, Escape leaves it where it was.");
}

/** @param {Page} page */
export async function finishMove(page) {
  const [chosen, moved] = [page.chosen, page.moved];
  page.moved = null;
  if (!chosen || !moved) return;
  const details = { photo: chosen.photo.number, seen: chosen.mark, ...moved };
  if (await page.change("move", details, "Moved.")) takeUpAgain(page);
  page.drawLayers();
}

/**
 * @param {Photo} photo
 * @param {Mark} mark
 */
export function itemKey(photo, mark) {
  return `${photo.number}/${mark.outcome === "rejected" ? "rejected/" : ""}${mark.uuid}`;
}
