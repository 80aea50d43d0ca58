// @ts-check
"use strict";
// The blink comparator: two aligned crops that swap in place, fade, or show their difference.
(() => {
  /** @template {HTMLElement} T @param {string} id @returns {T} */
  const at = (id) => /** @type {T} */ (document.getElementById(id));
  const viewer = at("viewer");
  const before = /** @type {HTMLImageElement} */ (at("before"));
  const after = /** @type {HTMLImageElement} */ (at("after"));
  const canvas = /** @type {HTMLCanvasElement} */ (at("difference"));
  const one = /** @type {HTMLSelectElement} */ (at("one"));
  const two = /** @type {HTMLSelectElement} */ (at("two"));
  const flip = /** @type {HTMLButtonElement} */ (at("flip"));
  const fade = /** @type {HTMLInputElement} */ (at("fade"));
  const differ = /** @type {HTMLInputElement} */ (at("differ"));
  const entries = [...document.querySelectorAll(".entry")].filter((entry) => entry.querySelector("img"));
  let entry = entries[0];
  let held = false;

  const frames = () => [...entry.querySelectorAll("img")];

  function draw() {
    const shown = frames();
    before.src = shown[one.selectedIndex].src;
    after.src = shown[two.selectedIndex].src;
    before.alt = shown[one.selectedIndex].alt;
    after.alt = shown[two.selectedIndex].alt;
    const share = held ? 1 : Number(fade.value) / 100;
    after.style.opacity = String(share);
    flip.setAttribute("aria-pressed", String(held));
    canvas.hidden = !differ.checked || held;
    at("said").textContent = canvas.hidden
      ? (share > 0.5 ? two : one).selectedOptions[0].textContent
      : "Difference: grey where both are alike, darker where the second is darker";
    if (!canvas.hidden) difference();
  }

  async function difference() {
    await Promise.all([before.decode(), after.decode()]).catch(() => undefined);
    const side = (canvas.width = canvas.height = before.naturalWidth);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context || !side) return;
    context.drawImage(before, 0, 0, side, side);
    const first = context.getImageData(0, 0, side, side).data;
    context.drawImage(after, 0, 0, side, side);
    const picture = context.getImageData(0, 0, side, side);
    for (let i = 0; i < first.length; i += 4) {
      for (let c = 0; c < 3; c++) {
        picture.data[i + c] = 128 + 3 * (picture.data[i + c] - first[i + c]);
      }
    }
    context.putImageData(picture, 0, 0);
  }

  /** @param {Element} chosen */
  function choose(chosen) {
    entry = chosen;
    for (const select of [one, two]) {
      select.replaceChildren(
        ...frames().map((image) => {
          const option = document.createElement("option");
          option.textContent = image.dataset.label || image.alt;
          return option;
        }),
      );
    }
    one.selectedIndex = 0;
    two.selectedIndex = frames().length - 1;
    for (const button of document.querySelectorAll("button.show")) {
      button.setAttribute("aria-current", String(button.closest(".entry") === entry));
    }
    const heading = entry.querySelector("h3");
    at("chosen").textContent = heading ? heading.textContent : "";
    draw();
  }

  /** @param {boolean} down */
  function hold(down) {
    if (held !== down) {
      held = down;
      draw();
    }
  }

  if (!entry) return;
  viewer.hidden = false;
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("button.show"))) {
    button.hidden = false;
    button.addEventListener("click", () => {
      choose(/** @type {Element} */ (button.closest(".entry")));
      if (getComputedStyle(viewer).position !== "sticky") viewer.scrollIntoView();
    });
  }
  for (const control of [one, two, fade, differ]) control.addEventListener("input", draw);
  flip.addEventListener("pointerdown", (event) => {
    flip.setPointerCapture(event.pointerId);
    hold(true);
  });
  for (const end of ["pointerup", "pointercancel", "blur"]) flip.addEventListener(end, () => hold(false));
  addEventListener("blur", () => hold(false));
  /** @param {KeyboardEvent} event */
  const flips = (event) =>
    event.key.toLowerCase() === "b" || (document.activeElement === flip && [" ", "Enter"].includes(event.key));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (flips(event)) {
      if (document.activeElement === one || document.activeElement === two) return;
      event.preventDefault();
      hold(true);
    } else if (event.key.toLowerCase() === "d") {
      differ.checked = !differ.checked;
      draw();
    } else if (event.key.toLowerCase() === "n" || event.key.toLowerCase() === "p") {
      const next = entries.indexOf(entry) + (event.key.toLowerCase() === "n" ? 1 : -1);
      if (entries[next]) choose(entries[next]);
    }
  });
  addEventListener("keyup", (event) => {
    if (flips(event)) hold(false);
  });
  choose(entry);
})();
