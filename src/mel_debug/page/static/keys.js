// Keys, and the list of them.

/** @type {[string, string][]} */
const HELP = [
  ["Click, Enter", "find the mole under the cross in the other photo"],
  ["Arrow keys", "move the cross, when a photo has the focus (Shift: faster)"],
  ["+  −  0", "zoom in, zoom out, whole photo"],
  ["B", "hold to see the left photo and crop in place of the right ones"],
  ["[  ]", "crops show less, or more, of the skin around"],
  ["S", "save the mark in both photos"],
  ["J  K", "next or previous in the list"],
  ["A  R  U", "accept, reject, unsure"],
  ["M", "move the mark: arrow keys by one pixel (Shift: ten), Enter saves, Escape leaves it"],
  ["Z", "undo"],
  ["H", "hide or show marks"],
  ["L", "link or unlink the views"],
  ["?", "this list"],
];

/**
 * Fill the help dialog, and open it with its button.
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} list
 */
export function fillHelp(dialog, list) {
  for (const [keys, meaning] of HELP) {
    const term = document.createElement("dt");
    for (const key of keys.split(/\s{2}|, /)) {
      const element = document.createElement("kbd");
      element.textContent = key;
      term.append(element, " ");
    }
    const text = document.createElement("dd");
    text.textContent = meaning;
    list.append(term, text);
  }
  document.getElementById("help-open")?.addEventListener("click", () => dialog.showModal());
}

/**
 * Call an action for each key; returns false from an action to let the browser act.
 * @param {Record<string, (event: KeyboardEvent) => void | boolean>} down
 * @param {Record<string, (event: KeyboardEvent) => void>} up
 */
export function listenToKeys(down, up) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isForField(event)) return;
    if (document.querySelector("dialog[open]")) return;
    const action = down[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (action && action(event) !== false) event.preventDefault();
  });
  document.addEventListener("keyup", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    up[key]?.(event);
  });
}

/**
 * Whether a key is for the field that has the focus. A slider only needs those that move it.
 * @param {KeyboardEvent} event
 */
function isForField({ target, key }) {
  if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return true;
  if (!(target instanceof HTMLInputElement) || target.type === "checkbox") return false;
  return target.type !== "range" || /^(Arrow|Page|Home|End)/.test(key);
}
