// What is drawn over a photo: marks, crosshairs, and the answer of a search.

import { svgElement } from "./viewer.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./store.js").Mark} Mark
 * @typedef {import("./store.js").Answer} Answer
 * @typedef {import("./viewer.js").Viewer} Viewer
 * @typedef {{ marks: Mark[], chosen: Mark | null, moved: Point | null, cross: Point | null,
 *   std: number, query: Point | null, answer: Answer | null }} Drawn
 */

const MARK_RADIUS = 10;
const LEAST_RING = 14;
const MOST_RING = 400;
const LABEL_LENGTH = 6;
const ABSENT_WIDTH = 140;

/**
 * Draw everything over a photo anew.
 * @param {Viewer} viewer
 * @param {Drawn} drawn
 */
export function drawLayer(viewer, drawn) {
  const parts = drawn.marks.map((mark) => {
    const chosen = drawn.chosen === mark;
    const point = chosen && drawn.moved ? drawn.moved : mark;
    return markPart(viewer, mark, point, chosen);
  });
  if (drawn.query) parts.push(crossPart(viewer, drawn.query, "query"));
  if (drawn.answer) parts.push(answerPart(viewer, drawn.answer));
  if (drawn.cross) parts.push(crossPart(viewer, drawn.cross, "crosshair", drawn.std));
  viewer.layer.replaceChildren(...parts);
}

/**
 * A shape twice: a dark edge below, and the line itself.
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function casedShape(name, attributes) {
  return ["casing", "stroke"].map((kind) => svgElement(name, { ...attributes, class: kind }));
}

/**
 * @param {Viewer} viewer
 * @param {Mark} mark
 * @param {Point} point
 * @param {boolean} chosen
 */
function markPart(viewer, mark, point, chosen) {
  const { x, y } = viewer.toScreen(point);
  const parts = casedShape("circle", { r: MARK_RADIUS });
  if (mark.outcome === "rejected") {
    const arm = MARK_RADIUS * 0.7;
    parts.push(
      ...casedShape("path", { d: `M${-arm} ${-arm}L${arm} ${arm}M${arm} ${-arm}L${-arm} ${arm}` }),
    );
  }
  if (chosen) {
    parts.push(svgElement("circle", { r: MARK_RADIUS + 6, class: "held", fill: "transparent" }));
    const text = svgElement("text", { x: MARK_RADIUS + 6, y: 4 });
    text.textContent = mark.uuid.slice(0, LABEL_LENGTH);
    parts.push(text);
  }
  const kind = `mark ${mark.outcome}${chosen ? " chosen" : ""}`;
  return svgElement("g", { class: kind, transform: `translate(${x} ${y})` }, parts);
}

/**
 * A cross that leaves its middle free; `std`, in photo pixels, widens a dashed circle around it.
 * @param {Viewer} viewer
 * @param {Point} point
 * @param {string} kind
 * @param {number} [std]
 */
function crossPart(viewer, point, kind, std = 0) {
  const { x, y } = viewer.toScreen(point);
  const [near, far] = kind === "query" ? [9, 18] : [7, 22];
  const d = `M${near} 0H${far}M${-near} 0H${-far}M0 ${near}V${far}M0 ${-near}V${-far}`;
  const parts = casedShape("path", { d });
  const ring = Math.min(2 * std * viewer.view.zoom, MOST_RING);
  if (ring > LEAST_RING)
    parts.push(...casedShape("circle", { r: ring, "stroke-dasharray": "3 5" }));
  return svgElement("g", { class: `crosshair ${kind}`, transform: `translate(${x} ${y})` }, parts);
}

/**
 * The place found with its circle; a mole that is probably not there has a shape of its own.
 * @param {Viewer} viewer
 * @param {Answer} answer
 */
function answerPart(viewer, answer) {
  const { x, y } = viewer.toScreen(answer);
  const parts = [];
  if (answer.kind === "absent") {
    parts.push(...casedShape("path", { d: "M0 -16L16 0L0 16L-16 0Z" }));
    const isRight = x > viewer.width - ABSENT_WIDTH;
    const anchor = isRight ? "end" : "start";
    const text = svgElement("text", { x: isRight ? -22 : 22, y: 4, "text-anchor": anchor });
    text.textContent = "probably not there";
    parts.push(text);
  } else {
    const d = "M8 0H18M-8 0H-18M0 8V18M0 -8V-18";
    const ring = Math.min(Math.max(answer.radius * viewer.view.zoom, LEAST_RING), MOST_RING);
    parts.push(...casedShape("circle", { r: ring }), ...casedShape("path", { d }));
    parts.push(svgElement("circle", { r: LEAST_RING, class: "held", fill: "transparent" }));
  }
  const transform = `translate(${x} ${y})`;
  return svgElement("g", { class: `answer ${answer.kind}`, transform, "data-answer": "" }, parts);
}
