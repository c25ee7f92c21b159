// The run sheet. What is not needed to tick stands in sheet-share.js.
(function () {
  "use strict";

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const [source] = all("#SHEET"), [desk] = all("#DESK"), { body } = document;
  if (!source || !desk) return;
  const sheet = JSON.parse(source.textContent), { items, blanks, sections } = sheet;
  const event = sheet.event || { id: sheet.page, t0: null };

  const cut = (text, most = 60) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
  const toMs = (seconds) => (seconds == null ? null : seconds * 1000);
  const minutes = (ms) => Math.round(ms / 60000);
  const utc = (ms) => new Date(ms).toISOString().replace(/\.\d+/, "");
  const itemOf = new Map(items.map((item) => [item.id, item])), blankOf = new Map(blanks.map((blank) => [blank.id, blank]));
  const wordsById = new Map(), rounds = new Map(), entries = [];
  for (const one of [...items, ...blanks]) one.in = sections[one.section] || {};
  // The key of an item is its id, with "@round" behind it where it is ticked once per round.
  const nameOf = ({ page, version }) => page + "@" + version;
  const split = (key) => key.split(/(?=@[^@]*$)/);
  const roundsOf = (item) => (item.rounds ? (rounds.get(item.id) || []).map((round) => "@" + round) : [""]);
  const isMain = (item) => item.in.track === "main";
  const isStep = (item) => item.kind !== "alarm" && !item.done;
  const KINDS = { task: "tick", blank: "field" };
  const keyOf = (kind, id = "") => `${KINDS[kind] || kind}:${id}`;
  const gist = ({ kind, value }) => (kind === "tick" ? (value.on ? "ticked" : "open") : kind === "alarm" ? (value.on ? "tripped" : "cleared") : kind === "choice" ? value.answer : `“${value}”`);

  // The same entries give the same state in any order. One holds until another, not taken back, descends from it.
  function fold(book) {
    const log = [...book.log.values()].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
    const undone = new Set(log.filter((entry) => entry.kind === "undo").map((entry) => entry.item));
    const replaced = new Set(), maps = new Map(), cells = new Map(), lost = [];
    for (const entry of log) {
      const rest = undone.has(entry.id) ? [] : [...entry.parents];
      for (const id of rest) {
        if (replaced.has(id)) continue;
        replaced.add(id);
        if (book.log.has(id)) rest.push(...book.log.get(id).parents);
      }
    }
    const place = (entry, id) => {
      const { page, version } = entry;
      if (page !== sheet.page) return { to: page + "\n" + id, how: "same" };
      const here = wordsById.has(id) ? { to: id, how: version === sheet.version ? "same" : "changed" } : {};
      const then = version !== sheet.version && book.snapshots.get(nameOf(entry));
      if (!then || !Runsheet.match) return here;
      if (!maps.has(version)) maps.set(version, Runsheet.match(then.entries, entries));
      return maps.get(version)[id] || {};
    };
    for (const entry of log) {
      const [id, round = ""] = split(entry.item), { to, how } = /start|end|undo|reverse/.test(entry.kind) ? { to: "", how: "same" } : place(entry, id);
      // A round that the plan no longer has is nowhere to be seen.
      if (to == null || (round[1] === "+" && entry.page === sheet.page && !(rounds.get(to) || []).includes(round.slice(1)))) {
        lost.push(entry);
        continue;
      }
      const key = keyOf(entry.kind, to + (to && round));
      if (!cells.has(key)) cells.set(key, []);
      if (!undone.has(entry.id) && !replaced.has(entry.id)) cells.get(key).push({ entry, how });
    }
    return { book, log, undone, lost, cells, start: log.find((entry) => entry.kind === "start") };
  }

  function read(state, kind, id) {
    const heads = state.cells.get(keyOf(kind, id)) || [];
    if (!heads.length) return null;
    const { entry, how } = heads.find((head) => head.how === "same") || heads[0];
    return { entry, heads, value: entry.value, changed: how !== "same", conflict: new Set(heads.map((head) => gist(head.entry))).size > 1 };
  }
  function doneAt(state, item, round = "") {
    const one = read(state, item.kind, item.id + round);
    return one && !one.conflict && !one.changed && (item.kind === "choice" ? one.value.answer === item.answers[0] : one.value.on) ? one.entry.at : null;
  }
  const tripped = (one) => Boolean(one && one.heads.some(({ entry }) => entry.value.on));
  const fieldText = (state, id) => (read(state, "field", id) || { value: "" }).value;
  function openGate(state) {
    const at = items.findIndex((item) => (item.gate || item.kind === "choice") && isMain(item) && doneAt(state, item) === null);
    return at < 0 ? Infinity : at;
  }

  function planned(state, item, round = "") {
    const back = read(state, "reverse"), part = item.in;
    if (round[1] === "+") return event.t0 === null ? null : toMs(event.t0 + Number(round.slice(1)));
    if (part.track === "reverse") return back && part.after != null ? back.entry.at + toMs(part.after + (part.estimate || 0)) : null;
    return toMs(item.end ?? item.start ?? part.end ?? part.start);
  }

  // When will the rest be done, if it goes on as planned from now?
  function forecast(state, now) {
    const back = read(state, "reverse"), track = back ? "reverse" : "main";
    const wanted = (item) => item && isStep(item) && !item.rounds && item.in.track === track;
    const order = [], spans = new Map(), starts = new Map(), ends = new Map();
    // A parent is done after what is nested in it.
    const visit = (parent) => {
      for (const item of items.filter((one) => wanted(one) && (wanted(items[one.parent]) ? items[one.parent] : null) === parent)) {
        visit(item);
        order.push(item);
      }
    };
    visit(null);
    const done = new Map(order.map((item) => [item, doneAt(state, item)]));
    const needs = (item) => (item.after ? item.after.map((id) => itemOf.get(id)) : [order[order.indexOf(item) - 1]]).filter((one) => done.has(one));
    const passed = new Set(order.filter((item) => done.get(item) !== null));
    for (const item of passed) needs(item).forEach((one) => passed.add(one));
    // What was left open before the work that is done now holds nobody up; a stream beside it does.
    const skipped = order.filter((item) => passed.has(item) && done.get(item) === null);
    const next = order.find((item) => !passed.has(item)) || skipped[0];
    const plan = { skipped, next, late: 0, sections: new Map(), end: null };
    if (back || !next) return plan;
    for (const part of sections) {
      const own = order.filter((item) => item.in === part), bare = own.filter((item) => item.estimate == null).length;
      const left = own.reduce((rest, item) => rest - (item.estimate || 0), part.estimate ?? (part.end - part.start || 0));
      for (const item of own) spans.set(item, toMs(item.estimate ?? Math.max(0, left) / bare));
    }
    const end = (item) => {
      if (ends.has(item)) return ends.get(item);
      ends.set(item, 0);
      const ready = Math.max(0, ...needs(item).map(end)), begin = Math.max(ready, toMs(item.in.start));
      starts.set(item, begin);
      ends.set(item, done.get(item) ?? (passed.has(item) ? ready : Math.max(now, begin + spans.get(item))));
      return ends.get(item);
    };
    order.forEach(end);
    const due = toMs(next.end) ?? (next.start ? toMs(next.start) + spans.get(next) : toMs(next.in.end));
    if (due) plan.late = Math.max(0, end(next) - due);
    sections.forEach((part, number) => {
      const after = sections.findIndex((other, k) => k > number && other.level <= part.level);
      const inside = order.filter((item) => item.section >= number && (after < 0 || item.section < after));
      if (part.start == null || !inside.length || inside.some((item) => done.get(item) !== null || skipped.includes(item))) return;
      plan.sections.set(part, toMs(part.start) + Math.max(starts.get(inside[0]), inside[0] === next ? now : 0) - toMs(inside[0].in.start ?? part.start));
    });
    const within = order.filter((item) => (item.start ?? item.in.start) < event.end);
    if (within.length) plan.end = Math.max(...within.map(end));
    return plan;
  }

  const opens = (text, test) => { try { return test(new URL(text)); } catch { return false; } };
  function wrong({ kind, min, max }, text) {
    if (!text) return "";
    if (kind === "integer") {
      if (!/^-?\d+$/.test(text)) return "Digits only";
      if (min != null && Number(text) < min) return `Less than ${min}`;
      if (max != null && Number(text) > max) return `More than ${max}`;
    }
    const six = text.includes(":");
    if (kind === "ip" && !(/^[\da-f:.]+$/i.test(text) && opens(six ? `http://[${text}]/` : `http://${text}/`, ({ hostname }) => six || (hostname === text && /\d$/.test(text))))) return "Not an IP address";
    if (kind === "url" && !opens(text, ({ protocol }) => /^https?:$/.test(protocol) && !/\s/.test(text))) return "Not a web address";
    const [clock, date] = /^(\d{4}-\d\d-\d\d[T ])?([01]\d|2[0-3])(:[0-5]\d){1,2}( ?(Z|UTC|[+-]\d\d:?\d\d))?$/.exec(text) || [];
    if (kind === "time" && !(clock && (!date || Date.parse(date.slice(0, 10))))) return "Not a time, as 02:15";
    return "";
  }
  function compare(from, to) {
    if (!from || !to) return "";
    const counts = /^-?\d+ -?\d+$/.test(`${from} ${to}`), by = counts ? BigInt(to) - BigInt(from) : 0n;
    return by ? `differs by ${by < 0n ? -by : by}: target has ${by < 0n ? "less" : "more"}` : counts || from === to ? "match" : "differs";
  }

  function wordsOf(state, entry) {
    const [id, round = ""] = split(entry.item), then = state.book.snapshots.get(nameOf(entry)), one = then && then.entries.find((other) => other.id === id);
    return cut((one ? one.text : wordsById.get(id)) || id) + round;
  }
  // The log: a key for each entry, as two tabs write it

  const root = `runsheet:${sheet.site}:${event.id}`, memory = new Map();
  let kept = true;
  const random = () => [...crypto.getRandomValues(new Uint32Array(3))].map((one) => one.toString(36)).join("");
  function stored(run) {
    try { return run(localStorage); } catch { kept = false; return null; }
  }
  const get = (key) => memory.get(key) || stored((storage) => storage.getItem(key));
  const set = (key, text) => stored((storage) => (storage.setItem(key, text), memory.delete(key), true)) || memory.set(key, text);
  const keys = (start) => [...new Set([...(stored(Object.keys) || []), ...memory.keys()])].filter((key) => key.startsWith(start));
  const drop = (key) => stored((storage) => storage.removeItem(key), memory.delete(key));

  // Only known fields of known types pass.
  const fail = (what) => { throw new Error(what); };
  const text = (value, most = 4000) => (typeof value === "string" && value.length <= most ? value.replace(/[\0-\x1f\x7f]/g, " ") : fail("a text is missing or too long"));
  const number = (value) => (value == null ? null : Number.isFinite(value) && Math.abs(value) < 8e12 ? value : fail("a number is wrong"));
  const list = (value, most) => (Array.isArray(value) && value.length <= most ? value : fail("a list is missing or too long"));
  const texts = (value, ...names) => Object.fromEntries(names.map((name) => [name, text(value[name] || "")]));
  function cleanEntry({ id, at, kind, value, parents, ...rest }) {
    if (!/^\w{1,40}$/.test(text(id)) || !(at > 0) || !/^(start|end|undo|tick|choice|alarm|field|round|reverse)$/.test(text(kind))) fail("an entry is broken");
    const parts = () => ({ on: value.on === true, t0: number(value.t0), ...texts(value, "run", "event", "zone", "mode", "why", "answer", "decider", "reason") });
    return { id, at: number(at), kind, ...texts(rest, "by", "device", "page", "version", "item"), value: /field|round/.test(kind) ? text(value) : /end|undo/.test(kind) ? null : parts(), parents: list(parents, 999).map((one) => text(one)) };
  }
  const cleanSnapshot = (raw) => ({
    ...texts(raw, "page", "version"),
    entries: list(raw.entries, 5000).map((one) => ({ ...texts(one, "id", "kind", "section", "text"), named: one.named === true })),
    sections: list(raw.sections, 2000).map((one) => ({ ...texts(one, "path", "anchor", "track"), start: number(one.start) })),
  });
  function load(run) {
    const log = new Map(), snapshots = new Map(), start = `${root}:${run}:`;
    for (const key of keys(start)) {
      try {
        const raw = JSON.parse(get(key));
        if (key[start.length] === "@") snapshots.set(nameOf(raw), cleanSnapshot(raw));
        else log.set(raw.id, cleanEntry(raw));
      } catch { /* a broken key must not stop the sheet */ }
    }
    return { run, log, snapshots };
  }
  const put = (run, one) => set(`${root}:${run}:${one.id || "@" + nameOf(one)}`, JSON.stringify(one));

  // The page

  function make(name, props, ...inside) {
    const made = Object.assign(document.createElement(name), props);
    made.append(...inside);
    return made;
  }
  const button = (words, onclick, className = "") => make("button", { type: "button", className, textContent: words, onclick });
  const row = (...inside) => make("div", { className: "row" }, ...inside);
  const write = (element, words) => { if (element.textContent !== words) element.textContent = words; };

  // Read before anything on the page changes.
  const places = new Map(), boxes = new Map();
  for (const element of all("[data-item], [data-blank]")) {
    const { item, blank, round } = element.dataset, id = item || blank, known = blankOf.get(blank) || itemOf.get(item);
    if (!known) continue;
    const box = element.type === "checkbox" ? element : all(":scope.task > input", element)[0], [line] = all(".line", element);
    if (box) boxes.set(id + (round ? "@" + round : ""), box);
    if (round) rounds.set(id, [...(rounds.get(id) || []), round]);
    if (places.has(id)) continue;
    places.set(id, element);
    const words = (blank ? known.label : line && line.textContent.trim()) || (box && box.ariaLabel) || element.textContent;
    wordsById.set(id, words.replace(/\s+/g, " ").trim());
    entries.push({ id, kind: blank ? "blank" : known.kind, section: known.in.path || "", text: wordsById.get(id), named: known.named });
  }
  const snapshot = cleanSnapshot({ ...sheet, entries });

  const shape = (options) => {
    try { return new Intl.DateTimeFormat("en-GB", { timeZone: event.zone || undefined, ...options }); } catch { return new Intl.DateTimeFormat("en-GB", options); }
  };
  const hour = shape({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }), day = shape({ day: "numeric", month: "short" }), zoned = shape({ timeZoneName: "short" }), zone = zoned.resolvedOptions().timeZone;
  const zoneAt = (ms) => zoned.formatToParts(ms).find((part) => part.type === "timeZoneName").value, usual = zoneAt(toMs(event.t0) ?? Date.now());
  const zoneName = () => `${zone} (${usual})`;
  // When the clocks go back, 01:15 comes twice.
  const clock = (ms) => hour.format(ms) + (zoneAt(ms) === usual ? "" : " " + zoneAt(ms));
  const full = (ms) => `${day.format(ms)} ${clock(ms)}`;
  const time = (ms) => (day.format(ms) === day.format(Date.now()) ? clock(ms) : full(ms));

  let plan = {}, initials = get("runsheet:by") || "", state = null, blankPrint = false, preview = null;
  const device = get("runsheet:device") || random();
  set("runsheet:device", device);
  const running = () => Boolean(state && !read(state, "end"));

  function refresh(tried) {
    const run = get(root), found = run && fold(load(run));
    state = found && found.start ? found : null;
    if (state && !Runsheet.match && tried !== 1 && state.log.some((entry) => entry.page === sheet.page && entry.version !== sheet.version)) {
      state = null;
      share().then(() => refresh(1));
      return write(ui.head, "Matching…");
    }
    if (state && !state.book.snapshots.has(nameOf(snapshot))) put(run, snapshot);
    render();
  }
  // No two acts of one browser at the same time
  let last = 0;
  function record(run, kind, item, value, parents) {
    write(ui.say, "");
    put(run, { id: random(), at: last = Math.max(Date.now(), last + 1), by: initials, device, page: sheet.page, version: sheet.version, kind, item, value, parents });
    refresh();
  }
  const act = (kind, item, value) => running() && record(state.book.run, kind, item, value, /undo|round/.test(kind) ? [] : (state.cells.get(keyOf(kind, item)) || []).map(({ entry }) => entry.id));

  function ask(title, lines, fields, yes) {
    return new Promise((answer) => {
      const close = (values) => { dialog.close(); dialog.remove(); answer(values); };
      const dialog = make("dialog", { className: "ask", ariaLabel: title, oncancel: (cancel) => { cancel.preventDefault(); close(null); } },
        make("form", { onsubmit: (submit) => { submit.preventDefault(); close(all("input", dialog).map((input) => input.value.trim())); } },
          make("h2", { textContent: title }), ...lines.filter(Boolean).map((line) => make("p", { textContent: line })),
          ...fields.map(([label, value = ""]) => make("label", {}, label, make("input", { type: "text", required: true, pattern: ".*\\S.*", value, maxLength: 500, autocomplete: "off" }))),
          row(make("button", { textContent: yes }), button("Cancel", () => close(null)))));
      body.append(dialog);
      dialog.showModal();
    });
  }
  function goTo(element) {
    if (!element) return;
    element.focus();
    element.scrollIntoView({ block: "center" });
  }
  function ready(need = !state ? "Start a run to tick." : !running() ? "This run has ended. Start a new one." : initials ? "" : "Write your initials first.") {
    if (!need) return true;
    write(ui.say, need);
    goTo((initials && all(".start", desk)[0]) || ui.initials);
    return false;
  }
  const locked = (item) => item.kind !== "alarm" && isMain(item) && items.indexOf(item) > openGate(state);
  const pastGate = (item) => (locked(item) ? [["Reason to go past the gate"]] : []);
  const gateWords = (item) => locked(item) && `An earlier gate is not passed: “${cut(items[openGate(state)].in.title || "")}”.`;
  const decider = (item) => ["Decided by", (item && item.decider) || (items.find((one) => one.decider) || {}).decider];

  async function tick(key, box) {
    const on = box.checked, [id] = split(key), item = itemOf.get(id);
    box.checked = !on;
    if (!ready()) return;
    const below = items.filter((other) => items[other.parent] === item && isStep(other) && doneAt(state, other) === null).length;
    const lines = [below && `Open below it: ${below}.`, gateWords(item)];
    const answer = on && lines.some(Boolean) ? await ask("Tick all the same?", [wordsById.get(id), ...lines], pastGate(item), "Tick") : [];
    if (answer) act("tick", key, { on, why: answer[0] || "" });
  }
  async function choose(item, answer) {
    render();
    if (!ready()) return;
    const values = await ask(`${answer}: ${item.in.title || wordsById.get(item.id)}`, [gateWords(item)], [decider(item), ...pastGate(item)], "Record");
    if (values) act("choice", item.id, { answer, decider: values[0], why: values[1] || "" });
  }
  function start(mode) {
    if (!initials) return ready("Write your initials first.");
    const run = random();
    set(root, run);
    record(run, "start", "", { run, event: event.id, mode, t0: event.t0, zone: event.zone, by: initials }, []);
    ui.more.firstChild.focus();
    share().then(render);
  }
  const lastOwn = () => state.log.filter((entry) => entry.device === device && !/start|end|undo/.test(entry.kind) && !state.undone.has(entry.id)).pop();

  // The way back counts once it has begun, rounds without an end never.
  function counts(part) {
    let done = 0, total = 0;
    for (const item of items) {
      if (!isStep(item) || (part ? item.in !== part : !isMain(item) && !(state && read(state, "reverse")))) continue;
      const wanted = roundsOf(item).filter((round) => round[1] !== "n");
      total += wanted.length;
      if (state) done += wanted.filter((round) => doneAt(state, item, round)).length;
    }
    return { done, total };
  }

  // The rest comes behind the first picture of a run. It matches entries of other versions: nothing is ticked before.
  let loading = null;
  function share() {
    loading = loading || new Promise((done, failed) => body.append(make("script", { src: body.dataset.share, onload: done, onerror: failed })));
    return loading.catch(() => { loading = null; write(ui.say, "Not loaded: try again."); });
  }
  const use = (name, ...values) => () => share().then(() => Runsheet[name] && Runsheet[name](...values));
  // For tests: entries(), and match(old, new) after share().
  window.Runsheet = { entries: () => entries, share, core: {
    all, sheet, event, cut, toMs, minutes, utc, rounds, roundsOf, wordsById, places, fold, read, doneAt, fieldText, planned, wrong, gist, wordsOf, root, get, set, drop, keys, fail, text, list, nameOf, cleanEntry, cleanSnapshot, load, put,
    make, button, zoneName, full, time, refresh, act, ask, ready, running, counts, tripped, decider, desk, addBox: (...box) => addBox(...box), say: (words) => write(ui.say, words), state: () => state,
    preview: (at) => { preview = at; render(); }, printEmpty: () => { blankPrint = true; render(); print(); },
  } };

  // Controls

  const status = (className) => make("p", { className, role: "status" });
  const ui = { say: status("desk-say"), progress: status("progress"), bar: make("progress", { value: 0 }), late: make("span", { className: "late" }), next: make("a"), mode: make("strong"), banners: make("div", { className: "banners" }), now: make("p", { className: "now-line" }), head: make("p", { className: "desk-head" }), acts: row(), offline: make("p", { className: "offline" }) };
  ui.bar.ariaHidden = "true";
  ui.initials = make("input", { type: "text", className: "initials", value: initials, maxLength: 12, autocomplete: "off", onchange: () => { initials = ui.initials.value.trim(); set("runsheet:by", initials); } });
  ui.more = make("details", { ontoggle: () => ui.more.open && use("more", ui.more)() }, make("summary", { textContent: "Files, log, tasks of one owner, past runs" }));
  desk.append(ui.head, ui.say, ui.acts, ui.more, ui.offline);
  desk.after(ui.banners, make("div", { className: "progress-line" }, ui.mode, ui.progress, ui.bar, ui.late, ui.next, button("Next", goNext)));

  // A stamp beside each item says what has been recorded.
  const stamps = new Map(), radios = new Map(), fields = new Map(), alarms = new Map();
  function stampAt(key, element, host, before = null) {
    stamps.set(key, host.insertBefore(make("span", { className: "stamp", id: "stamp-" + key }), before));
    element.setAttribute("aria-describedby", "stamp-" + key);
  }
  function stamp(key, parts) {
    const to = stamps.get(key), mark = JSON.stringify(parts);
    if (!to || to.mark === mark) return;
    to.mark = mark;
    to.replaceChildren(...parts.map(([words, className, run]) => (run ? button(words, run) : make("span", { className, textContent: words }))));
  }
  function addBox(key, box) {
    const [line] = key.includes("@") ? [] : all(":scope > .task-body > .line", box.parentNode), item = itemOf.get(split(key)[0]);
    boxes.set(key, box);
    stampAt(key, box, line ? line.parentNode : box.parentNode, (line || box).nextSibling);
    if (item.done) box.disabled = true;
    else box.onchange = () => tick(key, box);
  }
  for (const [key, box] of boxes) addBox(key, box);
  for (const [id, element] of places) {
    const blank = blankOf.get(id), item = itemOf.get(id) || {};
    if (item.kind === "choice") {
      radios.set(id, all("input", element));
      for (const radio of radios.get(id)) radio.onchange = () => choose(item, radio.value);
      stampAt(id, element, element);
    } else if (item.kind === "alarm") {
      element.id = element.id || "alarm-" + id;
      alarms.set(id, button("", use("trip", item)));
      stampAt(id, alarms.get(id), element);
      element.append(alarms.get(id));
    } else if (blank) {
      const behind = element.nextSibling, host = element.parentNode;
      fields.set(id, element);
      stampAt(id, element, host, behind);
      const note = (value) => (!ready() ? render() : value !== fieldText(state, id) && act("field", id, value));
      element.onchange = () => note(element.value.trim());
      element.onclick = element.onkeydown = (pressed) => { if (!running() && (pressed.key || " ").length === 1) ready(); };
      if (blank.kind === "time") host.insertBefore(make("button", { type: "button", className: "now", textContent: "Now", ariaLabel: "Now: " + blank.label, onclick: () => note(utc(Date.now())) }), behind);
    }
  }

  function goNext() {
    const { id } = plan.next || {}, first = boxes.get(id) || (radios.get(id) || [])[0];
    goTo([first, ...boxes.values()].find((box) => box && box.offsetParent && !box.disabled && !box.checked) || first);
  }
  document.addEventListener("keydown", (pressed) => {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[pressed.key];
    if (!step || pressed.target.type !== "checkbox" || pressed.ctrlKey || pressed.metaKey) return;
    const seen = all("main [type=checkbox]").filter((box) => box.offsetParent && !box.disabled), to = seen[seen.indexOf(pressed.target) + step];
    pressed.preventDefault();
    if (to) to.focus();
  });

  const fills = all("var.fill").map((element) => ({ element, raw: (element.title = element.textContent), blank: blanks.find((blank) => blank.var === element.dataset.var) }));
  const sureText = (blank) => { const one = blank && state && read(state, "field", blank.id); return one && !one.conflict && !wrong(blank, one.value) ? one.value : ""; };
  document.addEventListener("runsheet:copy", ({ detail }) => {
    const here = fills.filter(({ element, blank }) => blank && detail.code.contains(element)), missing = here.find(({ blank }) => !sureText(blank));
    if (missing) {
      detail.refusal = `Nothing is copied: ${missing.raw} has no value.`;
      stamp(missing.blank.id, [[`A command needs ${missing.raw}`, "bad"]]);
      goTo(fields.get(missing.blank.id));
    } else if (here.length) detail.text = share().then(() => Runsheet.fill(detail.code, here.map((one) => ({ ...one, value: sureText(one.blank) }))));
  });

  // Showing the state

  const whens = new Map(all("p.when[data-section]").map((when) => [sections[when.dataset.section], when.appendChild(make("span", { className: "when-run" }))]));
  let spokenAt = 0, timer = 0;
  // At most once a second, for screen readers.
  function tellProgress() {
    timer = timer || setTimeout(() => {
      timer = 0;
      spokenAt = Date.now();
      const { done, total } = counts();
      write(ui.progress, `${done} of ${total} done`);
      ui.bar.max = total;
      ui.bar.value = done;
    }, Math.max(0, spokenAt + 1000 - Date.now()));
  }

  function stampOf(shown, kind, key, item) {
    const one = shown && read(shown, kind, key);
    if (!one) return [];
    const { entry, value, changed } = one, signed = ({ at, by }) => `${time(at)} ${by}`, who = signed(entry), past = value.why && [`past a gate: ${value.why}`, "warn"];
    if (one.conflict) {
      const news = [...new Map(one.heads.map((head) => [gist(head.entry), head])).values()];
      return [["Conflict: " + one.heads.map((head) => `${gist(head.entry)} ${signed(head.entry)}`).join(", "), "bad"], ...news.map((head) => [`Keep ${gist(head.entry)} (${head.entry.by})`, "", () => ready() && act(head.entry.kind, key, head.entry.value)])];
    }
    const slip = kind === "task" && minutes(entry.at - (planned(shown, item, split(key)[1]) ?? entry.at)), fault = kind === "blank" && wrong(item, value);
    return {
      alarm: () => [[`${value.on ? "TRIPPED" : "cleared"} ${who}: ${value.reason} (${value.decider})`, value.on ? "bad" : ""]],
      blank: () => [changed && ["label changed, check", "warn"], changed && ["Keep", "", () => ready() && act("field", key, value)], fault && [fault, "bad"]],
      choice: () => [[`${changed ? "text changed since, confirm again: " : ""}${value.answer}, decided by ${value.decider}, ${who}`, changed ? "warn" : ""], past],
      task: () => (!value.on ? [] : changed ? [[`text changed after tick (${who}): confirm again`, "warn"]] : [[who, "stamp-when"], slip > 0 && [`${slip} min late`, "warn"], past]),
    }[kind]().filter(Boolean);
  }

  function render() {
    const now = Date.now(), shown = blankPrint ? null : state, live = running(), back = shown && read(shown, "reverse");
    plan = shown ? forecast(shown, now) : { skipped: [], sections: new Map() };
    const gate = shown ? openGate(shown) : Infinity;
    if (state && Runsheet.addRounds) Runsheet.addRounds();
    for (const [key, box] of boxes) {
      const [id, round] = split(key), item = itemOf.get(id), host = box.parentNode;
      if (item.done) continue;
      const at = shown && doneAt(shown, item, round);
      box.checked = at !== null;
      stamp(key, stampOf(shown, "task", key, item));
      if (!host.matches(".task")) continue;
      host.classList.toggle("locked", live && isMain(item) && items.indexOf(item) > gate);
      host.dataset.at = at ? time(at) : "";
      host.dataset.by = at ? read(shown, "task", key).entry.by : "";
    }
    for (const [id, inputs] of radios) {
      const one = shown && read(shown, "choice", id);
      for (const radio of inputs) radio.checked = Boolean(one && !one.conflict && !one.changed && one.value.answer === radio.value);
      stamp(id, stampOf(shown, "choice", id));
      places.get(id).classList.toggle("decided", Boolean(one));
    }
    for (const [id, input] of fields) {
      const value = shown ? fieldText(shown, id) : "", blank = blankOf.get(id);
      if (document.activeElement !== input) input.value = value;
      input.readOnly = !live;
      input.ariaInvalid = wrong(blank, value) ? "true" : "false";
      stamp(id, stampOf(shown, "blank", id, blank));
    }
    for (const output of all("output.match")) {
      const words = shown ? compare(...output.dataset.pair.split(" ").map((id) => sureText(blankOf.get(id)))) : "";
      write(output, words);
      output.className = "match " + (words === "match" ? "good" : words && "bad");
    }
    for (const { element, raw, blank } of fills) write(element, (shown && sureText(blank)) || raw);
    for (const [id, press] of alarms) {
      const { from, until } = itemOf.get(id), on = tripped(shown && read(shown, "alarm", id));
      write(press, on ? "Clear…" : "Trip…");
      press.ariaLabel = `${on ? "Clear" : "Trip"}: ${wordsById.get(id)}`;
      places.get(id).classList.toggle("tripped", on);
      stamp(id, [...stampOf(shown, "alarm", id), ...(now < toMs(from) ? [[`armed from ${time(toMs(from))}`]] : until && now > toMs(until) ? [["over"]] : [])]);
    }
    const began = state && state.log.find((entry) => entry.page === sheet.page), then = began && state.book.snapshots.get(nameOf(began));
    for (const [part, more] of whens) {
      const { done, total } = counts(part), hope = plan.sections.get(part), was = then && (then.sections.find((one) => one.path === part.path) || {}).start, shift = minutes(hope - toMs(part.start));
      write(more, [
        preview && isMain({ in: part }) && Runsheet.preview(preview, part),
        back && part.after != null && full(back.entry.at + toMs(part.after)),
        was && was !== part.start && `was ${time(toMs(was))}`,
        hope && shift && `forecast ${time(hope)} (${shift > 0 ? "+" : "−"}${Math.abs(shift)} min)`,
        total && shown && `${done} of ${total} done`,
        items.some((item, i) => item.in === part && i > gate && isMain(item)) && "locked: an earlier gate is not passed",
      ].filter(Boolean).join(" · "));
    }
    const heading = document.getElementById((sections.find((part) => part.track === "main" && toMs(part.start) > now) || {}).anchor);
    write(ui.now, `Now ${time(now)}`);
    if (!heading || !shown) ui.now.remove();
    else if (ui.now.nextSibling !== heading) heading.before(ui.now);
    renderDesk(back, live, shown);
    tellProgress();
    ui.more.ontoggle();
  }

  // With "./" a page's name from a file cannot be an address of another kind.
  const address = (page) => (page === sheet.page ? "" : "./" + "../".repeat(sheet.page.split("/").length - 1) + page);
  function renderDesk(back, live, shown) {
    const { mode = "", t0 } = state ? state.start.value : {}, run = state ? state.book.run : "", name = `${mode.toUpperCase()} ${run.slice(0, 6)}`, phase = mode + live + run;
    if (ui.phase !== phase) {
      ui.phase = phase;
      ui.undo = button("", () => ready() && act("undo", lastOwn().id, null));
      const starts = ["rehearsal", "live"].slice(0, event.mode === "rehearsal" ? 1 : 2);
      ui.acts.replaceChildren(make("label", {}, "Initials ", ui.initials), ...(live ? [ui.undo, button("Reverse track…", use("reverse"), "danger"), button("End run…", use("finish"))] : starts.map((one) => button(`Start ${one}${one === "live" ? " run" : ""}`, () => start(one), "start"))));
    }
    desk.className = mode;
    ui.mode.className = "mode " + mode;
    write(ui.mode, mode.toUpperCase());
    for (const one of all("[data-run]")) write(one, shown ? name : "______");
    write(ui.head, state ? `${name}, ${live ? "" : "ended, "}started ${time(state.start.at)} by ${state.start.by}. Times: ${zoneName()}` : "No run: start one to tick, fill in and decide.");
    const last = live && lastOwn();
    ui.undo.hidden = !last;
    if (last) write(ui.undo, `Undo: ${/reverse|round/.test(last.kind) ? last.kind : gist(last)} ${last.item && `“${cut(wordsOf(state, last), 36)}”`}`);
    write(ui.late, [plan.late >= 60000 && `${minutes(plan.late)} min late`, plan.end && `end ${time(plan.end)}` + (plan.end > toMs(event.end) ? `, window ${time(toMs(event.end))}` : "")].filter(Boolean).join(" · "));
    const to = (item) => (item ? "#stamp-" + item.id : ""), line = (className, words, ...links) => make("p", { className: "banner " + className }, words, ...links.filter(([href]) => href).map(([href, textContent]) => make("a", { href, textContent })));
    write(ui.next, plan.next ? wordsById.get(plan.next.id) || "" : "");
    ui.next.href = to(plan.next);
    ui.next.hidden = !plan.next;
    ui.mode.hidden = !mode;
    const way = shown && [snapshot, ...state.book.snapshots.values()].map((one) => [one, one.sections.find(({ track }) => track === "reverse")]).find(([, part]) => part);
    const wayBack = [way ? `${address(way[0].page)}#${way[1].anchor}` : "", " To the reverse track"], lines = [];
    for (const key of shown ? shown.cells.keys() : []) {
      const one = key.startsWith("alarm:") && read(shown, "alarm", key.slice(6));
      if (tripped(one)) lines.push(line("bad", `ALARM ${time(one.entry.at)} ${one.entry.by}: “${wordsOf(shown, one.entry)}”: ${one.value.reason} (${one.value.decider}).`, [`${address(one.entry.page)}#alarm-${one.entry.item}`, " To the alarm"], wayBack));
    }
    if (back) lines.push(line("bad", `Reverse track since ${time(back.entry.at)}: ${back.value.reason} (${back.value.decider}).`, wayBack));
    if (shown && event.t0 !== null && t0 !== null && t0 !== event.t0) lines.push(line("warn", `T-0 has moved: ${full(toMs(t0))} when the run began, now ${full(toMs(event.t0))}.`));
    if (!kept) lines.push(line("warn", "Not kept by this browser: export the run before you close the page."));
    if (plan.skipped.length) lines.push(line("", "", [to(plan.skipped[0]), `${plan.skipped.length} open before here`]));
    const mark = lines.map((one) => one.outerHTML).join("");
    if (ui.mark !== mark) ui.banners.replaceChildren(...lines);
    ui.mark = mark;
  }

  // Paper

  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = all("main details:not([open], .timeline-table)").filter((one) => one !== ui.more);
    for (const one of unfolded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of unfolded) one.open = false;
    blankPrint = false;
    render();
  });
  // Without a network

  const { worker } = body.dataset, service = navigator.serviceWorker;
  if (worker && service && /^http/.test(location.protocol) && !all('script[src^="/_runsheet/"]').length) {
    const built = all(".foot time").find((one) => /^Built at/.test(one.parentNode.textContent));
    const tell = () => service.ready.then(({ active }) => active.postMessage({ zone, offline: !navigator.onLine, of: built ? "built at " + built.textContent : "version " + sheet.version }));
    service.onmessage = ({ data }) => write(ui.offline, data);
    service.register(worker).then(tell).catch(() => write(ui.offline, "Not saved for offline use."));
    for (const name of ["online", "offline"]) addEventListener(name, tell);
  }

  let changes = 0;
  addEventListener("storage", ({ key }) => { if (key === "runsheet:by") initials = ui.initials.value = get(key); if (key === null || key.startsWith(root)) { clearTimeout(changes); changes = setTimeout(refresh); } });
  addEventListener("beforeunload", (leave) => { if (!kept && state) leave.preventDefault(); });
  refresh();
  // In a run at once, not when it is wanted: a later build may take this one's files away.
  if (state || event.t0 === null || all("table.rounds[data-open]").length) share().then(refresh);
  setInterval(render, 60000);
})();
