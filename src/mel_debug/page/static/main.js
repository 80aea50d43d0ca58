// Starting the page.

import { listenToPage } from "./controls.js";
import { element, select } from "./elements.js";
import { fillHelp } from "./keys.js";
import { Page } from "./page.js";
import { chooseStore } from "./saved.js";

/** @typedef {import("./store.js").Photo} Photo */

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
    listenToPage(page);
    page.setMode(page.mode === "review" ? "review" : "find");
    page.show(album.photos[0], album.photos[1] ?? album.photos[0]);
    page.say("", "");
    page.enable();
    store.watch(
      () => void page.refresh(),
      (lost) => document.body.classList.toggle("lost", lost),
    );
    Object.assign(window, { melDebug: page }); // for tests and for the curious
  } catch (error) {
    element("notice").textContent = error instanceof Error ? error.message : String(error);
  }
}

void start();
