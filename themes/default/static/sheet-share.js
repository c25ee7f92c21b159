// Runsheet, the run sheet: what is not needed to tick.
(function () {
  "use strict";
  const core = Runsheet.core;
  const { all, sheet, event, cut, toMs, minutes, utc, rounds, roundsOf, wordsById, places, fold, read, doneAt, fieldText, planned, wrong, gist, wordsOf, root, get, set, drop, keys, fail, text, list, nameOf, load, make, button, zoneName, full, time } = core;
  const { items, blanks } = sheet;

  // Which item of an edited page is which of the old one? Never by position. "same" keeps a tick,
  // "changed" asks to confirm it: in doubt "changed".

  const normal = (words) => words.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
  function gramsOf(one) {
    one.grams = new Map();
    for (let i = 1; i < one.text.length; i++) {
      const gram = one.text.slice(i - 1, i + 1);
      one.grams.set(gram, (one.grams.get(gram) || 0) + 1);
    }
    return one;
  }
  function index(entries) {
    const maps = [new Map(), new Map(), new Map()];
    const list = entries.map((entry, order) => ({ ...entry, order, text: normal(entry.text) }));
    for (const one of list) {
      one.key = one.kind + "\n" + one.text;
      [one.section, one.section + "\n" + one.key, one.key].forEach((key, i) => maps[i].set(key, [...(maps[i].get(key) || []), one]));
      gramsOf(one);
    }
    const [parts, spots, words] = maps, textOf = (one) => (one ? one.text : "");
    for (const inside of parts.values()) inside.forEach((one, i) => { one.near = textOf(inside[i - 1]) + "\n" + textOf(inside[i + 1]); });
    return { list, parts, spots, words };
  }
  function alike(a, b) {
    let both = 0;
    for (const [gram, count] of a.grams) both += Math.min(count, b.grams.get(gram) || 0);
    return a.text === b.text ? 1 : (2 * both) / (a.text.length + b.text.length - 2 || 1);
  }
  function match(before, after) {
    const found = {}, taken = new Set(), old = index(before), now = index(after);
    const free = (one) => one && !taken.has(one), label = (path) => path.slice(path.lastIndexOf("/") + 1);
    const pair = (a, b, same) => {
      taken.add(a).add(b);
      found[a.id] = { to: b.id, how: same && (!a.named || !b.named || a.id === b.id) ? "same" : "changed" };
    };
    // Section p of the old page is q of the new one, under another name or in another place.
    const renamed = (p, q) => {
      if (now.parts.has(p) || old.parts.has(q)) return false;
      const own = old.parts.get(p).filter((one) => old.words.get(one.key).length === 1);
      const kept = own.filter((one) => { const there = now.words.get(one.key) || []; return there.length === 1 && there[0].section === q; }).length;
      if (label(p) === label(q) || (kept > 1 && kept * 2 >= own.length)) return true;
      // Reworded, but under the same heading and behind or before the same section.
      const [a, b] = [[old, p], [now, q]].map(([side, path]) => { const names = [...side.parts.keys()], at = names.indexOf(path); return { above: path.slice(0, -label(path).length), beside: [names[at - 1], names[at + 1]] }; });
      return a.above === b.above && a.beside.some((path, i) => path !== undefined && path === b.beside[i]) && alike(gramsOf({ text: label(p) }), gramsOf({ text: label(q) })) >= 0.6;
    };
    const nearest = (least, where) => {
      const pairs = [];
      for (const a of old.list.filter(free)) {
        for (const b of now.list.filter(free)) {
          const score = a.kind === b.kind && where(a.section, b.section) ? alike(a, b) : 0;
          if (score >= least) pairs.push({ a, b, score });
        }
      }
      pairs.sort((x, y) => y.score - x.score || x.a.order - y.a.order || x.b.order - y.b.order);
      for (const { a, b } of pairs) if (free(a) && free(b)) pair(a, b, false);
    };
    for (const a of old.list) {
      const b = a.named && now.list.find((one) => one.named && one.id === a.id && one.kind === a.kind);
      if (free(b)) pair(a, b, a.text === b.text);
    }
    for (const [spot, olds] of old.spots) {
      const news = now.spots.get(spot) || [], right = news.filter(free);
      // Twins are told apart by their order, as long as nothing beside them has changed.
      const steady = olds.length === news.length && (olds.length === 1 || olds.every((a, i) => a.near === news[i].near));
      olds.filter(free).slice(0, right.length).forEach((a, i) => pair(a, right[i], steady && olds.indexOf(a) === news.indexOf(right[i])));
    }
    for (const [key, [a, more]] of old.words) {
      const [b, other] = now.words.get(key) || [];
      if (!more && !other && free(a) && free(b)) pair(a, b, renamed(a.section, b.section));
    }
    nearest(0.6, (p, q) => p === q || renamed(p, q));
    nearest(0.8, () => true);
    for (const { id } of old.list) found[id] = found[id] || { to: null, how: null };
    return found;
  }

  // A value goes into a command as data. `open` is what is around it.

  function quote(value, open) {
    if (/^[A-Za-z0-9._:/@%+-]+$/.test(value) || (open && open.raw)) return value;
    if (open && open.word) return value.replace(/[\\$`]/g, "\\$&");
    if (open === '"') return value.replace(/[\\"$`]/g, "\\$&").replace(/!/g, "\"'!'\"");
    const inside = value.replace(/'/g, "'\\''");
    return open === "'" ? inside : `'${inside}'`;
  }
  // Reads quotes, brackets, comments and here-documents as a shell does; each NUL is the place of a value.
  function fill(code, fills) {
    const walk = document.createTreeWalker(code, NodeFilter.SHOW_TEXT), values = [], open = [];
    let words = "", out = "", here = null;
    while (walk.nextNode()) {
      const one = fills.find(({ element }) => element.contains(walk.currentNode));
      if (one) values.push(one.value);
      words += one ? "\0" : walk.currentNode.data;
    }
    for (let i = 0; i < words.length; i++) {
      const c = words[i], next = words[i + 1], top = open[open.length - 1];
      if (c === "\0") { out += quote(values.shift(), top); continue; }
      out += c;
      if (top && top.word) {
        if (c === "\n" && words.slice(i + 1).split("\n", 1)[0].trim() === top.word) open.pop();
      } else if (top === "'") {
        if (c === "'") open.pop();
      } else if (c === "\\" && next && next !== "\0") out += words[++i];
      else if (c === "$" && next === "(") open.push(words[++i]), (out += "(");
      else if (c === '"' && top === '"') open.pop();
      else if (c === '"') open.push(c);
      else if (top === '"') continue;
      else if (c === "'" || c === "(") open.push(c);
      else if (c === ")" && top === "(") open.pop();
      else if (c === "#" && (!i || /[\s;]/.test(words[i - 1]))) {
        while (i + 1 < words.length && words[i + 1] !== "\n") out += words[++i] === "\0" ? values.shift() : words[i];
      } else if (c === "<" && next === "<" && words[i - 1] !== "<") {
        const [, mark, word] = /^<<-?\s*(["'\\]?)(\w+)/.exec(words.slice(i)) || [];
        if (word) here = { word, raw: Boolean(mark) };
      } else if (c === "\n" && here) open.push(here), (here = null);
    }
    return out;
  }

  function told(state, entry) {
    const { kind, item } = entry, v = entry.value || "";
    const verbs = { start: `started the ${v.mode} run`, end: "ended the run", undo: "took back:", field: `wrote “${v}” in`, choice: `decided ${v.answer} at`, reverse: "started the reverse track", round: `added round ${v} to` };
    return (kind === "tick" && !v.on ? "unticked" : verbs[kind] || gist(entry)) + " " + (kind === "undo" ? (state.book.log.has(item) ? told(state, state.book.log.get(item)) : "") : item && `“${wordsOf(state, entry)}”`) + (v.decider ? ` by ${v.decider}` : "") + (v.reason ? `: ${v.reason}` : "") + (v.why ? `, past a gate: ${v.why}` : "");
  }

  function stateOf(state, item, round) {
    const one = read(state, item.kind, item.id + round);
    if (!one || (item.kind === "task" && !one.conflict && !one.value.on)) return { state: item.done ? "done in the source" : item.kind === "alarm" ? "not tripped" : "open" };
    const { at, by } = one.entry, { answer, decider, reason, why } = one.value, past = why ? `, past a gate: ${why}` : "";
    if (one.conflict) return { state: "conflict: " + one.heads.map(({ entry }) => `${gist(entry)} by ${entry.by}`).join(", ") };
    if (one.changed && item.kind !== "alarm") return { state: `text changed after ${answer || "tick"} (${utc(at)} ${by}): confirm again` };
    return { at, by, state: item.kind === "task" ? "done" + past : reason ? `${gist(one.entry)}: ${reason}, decided by ${decider}` : `${answer}, decided by ${decider}${past}` };
  }
  function rows(state) {
    const lines = [];
    for (const item of items) {
      for (const round of roundsOf(item)) {
        const found = stateOf(state, item, round), due = item.kind === "alarm" ? null : planned(state, item, round);
        const fields = blanks.filter((one) => items[one.item] === item && fieldText(state, one.id)).map((one) => `${one.label}=${fieldText(state, one.id)}`).join("; ");
        lines.push({ section: item.in.title, offset: round ? "round " + round.slice(1) : item.in.offset, item: wordsById.get(item.id), owner: item.owner || item.in.owner, due, slip: found.at && due ? minutes(found.at - due) : "", fields, ...found });
      }
    }
    return lines;
  }
  const columns = (row, clock) => [row.section, row.offset, row.item, row.owner, row.due && clock(row.due), row.at && clock(row.at), row.slip, row.by, row.state, row.fields];

  function csv(state) {
    const cell = (value) => {
      // No formulas from what was typed
      const words = String(value ?? "").replace(/^(?!-\d+$)[=+\-@]/, "'$&");
      return /[",\r\n]/.test(words) ? `"${words.replace(/"/g, '""')}"` : words;
    };
    const loose = blanks.filter((one) => one.item == null && fieldText(state, one.id));
    const table = [["section", "offset", "item", "owner", "planned UTC", "done UTC", "slip minutes", "by", "state", "fields"], ...rows(state).map((row) => columns(row, utc)),
      ...loose.map((one) => [one.in.title, "", one.label, "", "", "", "", read(state, "field", one.id).entry.by, "field", fieldText(state, one.id)])];
    return "\ufeff" + table.map((line) => line.map(cell).join(",") + "\r\n").join("");
  }

  function report(state) {
    const safe = (words) => String(words ?? "").replace(/\s+/g, " ").replace(/[&<>]/g, (c) => `&#${c.charCodeAt()};`).replace(/[\\`*_{}[\]#|~!$@]/g, "\\$&");
    const out = [], add = (title, lines) => lines.length && out.push("", "## " + title, "", ...lines);
    const table = (...lines) => (lines.length > 1 ? [lines[0], lines[0].map(() => "-"), ...lines.slice(1)].map((line, i) => `| ${line.map(i === 1 ? () => "---" : safe).join(" | ")} |`) : []);
    const entry = (one) => `${full(one.at)} ${one.by} ${told(state, one)}`, acts = (wanted) => state.log.filter(wanted).map((one) => "- " + safe(entry(one)));
    const { mode, t0, run } = state.start.value, end = read(state, "end"), steps = rows(state), by = ({ at, by }) => safe(`${full(at)} (${utc(at)}) by ${by}`);
    out.push(`# ${safe(sheet.title)}: ${mode} run ${safe(run)}`, "", `- Times: ${safe(zoneName())}`, `- T-0: ${[t0, event.t0].map((one) => (one === null ? "not set" : `${safe(full(toMs(one)))} (${utc(toMs(one))})`)).filter((one, i, both) => one !== both[i - 1]).join(", moved to ")}`, `- Started: ${by(state.start)}`,
      `- Ended: ${end ? by(end.entry) : "not yet"}`, `- Sheet: ${safe(sheet.page)}, version ${safe(sheet.version)}`, `- Took part: ${safe([...new Set(state.log.map((one) => one.by))].join(", "))}`);
    add("Steps", table(["Section", "Offset", "Item", "Owner", "Planned", "Done", "Slip, min", "By", "State", "Fields"], ...steps.filter((row) => row.state !== "not tripped").map((row) => columns(row, full))));
    add("Fields", table(["Field", "Value", "By", "Time", "Note"], ...blanks.map((one) => [one, read(state, "field", one.id)]).filter(([, found]) => found).map(([one, { value, entry, conflict, changed }]) => [one.label, value, entry.by, full(entry.at), [conflict && "conflict", changed && "label changed", wrong(one, value)].filter(Boolean).join(", ")])));
    add("Decisions", acts(({ kind }) => /choice|reverse/.test(kind)));
    add("Alarms", acts(({ kind }) => kind === "alarm"));
    add("Past a gate", acts(({ value }) => value && value.why));
    add("Conflicts", [...state.cells.keys()].map((key) => read(state, ...key.split(/:(.*)/s))).filter((one) => one && one.conflict).map((one) => "- " + safe(one.heads.map((head) => entry(head.entry)).join(" / "))));
    add("Confirm again", steps.filter((row) => /confirm again/.test(row.state)).map((row) => "- " + safe(`${row.item}: ${row.state}`)));
    add("Taken back", acts(({ id }) => state.undone.has(id)));
    add("No longer on the sheet", acts((one) => state.lost.includes(one)));
    return out.join("\n") + "\n";
  }

  function save(as, book = core.state().book) {
    const { run, log, snapshots } = book, state = fold(book);
    const raw = { format: "runsheet-run", version: 1, site: sheet.site, event: event.id, run, exported: Date.now(), snapshots: [...snapshots.values()], log: [...log.values()] };
    const content = as === "csv" ? csv(state) : as === "md" ? report(state) : JSON.stringify(raw, null, 1);
    const link = make("a", { href: URL.createObjectURL(new Blob([content], { type: { csv: "text/csv", md: "text/markdown" }[as] || "application/json" })), download: `${event.id.replace(/\W+/g, "-")}-${run.slice(0, 6)}.${as}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
  async function open(file) {
    try {
      if (file.size > 20e6) fail("it is larger than 20 MB");
      const raw = await file.text().then(JSON.parse).catch(() => fail("it is not JSON"));
      if (!raw || raw.format !== "runsheet-run" || raw.version !== 1) fail("it is no run file of version 1");
      if (raw.site !== sheet.site) fail(`it is of the site ${cut(text(raw.site))}, this is ${sheet.site}`);
      if (raw.event !== event.id) fail(`it is of the event ${cut(text(raw.event))}, this is ${event.id}`);
      if (!/^\w{8,40}$/.test(raw.run)) fail("it names no run");
      if (core.running() && core.state().book.run !== raw.run) fail(`it is of the run ${raw.run}, here runs ${core.state().book.run}`);
      const here = load(raw.run), log = new Map(), snapshots = new Map();
      for (const one of list(raw.snapshots, 500).map(core.cleanSnapshot)) snapshots.set(nameOf(one), one);
      for (const one of list(raw.log, 1e5).map(core.cleanEntry)) {
        // Two entries of one id can only be forged. The lesser stays, whichever came first.
        const known = here.log.get(one.id);
        log.set(one.id, known && JSON.stringify(known) < JSON.stringify(one) ? known : one);
      }
      if (![...log.values()].some(({ kind, value }) => kind === "start" && value.run === raw.run)) fail("the start of the run is missing");
      // What cannot be read is not kept.
      fold({ run: raw.run, log: new Map([...here.log, ...log]), snapshots });
      for (const one of [...snapshots.values(), ...log.values()]) core.put(raw.run, one);
      set(root, raw.run);
      core.refresh();
      core.say(`Opened: ${[...log.keys()].filter((id) => !here.log.has(id)).length} new in the log.`);
    } catch (error) {
      core.say(`The file is refused: ${error.message}. Nothing has changed.`);
    }
  }

  async function trip(item) {
    if (!core.ready()) return;
    const on = !core.tripped(read(core.state(), "alarm", item.id)), verb = on ? "Trip" : "Clear";
    const values = await core.ask(verb + " this alarm?", [wordsById.get(item.id)], [["Reason"], core.decider(item)], verb);
    if (values) core.act("alarm", item.id, { on, reason: values[0], decider: values[1] });
  }
  async function reverse() {
    if (!core.ready()) return;
    const state = core.state(), no = items.find((item) => (item.no_return || (item.kind === "choice" && item.in.no_return)) && doneAt(state, item) !== null);
    const values = await core.ask("Start the reverse track?", ["Its times count from now.", no && `The point of no return is passed (${no.in.title}, ${time(doneAt(state, no))}). Going back is now the second plan: what was written since must be carried back.`], [["Reason"], core.decider()], "Start the reverse track");
    if (values) core.act("reverse", "", { reason: values[0], decider: values[1] });
  }
  async function finish() {
    if (!core.ready()) return;
    const state = core.state(), { done, total } = core.counts(), alarms = items.filter((item) => item.kind === "alarm" && core.tripped(read(state, "alarm", item.id))).length;
    const lines = [`${done} of ${total} done, ${total - done} open.`, alarms && `Alarms tripped: ${alarms}.`, "The sheet can then be read and exported, but not changed."];
    if (await core.ask("End this run?", lines, [], "End run")) core.act("end", "", null);
  }
  function showLog(place) {
    const state = core.state(), note = (one) => (state.undone.has(one.id) ? " (taken back)" : "") + (state.lost.includes(one) ? " (no longer on the sheet)" : "");
    const log = state ? [...state.log].reverse().filter((one) => !state.lost.includes(one)).concat(state.lost) : [];
    place.replaceChildren(...log.map((one) => make("li", { textContent: `${time(one.at)} ${one.by} ${told(state, one)}${note(one)}` })));
  }
  function showOld(place) {
    const now = core.running() && core.state().book.run, runs = new Set(keys(root + ":").map((key) => key.slice(root.length + 1).split(":")[0]));
    const line = (book) => {
      const { run, log } = book, { at, value } = fold(book).start, name = `${value.mode} ${run.slice(0, 6)}`;
      return make("li", { className: "row" }, `${name}, ${full(at)}`, button("Export", () => save("json", book)), button("Report", () => save("md", book)), button("Delete…", async () => {
        if (!(await core.ask("Delete this run?", [`${name}: all ${log.size} entries in this browser.`], [], "Delete"))) return;
        keys(`${root}:${run}:`).forEach(drop);
        if (get(root) === run) drop(root);
        core.refresh();
      }));
    };
    place.replaceChildren(...[...runs].filter((run) => run !== now).map(load).filter((book) => fold(book).start).map(line));
  }

  function owners() {
    const select = make("select", {}, new Option("all", "")), note = make("span"), of = (item, name) => !name || !item.owner || item.owner === name || items.some((other) => items[other.parent] === item && of(other, name));
    for (const name of [...new Set(items.map((item) => item.owner).filter(Boolean))].sort()) select.append(new Option([name, (sheet.roles || {})[name]].filter(Boolean).join(": "), name));
    select.onchange = () => {
      for (const item of items) if (places.get(item.id).matches(".task")) places.get(item.id).hidden = !of(item, select.value);
      const hidden = items.filter((item) => places.get(item.id).hidden).length;
      note.textContent = hidden ? `Hidden, of others: ${hidden}` : "";
    };
    return make("div", { className: "row" }, make("label", {}, "Tasks of ", select), note);
  }
  const file = make("input", { type: "file", hidden: true, accept: ".json", onchange: () => { open(file.files[0]); file.value = ""; } });
  const files = [["Export run", "json"], ["Steps as CSV", "csv"], ["Report", "md"]].map(([words, as]) => button(words, () => save(as)));
  const parts = [make("div", { className: "row" }, button("Open a run file…", () => file.click()), ...files, button("Print", () => print()), button("Print empty", core.printEmpty), file),
    owners(), make("p", { textContent: "Runs kept in this browser" }), make("ul"), make("p", { textContent: "Log" }), make("ol")];
  function more(place) {
    if (!parts[0].isConnected) place.append(...parts);
    for (const one of files) one.hidden = !core.state();
    showOld(parts[3]);
    showLog(parts[5]);
  }

  // Rounds without an end: rows that somebody has added.

  const endless = all("table.rounds[data-open]");
  function addRounds() {
    for (const table of endless) {
      const state = core.state(), ids = all("tbody tr:first-child [data-item]", table).map((box) => box.dataset.item);
      for (const round of ids.flatMap((id) => state.cells.get("round:" + id) || []).map((head) => head.entry.value)) {
        if (!/^n\d{1,4}$/.test(round) || all(`[data-round="${round}"]`, table).length) continue;
        const row = make("tr", {}, make("th", { scope: "row", textContent: round.slice(1) }));
        row.dataset.round = round;
        table.tBodies[0].append(row);
        for (const id of ids) {
          const box = make("input", { type: "checkbox", ariaLabel: `${wordsById.get(id)}, round ${round.slice(1)}` });
          row.append(make("td", {}, box));
          rounds.set(id, [...rounds.get(id), round]);
          core.addBox(`${id}@${round}`, box);
        }
      }
    }
  }
  for (const table of endless) {
    (table.closest(".table-scroll") || table).after(button("Add a round", () => core.ready() && core.act("round", all("[data-item]", table)[0].dataset.item, "n" + (table.tBodies[0].rows.length + 1))));
  }

  // No T-0: a preview in this device's zone, never part of a run. Days keep the wall clock, seconds elapse.

  function preview(t0, part) {
    const at = ({ days = 0, business = 0, seconds = 0 }) => {
      const day = new Date(t0);
      day.setDate(day.getDate() + days);
      for (let left = Math.abs(business); left;) {
        day.setDate(day.getDate() + Math.sign(business));
        if (day.getDay() % 6) left--;
      }
      return full(day.getTime() + toMs(seconds));
    };
    return part.shift && at(part.shift) + (part.end_shift ? " to " + at(part.end_shift) : "");
  }
  Object.assign(Runsheet, { match, fill, trip, reverse, finish, more, addRounds, preview });
  if (event.t0 === null) {
    const mark = make("p", { className: "preview-mark" }), input = make("input", { type: "datetime-local", onchange: () => put(input.value) });
    const put = (words) => {
      const at = Date.parse(words) || null;
      document.body.classList.toggle("preview", at !== null);
      mark.textContent = at ? `PREVIEW with T-0 ${full(at)}, ${zoneName()}` : "";
      set(root + "?preview", words);
      core.preview(at);
    };
    core.desk.prepend(mark, make("label", {}, `No date is set. Preview with T-0 (${zoneName()}) `, input));
    put((input.value = (/^#t0=(\d{4}-\d\d-\d\dT\d\d:\d\d)/.exec(location.hash) || [])[1] || get(root + "?preview") || ""));
  }
})();
