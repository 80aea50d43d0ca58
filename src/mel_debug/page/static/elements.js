// Elements of the document by their id.

/** @param {string} id */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

/** @param {string} id */
export function input(id) {
  return /** @type {HTMLInputElement} */ (element(id));
}

/** @param {string} id */
export function select(id) {
  return /** @type {HTMLSelectElement} */ (element(id));
}

/** @param {string} id */
export function button(id) {
  return /** @type {HTMLButtonElement} */ (element(id));
}
