// A question that must be answered before something is recorded.
import { button, make } from "../elements.js";
import { isReady } from "./run.js";

const field = ([name, label, value = ""]) =>
  make("label", [label, make("input", [], { name, required: true, pattern: ".*\\S.*", value, maxLength: 500, autocomplete: "off" })]);

/**
 * Asks, if anything can be recorded now; does what it was asked for, unless it is cancelled, with what was written, by name. A part
 * is a line, or a field: its name, its label, and a text to begin with.
 */
export function ask(title, yes, parts, work) {
  if (!isReady()) return;
  const form = make("form", [
    make("h2", title),
    ...parts.filter(Boolean).map((part) => (typeof part === "string" ? make("p", part) : field(part))),
    make("div.row", [make("button", yes, { value: yes }), button("%%button.cancel%%", () => dialog.close())]),
  ], { method: "dialog" });
  const dialog = make("dialog.ask", form, {
    ariaLabel: title,
    onclose: () => {
      dialog.remove();
      if (dialog.returnValue) work(Object.fromEntries(new FormData(form)));
    },
  });
  document.body.append(dialog);
  dialog.showModal();
}
