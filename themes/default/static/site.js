// Runsheet, default theme. Nothing here is needed to read a page.
(function () {
  "use strict";

  var all = function (selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  };

  function make(name, className, text) {
    var element = document.createElement(name);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  }

  // Copy buttons

  function copyText(text) {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    return new Promise(function (resolve, reject) {
      var area = make("textarea");
      area.value = text;
      area.readOnly = true;
      area.className = "copy";
      document.body.appendChild(area);
      area.select();
      var done = document.execCommand("copy");
      area.remove();
      if (done) resolve();
      else reject(new Error("the browser refused to copy"));
    });
  }

  function addCopyButtons() {
    var blocks = all(".code");
    if (!blocks.length) return;
    var voice = make("p", "spoken");
    voice.setAttribute("role", "status");
    document.body.insertBefore(voice, document.querySelector(".foot"));
    blocks.forEach(function (block) {
      var code = block.querySelector("code");
      if (!code) return;
      var button = make("button", "copy", "Copy");
      button.type = "button";
      var say = function (text) {
        button.textContent = voice.textContent = text;
        setTimeout(function () {
          button.textContent = "Copy";
          voice.textContent = "";
        }, 2500);
      };
      button.addEventListener("click", function () {
        copyText(code.textContent.replace(/\n$/, "")).then(
          function () { say("Copied"); button.focus(); },
          function () { say("Not copied"); button.focus(); }
        );
      });
      block.classList.add("has-copy");
      block.appendChild(button);
    });
  }

  // The sidebar: on phones the browser opens and closes it; here only what it cannot know.

  function tendSidebar() {
    var nav = document.getElementById("SITE-NAV");
    if (!nav) return;
    var current = nav.querySelector("[aria-current]");
    if (current && nav.scrollHeight > nav.clientHeight) {
      nav.scrollTop = current.offsetTop - nav.clientHeight / 2;
    }
    if (!nav.hidePopover) return;
    nav.addEventListener("toggle", function (event) {
      if (event.newState === "open" && current) current.scrollIntoView({ block: "center" });
    });
    matchMedia("(min-width: 60rem)").addEventListener("change", function () {
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
    all("[data-as-of]").forEach(function (status) {
      var seconds = (Date.now() - Date.parse(status.getAttribute("data-as-of"))) / 1000;
      var time = status.querySelector("time");
      if (isNaN(seconds) || !time) return;
      if (!time.hasAttribute("data-text")) time.setAttribute("data-text", time.textContent);
      time.textContent = time.getAttribute("data-text") + " (" + ago(seconds) + ")";
      var limit = Number(status.getAttribute("data-stale-after"));
      var stale = status.querySelector(".status-stale");
      if (stale && limit && seconds > limit) stale.hidden = false;
    });
  }

  // The run sheet: ticks, choices and fields

  function runSheet() {
    var tasks = all("input[data-task]");
    var choices = all(".gate input[type=radio]");
    var blanks = all("input[data-blank]");
    if (!tasks.length && !choices.length && !blanks.length) return;

    var body = document.body;
    var key = "runsheet:" + (body.getAttribute("data-page") || "") + ":" + (body.getAttribute("data-t0") || "");
    var note = document.querySelector("[data-keeps]");
    var clear = document.querySelector("[data-clear]");
    var status = document.querySelector(".progress");
    var bar = null;
    var spokenAt = 0;
    var timer = 0;

    function load() {
      try {
        var kept = JSON.parse(localStorage.getItem(key));
        return kept && typeof kept === "object" ? kept : {};
      } catch (error) {
        return {};
      }
    }

    function write(text) {
      try {
        if (text === null) localStorage.removeItem(key);
        else localStorage.setItem(key, text);
        return true;
      } catch (error) {
        return false;
      }
    }

    function tellKeeping(kept) {
      if (!note) return;
      note.textContent = kept ? "Ticks and fields are kept in this browser only." : "This browser does not keep ticks.";
      note.hidden = false;
    }

    function canKeep() {
      try {
        localStorage.setItem("runsheet:?", "1");
        localStorage.removeItem("runsheet:?");
        return true;
      } catch (error) {
        return false;
      }
    }

    function show(kept) {
      var ticks = kept.tasks || {}, chosen = kept.choices || {}, fields = kept.fields || {};
      tasks.forEach(function (task) {
        var tick = ticks[task.getAttribute("data-task")];
        task.checked = tick === undefined ? task.defaultChecked : tick === 1;
      });
      choices.forEach(function (choice) {
        var value = chosen[choice.name];
        choice.checked = value === undefined ? choice.defaultChecked : value === choice.value;
      });
      blanks.forEach(function (blank) {
        var value = fields[blank.getAttribute("data-blank")];
        blank.value = value === undefined ? blank.defaultValue : value;
        blank.classList.toggle("filled", blank.value !== "");
      });
      tellProgress();
    }

    // Keeps what differs from the page as published, and what the page does not show at the moment.
    function save() {
      var kept = load();
      var put = function (kind, name, differs, value) {
        kept[kind] = kept[kind] || {};
        if (differs) kept[kind][name] = value;
        else delete kept[kind][name];
      };
      tasks.forEach(function (task) {
        put("tasks", task.getAttribute("data-task"), task.checked !== task.defaultChecked, task.checked ? 1 : 0);
      });
      choices.forEach(function (choice) {
        if (choice.checked) put("choices", choice.name, !choice.defaultChecked, choice.value);
      });
      blanks.forEach(function (blank) {
        blank.classList.toggle("filled", blank.value !== "");
        put("fields", blank.getAttribute("data-blank"), blank.value !== blank.defaultValue, blank.value);
      });
      if (!write(JSON.stringify(kept))) tellKeeping(false);
    }

    // At most once a second, so that a screen reader can keep up.
    function tellProgress() {
      if (!status || !tasks.length || timer) return;
      timer = setTimeout(function () {
        timer = 0;
        spokenAt = Date.now();
        var done = tasks.filter(function (task) { return task.checked; }).length;
        status.textContent = done + " of " + tasks.length + " done";
        if (bar) bar.value = done;
      }, Math.max(0, spokenAt + 1000 - Date.now()));
    }

    if (status && tasks.length) {
      var line = make("div", "progress-line");
      var box = status.closest(".keeping");
      box.parentNode.insertBefore(line, box);
      bar = make("progress");
      bar.max = tasks.length;
      bar.value = 0;
      bar.setAttribute("aria-hidden", "true");
      line.appendChild(status);
      line.appendChild(bar);
    }

    var keeps = canKeep();
    tellKeeping(keeps);
    show(load());

    document.addEventListener("input", function (event) {
      var target = event.target;
      if (tasks.indexOf(target) + choices.indexOf(target) + blanks.indexOf(target) === -3) return;
      save();
      tellProgress();
    });

    // The same sheet in another tab of this browser.
    window.addEventListener("storage", function (event) {
      if (event.key === key || event.key === null) show(load());
    });

    if (clear) {
      clear.hidden = false;
      clear.addEventListener("click", function () {
        if (!confirm("Clear all ticks, choices and fields of this sheet in this browser?")) return;
        if (!write(null)) tellKeeping(false);
        show({});
      });
    }
  }

  addCopyButtons();
  tendSidebar();
  tellAge();
  setInterval(tellAge, 60000);
  runSheet();
})();
