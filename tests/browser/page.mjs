// A page without a browser: its elements, what a browser would keep of it, and a place for the scripts of runs to work on it. What has to be
// seen, such as sizes, it does not have.
import { JSDOM } from "jsdom";

/** What a browser keeps: keys are its own properties, as the scripts list them. */
function storage() {
  const methods = {
    getItem(key) {
      return Object.hasOwn(this, key) ? this[key] : null;
    },
    setItem(key, text) {
      Object.defineProperty(this, key, { value: String(text), configurable: true, enumerable: true, writable: true });
    },
    removeItem(key) {
      delete this[key];
    },
  };
  return Object.create(methods);
}

/** Puts the page in the place of this program's own globals, and gives what it keeps. */
export function show(html) {
  const { window } = new JSDOM(html, { url: "https://sample.example/sheet.html" }), kept = storage(), nothing = () => {};
  // What jsdom does not have, as it draws nothing.
  class Observer {
    observe() {}
  }
  window.Element.prototype.scrollIntoView = nothing;
  const { document, location, Option } = window;
  Object.assign(globalThis, {
    document, window, location, Option, localStorage: kept, ResizeObserver: Observer,
    addEventListener: nothing, setInterval: nothing, confirm: () => true, print: nothing,
  });
  return kept;
}
