// The elements of a page: found, made and written.
//
// Words are in src/language: a build puts them in place of their names, such as "%%run.late length%%" with its values in their order.

export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Words with values in the places of their numbers. */
export const phrase = (words, ...values) => words.replace(/{(\d)}/g, (_, number) => values[number]);

/** An element, named with its class as in "p.banner", what is in it, and its properties. English words in another language are marked. */
export function make(name, inside = [], props) {
  const [tag, className = ""] = name.split(".");
  const made = Object.assign(document.createElement(tag), { className }, tag === "button" ? MARK_OF_BUTTONS : MARK, props);
  made.append(...[inside].flat());
  return made;
}

export const button = (words, onclick, className = "") => make("button." + className, words, { type: "button", onclick });

/** Screen readers speak what is written into it. */
export const status = (className) => make("p." + className, [], { role: "status" });

export function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** Only if something has changed: what is written into an alert is spoken, and a button keeps the focus. */
export function replace(place, inside) {
  const markup = inside.map((one) => one.outerHTML || one).join("");
  if (place.markup !== markup) place.replaceChildren(...inside);
  place.markup = markup;
}

/** Brings the reader and the keyboard to an element. */
export function goTo(element) {
  element?.focus();
  element?.scrollIntoView({ block: "center" });
}
