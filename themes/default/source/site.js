// Every page. Nothing here is needed to read one.
import { all, button, make, phrase, status } from "./elements.js";

// Copy buttons

function copyText(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  return new Promise((resolve, reject) => {
    const area = make("textarea.copy", [], { value: text, readOnly: true });
    document.body.append(area);
    area.select();
    if (document.execCommand("copy")) resolve();
    else reject();
    area.remove();
  });
}

/** What is copied of a session at a prompt: the commands, without prompts and output. */
function commands(code) {
  if (!all(".p", code).length) return code.textContent;
  const copy = code.cloneNode(true);
  for (const other of all(".p, .o", copy)) other.remove();
  return copy.textContent.replace(/\n+/g, "\n").trim();
}

function addCopyButton(block, voice) {
  const [code] = all("code", block);
  if (!code) return;
  const say = (text, more = text) => {
    press.textContent = text;
    voice.textContent = more;
    setTimeout(() => {
      press.textContent = "%%frame.copy%%";
      voice.textContent = "";
    }, 2500);
  };
  const press = button("%%frame.copy%%", () => {
    const copy = { code, text: commands(code) };
    // A run fills values in, or says in `refusal` what is missing.
    block.dispatchEvent(new CustomEvent("runsheet:copy", { bubbles: true, detail: copy }));
    if (copy.refusal) say("%%frame.not_copied%%", copy.refusal);
    else copyText(copy.text.replace(/\n$/, "")).then(() => say("%%frame.copied%%"), () => say("%%frame.not_copied%%")).then(() => press.focus());
  }, "copy");
  block.classList.add("has-copy");
  block.append(press);
}

function addCopyButtons() {
  const blocks = all(".code"), voice = status("spoken");
  if (blocks.length) (all(".foot")[0] || document.body.lastChild).before(voice);
  for (const block of blocks) addCopyButton(block, voice);
}

// The sidebar: on phones the browser opens and closes it; here only what it cannot know.

function tendSidebar() {
  const [nav] = all("#SITE-NAV");
  if (!nav) return;
  const [current] = all("[aria-current]", nav);
  // What asks for places waits for the first frame, so that the page is laid out only once.
  if (current) requestAnimationFrame(() => (nav.scrollTop = current.offsetTop - nav.clientHeight / 2));
  if (!nav.hidePopover) return;
  nav.addEventListener("toggle", ({ newState }) => {
    if (newState === "open") current?.scrollIntoView({ block: "center" });
  });
  matchMedia("(min-width: 60rem)").addEventListener("change", () => {
    if (nav.matches(":popover-open")) nav.hidePopover();
  });
}

// The contents follow the scrolling: the last heading that has come up to the upper third of the window is marked.

function followScroll() {
  const links = all(".toc a"), heads = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
  let current, asked;
  const mark = () => {
    asked = 0;
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const next = links[atEnd ? links.length - 1 : heads.findLastIndex((head) => head?.getBoundingClientRect().top < innerHeight / 3)];
    if (next === current) return;
    current?.removeAttribute("aria-current");
    next?.setAttribute("aria-current", "true");
    current = next;
    const [toc] = all(".toc");
    if (next) toc.scrollTop = next.offsetTop - toc.clientHeight / 2;
  };
  const follow = () => (asked ||= requestAnimationFrame(mark));
  addEventListener("scroll", follow, { passive: true });
  follow();
}

// How old the status is

function ago(seconds) {
  if (seconds < 60) return "%%frame.just_now%%";
  if (seconds < 3600) return phrase("%%frame.minutes_ago count%%", Math.floor(seconds / 60));
  if (seconds < 172800) return phrase("%%frame.hours_ago count%%", Math.floor(seconds / 3600));
  return phrase("%%frame.days_ago count%%", Math.floor(seconds / 86400));
}

function tellAge() {
  for (const status of all("[data-as-of]")) {
    const seconds = (Date.now() - Date.parse(status.dataset.asOf)) / 1000, limit = Number(status.dataset.staleAfter);
    const [time] = all("time", status), [stale] = all(".status-stale", status);
    if (!time) continue;
    time.dataset.text ??= time.textContent;
    time.textContent = `${time.dataset.text} (${ago(seconds)})`;
    if (stale && limit && seconds > limit) stale.hidden = false;
  }
}

// The search: its script is loaded when it is first opened, and sees to the button from then on.

function addSearch() {
  const [press] = all("[data-search]");
  if (!press) return;
  press.hidden = false;
  press.onclick = () => {
    const onerror = () => press.replaceWith(make("p.search-fault", "%%frame.search_failed%%", { role: "alert" }));
    press.onclick = null;
    document.head.append(make("script", [], { src: press.dataset.search, onerror }));
  };
  document.addEventListener("keydown", (pressed) => {
    const { key, target, altKey } = pressed, field = "input:not([type=checkbox], [type=radio]), textarea, select";
    if (pressed.ctrlKey || pressed.metaKey ? key !== "k" : key !== "/" || target.matches(field)) return;
    if (altKey || all("dialog[open]")[0]) return;
    pressed.preventDefault();
    press.click();
  });
}

addCopyButtons();
addSearch();
tendSidebar();
followScroll();
tellAge();
setInterval(tellAge, 60000);
