// Finding a mole of the left photo in the right one.

import { button } from "./elements.js";
import { PageError } from "./store.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./list.js").Item} Item
 * @typedef {import("./page.js").Page} Page
 * @typedef {import("./store.js").Answer} Answer
 * @typedef {import("./store.js").Mark} Mark
 * @typedef {import("./store.js").Photo} Photo
 */

const SNAP_PX = 12;
const SHORT = 6;
const PROVISIONAL = "Provisional: the photos are still being compared.";

/**
 * @param {Page} page
 * @param {Point} point
 */
export function clickAt(page, point) {
  if (!page.left || !page.pair.left.contains(point)) return;
  const mark = markNear(page, point);
  if (page.mode === "review") page.setMode("find");
  void searchAt(page, mark ?? point, mark?.uuid ?? null);
}

/**
 * The mark of the left photo at a point, within a few pixels of the screen.
 * @param {Page} page
 * @param {Point} point
 */
export function markNear(page, point) {
  const reach = SNAP_PX / page.pair.left.view.zoom;
  const near = page
    .marksOf(page.left)
    .filter((mark) => mark.outcome !== "rejected")
    .map((mark) => ({ mark, away: Math.hypot(mark.x - point.x, mark.y - point.y) }))
    .filter(({ away }) => away <= reach)
    .sort((one, other) => one.away - other.away);
  return near.length ? near[0].mark : null;
}

/**
 * @param {Page} page
 * @param {Point} point
 * @param {string | null} uuid
 */
export async function searchAt(page, { x, y }, uuid) {
  const asked = ++page.asked;
  const point = { x, y };
  const [left, right] = [page.left, page.right];
  page.query = { point, uuid };
  page.answer = null;
  page.list.mark(uuid);
  page.pair.setCross(point);
  page.say("Searching …", "hint");
  page.enable();
  void page.compare.show({ photo: left, point }, null, [1, 0, 0, 1]);
  page.drawLayers();
  try {
    const first = await page.store.find(left, right, point, uuid);
    if (asked !== page.asked) return;
    showAnswer(page, first);
    if (first.provisional) {
      const final = await page.store.find(left, right, point, uuid, true);
      if (asked !== page.asked || page.answer !== first) return; // placed by hand meanwhile
      showAnswer(page, final);
    }
  } catch (error) {
    if (asked !== page.asked || (error instanceof PageError && error.superseded)) return;
    page.say("", "");
    page.complain(error);
  }
  page.drawLayers();
  page.enable();
}

/**
 * @param {Page} page
 * @param {Answer} answer
 */
function showAnswer(page, answer) {
  page.answer = answer;
  const notes = answer.provisional ? [PROVISIONAL, ...answer.notes] : answer.notes;
  page.say(answer.words, answer.kind, notes);
  compareAnswer(page);
  revealPoint(page, answer);
  page.drawLayers();
  page.enable();
}

/**
 * Bring an answer into view, if it is out of it.
 * @param {Page} page
 * @param {Point} point
 */
export function revealPoint(page, point) {
  const viewer = page.pair.right;
  const { x, y } = viewer.toScreen(point);
  if (x > 0 && y > 0 && x < viewer.width && y < viewer.height) return;
  viewer.setView({ ...viewer.view, cx: point.x, cy: point.y });
}

/** @param {Page} page */
export function saveMark(page) {
  if (button("save").disabled || !page.query || !page.answer) return;
  const { point, uuid } = page.query;
  const places = [{ photo: page.right.number, x: page.answer.x, y: page.answer.y }];
  if (uuid === null) places.unshift({ photo: page.left.number, ...point });
  void page.change("add", { places, uuid }, "Saved.");
}

/**
 * @param {Page} page
 * @returns {Item[]}
 */
export function moleItems(page) {
  const there = new Map(page.marksOf(page.right).map((mark) => [mark.uuid, mark]));
  return page
    .marksOf(page.left)
    .filter(({ outcome }) => outcome !== "rejected")
    .map((mark) => {
      const name = mark.uuid.slice(0, SHORT);
      const other = there.get(mark.uuid);
      const isThere = other !== undefined && other.outcome !== "rejected";
      const where = isThere ? "in both" : "only here";
      const label = `Mole ${name}, marked ${where}`;
      const choose = () => void chooseMole(page, mark);
      return { key: mark.uuid, outcome: mark.outcome, name, number: "", where, label, choose };
    });
}

/**
 * @param {Page} page
 * @param {Mark} mark
 */
export async function chooseMole(page, mark) {
  page.pair.centre(mark, page.pair.map.known ? page.pair.map.at(mark) : null);
  await searchAt(page, mark, mark.uuid);
}

/**
 * Show the crops of the search, for example again after the map has arrived.
 * @param {Page} page
 */
export function compareAnswer(page) {
  if (!page.query) return;
  const { point } = page.query;
  const answer = page.answer;
  const target = answer ? { photo: page.right, point: { x: answer.x, y: answer.y } } : null;
  const radius = answer && answer.kind !== "absent" ? answer.radius : 0;
  const matrix = answer?.matrix ?? page.pair.matrixAt(point);
  void page.compare.show({ photo: page.left, point }, target, matrix, radius);
}

/**
 * Whether the right photo has a mark of the mole that was searched.
 * @param {Page} page
 */
export function isMarkedThere(page) {
  const uuid = page.query?.uuid;
  return page.marksOf(page.right).some((mark) => mark.uuid === uuid && mark.outcome !== "rejected");
}
