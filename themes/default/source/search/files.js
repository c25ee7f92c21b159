// The files of the index: scripts, so that they can be loaded from the disk, too. Each is loaded once.
import { make } from "../elements.js";

let root, manifest;
const waiting = {}, loaded = {};

window.runsheetSearch = (name, content) => waiting[name]?.(content);

function load(name, path) {
  loaded[name] ??= new Promise((done, fail) => {
    waiting[name] = done;
    // A file with another script, or none, calls nothing.
    const script = make("script", [], { src: `${root}search/${path}.js`, onload: fail, onerror: fail });
    document.head.append(script);
  }).catch((fault) => {
    delete loaded[name];
    throw fault;
  });
  return loaded[name];
}

/** The manifest: how many pages there are, and with which word each file of words begins. */
export async function open(where) {
  root = where;
  const [folder, pages, firsts, lasts] = manifest = await load("index", "index");
  return { folder, pages, firsts: firsts.split(" "), lasts: lasts.split(" ") };
}

/** A file of the index, read by `read` when it comes. */
export async function file(name, read = (content) => content) {
  const content = await load(name, `${manifest[0]}/${name}`);
  return (read.known ??= {})[name] ??= read(content);
}
