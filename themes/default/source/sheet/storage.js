// What this browser keeps. Where it keeps nothing, the page's own memory does until it is closed.

/** The initials of who works at this browser. */
export const BY = "runsheet:by";

const memory = new Map();
export let isKept = true;

function stored(work) {
  try {
    return work(localStorage);
  } catch {
    isKept = false;
  }
}
export const get = (key) => memory.get(key) || stored((storage) => storage.getItem(key));
export const set = (key, text) => stored((storage) => (storage.setItem(key, text), memory.delete(key), true)) || memory.set(key, text);
export const drop = (key) => stored((storage) => storage.removeItem(key), memory.delete(key));
export const keys = (start) => [...(stored(Object.keys) || []), ...memory.keys()].filter((key) => key.startsWith(start));

export const random = () => [...crypto.getRandomValues(new Uint32Array(3))].map((one) => one.toString(36)).join("");
