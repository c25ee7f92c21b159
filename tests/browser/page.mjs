// A page without a browser: its elements, what a browser would keep of it, and a place for the scripts of runs to work on it. What has to be
// seen, such as sizes, it does not have.
import { JSDOM } from "jsdom";

/** Puts the page in the place of this program's own globals, and gives what it keeps. */
export function show(html) {
  const { window } = new JSDOM(html, { url: "https://sample.example/sheet.html" }), nothing = () => {};
  // What jsdom does not have, as it draws nothing.
  class Observer {
    observe() {}
  }
  window.Element.prototype.scrollIntoView = nothing;
  const { document, localStorage, location, Option } = window;
  Object.assign(globalThis, {
    document, window, location, Option, localStorage, ResizeObserver: Observer,
    addEventListener: nothing, setInterval: nothing, confirm: () => true, print: nothing,
  });
  return localStorage;
}
