// Runsheet, default theme. Nothing here is needed to read a page.
(function () {
  "use strict";

  const all = (selector) => [...document.querySelectorAll(selector)];

  function make(name, className, text) {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  }

  // Copy buttons

  function copyText(text) {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    return new Promise((resolve, reject) => {
      const area = make("textarea");
      area.value = text;
      area.readOnly = true;
      area.className = "copy";
      document.body.appendChild(area);
      area.select();
      if (document.execCommand("copy")) resolve();
      else reject();
      area.remove();
    });
  }

  function addCopyButtons() {
    const blocks = all(".code");
    if (!blocks.length) return;
    const voice = make("p", "spoken");
    voice.role = "status";
    document.body.insertBefore(voice, document.querySelector(".foot"));
    blocks.forEach((block) => {
      const code = block.querySelector("code");
      if (!code) return;
      const button = make("button", "copy", "Copy");
      button.type = "button";
      const say = (text, more) => {
        button.textContent = text;
        voice.textContent = more || text;
        setTimeout(() => {
          button.textContent = "Copy";
          voice.textContent = "";
        }, 2500);
      };
      button.addEventListener("click", () => {
        // A run sheet fills values in, or says what is missing.
        const copy = { code, text: code.textContent, refusal: "" };
        block.dispatchEvent(new CustomEvent("runsheet:copy", { bubbles: true, detail: copy }));
        if (copy.refusal) return say("Not copied", copy.refusal);
        Promise.resolve(copy.text).then((text) => copyText(text.replace(/\n$/, ""))).then(() => say("Copied"), () => say("Not copied")).then(() => button.focus());
      });
      block.classList.add("has-copy");
      block.appendChild(button);
    });
  }

  // The sidebar: on phones the browser opens and closes it; here only what it cannot know.

  function tendSidebar() {
    const nav = document.getElementById("SITE-NAV");
    if (!nav) return;
    const current = nav.querySelector("[aria-current]");
    if (current && nav.scrollHeight > nav.clientHeight) {
      nav.scrollTop = current.offsetTop - nav.clientHeight / 2;
    }
    if (!nav.hidePopover) return;
    nav.addEventListener("toggle", (event) => {
      if (event.newState === "open" && current) current.scrollIntoView({ block: "center" });
    });
    matchMedia("(min-width: 60rem)").addEventListener("change", () => {
      if (nav.matches(":popover-open")) nav.hidePopover();
    });
  }

  // How old the status is

  function ago(seconds) {
    if (seconds < 60) return "just now";
    if (seconds < 3600) return Math.floor(seconds / 60) + " min ago";
    if (seconds < 172800) return Math.floor(seconds / 3600) + " h ago";
    return Math.floor(seconds / 86400) + " d ago";
  }

  function tellAge() {
    all("[data-as-of]").forEach((status) => {
      const seconds = (Date.now() - Date.parse(status.dataset.asOf)) / 1000;
      const time = status.querySelector("time");
      if (isNaN(seconds) || !time) return;
      time.dataset.text ??= time.textContent;
      time.textContent = time.dataset.text + " (" + ago(seconds) + ")";
      const limit = Number(status.dataset.staleAfter);
      const stale = status.querySelector(".status-stale");
      if (stale && limit && seconds > limit) stale.hidden = false;
    });
  }

  addCopyButtons();
  tendSidebar();
  tellAge();
  setInterval(tellAge, 60000);
})();
