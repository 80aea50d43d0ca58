// The list of moles or marks: real buttons, in order, with one of them chosen.

import { svgElement } from "./viewer.js";

/**
 * @typedef {{ key: string, outcome: string, name: string, number: string, where: string,
 *   label: string, choose: () => void }} Item
 */

/** @param {string} outcome */
function sign(outcome) {
  const children = [svgElement("circle", { cx: 9, cy: 9, r: 6.5 })];
  if (outcome === "rejected") children.push(svgElement("path", { d: "M5 5L13 13M13 5L5 13" }));
  if (outcome === "accepted") children.push(svgElement("path", { d: "M6 9.2L8.2 11.4L12.2 6.8" }));
  return svgElement(
    "svg",
    { class: `sign ${outcome}`, viewBox: "0 0 18 18", "aria-hidden": "true" },
    children,
  );
}

export class List {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Item[]} */
    this.items = [];
    /** @type {string | null} */
    this.chosen = null;
  }

  /**
   * @param {Item[]} items
   * @param {string} ifEmpty
   */
  show(items, ifEmpty) {
    const focused = this.#focusedKey();
    this.items = items;
    if (!items.length) {
      const empty = document.createElement("li");
      empty.className = "empty";
      empty.textContent = ifEmpty;
      this.root.replaceChildren(empty);
      return;
    }
    this.root.replaceChildren(...items.map((item) => this.#row(item)));
    this.mark(this.chosen);
    if (focused !== null) this.#button(focused)?.focus({ preventScroll: true });
  }

  /** @param {string | null} key */
  mark(key) {
    this.chosen = key;
    for (const button of this.root.querySelectorAll("button")) {
      if (button.dataset.key === key) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    if (key !== null) this.#button(key)?.scrollIntoView({ block: "nearest" });
  }

  /**
   * Choose the item some places on from the chosen one.
   * @param {number} step
   */
  step(step) {
    if (!this.items.length) return;
    const at = this.items.findIndex(({ key }) => key === this.chosen);
    const next = at < 0 ? (step > 0 ? 0 : this.items.length - 1) : at + step;
    this.items[Math.min(Math.max(next, 0), this.items.length - 1)].choose();
  }

  #focusedKey() {
    const focused = document.activeElement;
    const inside = focused instanceof HTMLElement && this.root.contains(focused);
    return inside ? (focused.dataset.key ?? null) : null;
  }

  /** @param {string} key */
  #button(key) {
    return /** @type {HTMLElement | undefined} */ (
      [...this.root.querySelectorAll("button")].find((button) => button.dataset.key === key)
    );
  }

  /** @param {Item} item */
  #row(item) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.key = item.key;
    button.setAttribute("aria-label", item.label);
    const texts = [item.name, item.number, item.where].map((text, n) => {
      const span = document.createElement("span");
      span.textContent = text;
      if (n === 2) span.className = "where";
      return span;
    });
    button.append(sign(item.outcome), ...texts);
    button.addEventListener("click", item.choose);
    const row = document.createElement("li");
    row.append(button);
    return row;
  }
}
