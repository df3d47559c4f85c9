// Reads the plain tables, filters by the fragment (`#check=privileged&namespace=web&text=nginx`), shows a part
// at a time. All text from files goes through textContent.
"use strict";
(() => {
  const KEYS = ["text", "severity", "check", "namespace", "file"];
  const SEVERITIES = { e: "error", w: "warning", i: "info" };
  const STEP = 200, PRINTED = 2000, SLICE_MS = 40, BAR = 1000;
  const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'", "&#10;": "\n", "&#9;": "\t" };
  const find = (selector) => document.querySelector(selector);
  const findings = [];
  let filter = {}, shown = [], drawn = 0, table = null, pause = 0;

  const form = find("form"), list = find("#list"), more = find("#more"), status = find("[role=status]");
  if (!form) return;

  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    return element;
  };
  const decode = (text) => (text.includes("&") ? text.replace(/&(?:lt|gt|amp|quot|#39|#10|#9);/g, (one) => ENTITIES[one]) : text);
  const grouped = (number) => number.toLocaleString("en");

  // One table of the report: `<tr><th colspan="8">file` lines, each followed by its `<tr class="e"><td>…` lines.
  const read = (text, names) => {
    let file = "";
    const name = (raw) => names.get(raw) ?? (names.set(raw, decode(raw)), names.get(raw));
    for (const line of text.split("\n")) {
      if (line.startsWith('<tr><th colspan="8">')) {
        file = decode(line.slice(20));
      } else if (line.startsWith('<tr class="')) {
        const [, place, check, kind, namespace, object, container, message, fix] = line.split("<td>");
        findings.push({
          severity: SEVERITIES[line[11]], file, place, check: name(check), kind: name(kind), namespace: name(namespace),
          object: name(object), container: name(container), message, fix: name(fix),
        });
      }
    }
  };

  const matches = (one, but) => {
    for (const key of ["severity", "check", "namespace", "file"]) {
      if (key !== but && filter[key] !== undefined && one[key] !== filter[key]) return false;
    }
    return !filter.text || filter.text.toLowerCase().split(/\s+/).every((word) =>
      [one.message, one.object, one.container, one.file, one.check, one.namespace, one.kind].some((field) => field.toLowerCase().includes(word)));
  };

  const fragment = (changes) => {
    const wanted = { ...filter, ...changes };
    return "#" + KEYS.filter((key) => wanted[key] !== undefined).map((key) => key + "=" + encodeURIComponent(wanted[key])).join("&");
  };

  // The rows of a group, or the severities: each counts what it would show under the other filters.
  const count = (key, rows, draw) => {
    const counts = new Map();
    for (const one of findings) {
      if (!matches(one, key)) continue;
      let sum = counts.get(one[key]);
      if (!sum) counts.set(one[key], (sum = { error: 0, warning: 0, info: 0, all: 0 }));
      sum[one.severity]++;
      sum.all++;
    }
    const none = { error: 0, warning: 0, info: 0, all: 0 };
    const sums = rows.map((row) => counts.get(row.dataset.key) ?? none);
    const most = Math.max(1, ...sums.map((sum) => sum.all));
    rows.forEach((row, index) => {
      const own = row.dataset.key, active = filter[key] === own;
      const link = row.matches("a") ? row : row.querySelector("a");
      link.href = fragment({ [key]: active ? undefined : own });
      if (active) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
      row.classList.toggle("none", sums[index].all === 0);
      row.querySelector("b").textContent = grouped(sums[index].all);
      if (draw) bar(row.querySelector("svg"), sums[index], most);
    });
  };
  const bar = (svg, sum, most) => {
    let before = 0;
    ["error", "warning", "info"].forEach((severity, index) => {
      const rect = svg.children[index], from = (before * BAR) / most;
      before += sum[severity];
      rect.setAttribute("x", from);
      rect.setAttribute("width", (before * BAR) / most - from);
    });
  };

  const row = (one) => {
    const line = make("tr", one.severity[0]);
    line.append(make("td", "place", one.place));
    const what = make("td"), check = make("a", "check", one.check);
    check.href = fragment({ check: one.check });
    const [message, ...notes] = decode(one.message).split("\n");
    what.append(check, make("span", "", " " + message), ...notes.map((note) => make("small", "", note)));
    const named = make("td", "object", [one.kind, one.namespace ? one.namespace + "/" + one.object : one.object].join(" "));
    if (one.container) named.append(make("small", "", "container " + one.container));
    const fix = make("td", "fix"), [word, title] = one.fix.split("\n");
    if (word !== "none") fix.append(make("span", word, word));
    if (title) fix.title = title;
    line.append(what, named, fix);
    return line;
  };
  const draw = (upTo) => {
    const parts = document.createDocumentFragment();
    for (const one of shown.slice(drawn, upTo)) {
      if (!table || table.file !== one.file) {
        table = { file: one.file, body: make("tbody") };
        const own = make("table");
        own.append(make("caption", "", one.file), table.body);
        parts.append(own);
      }
      table.body.append(row(one));
    }
    drawn = Math.min(upTo, shown.length);
    list.append(parts);
    more.hidden = drawn >= shown.length;
    more.textContent = "Show more (" + grouped(shown.length - drawn) + " left)";
  };

  const show = () => {
    shown = findings.filter((one) => matches(one));
    for (const group of document.querySelectorAll("table[data-filter]")) {
      count(group.dataset.filter, [...group.tBodies[0].rows], true);
    }
    count("severity", [...document.querySelectorAll(".cards a")], false);
    for (const key of ["severity", "check"]) form[key].value = filter[key] ?? "";
    if (form.text !== document.activeElement) form.text.value = filter.text ?? "";
    const chips = ["namespace", "file"].filter((key) => filter[key] !== undefined).map((key) => {
      const chip = make("a", "", key + " " + (filter[key] || "none given"));
      chip.href = fragment({ [key]: undefined });
      chip.title = "Remove this filter";
      return chip;
    });
    find(".chips").replaceChildren(...chips);
    const all = grouped(findings.length) + (findings.length === 1 ? " finding" : " findings");
    status.textContent = shown.length === findings.length ? all : grouped(shown.length) + " of " + all;
    list.replaceChildren();
    [drawn, table] = [0, null];
    draw(STEP);
  };
  const follow = () => {
    filter = {};
    for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
      if (KEYS.includes(key) && (value || key === "namespace")) filter[key] = value;
    }
    show();
  };
  const go = (changes) => {
    history.replaceState(null, "", fragment(changes));
    follow();
  };

  const start = () => {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => { form.text.blur(); history.replaceState(null, "", "#"); follow(); });
    form.addEventListener("change", (event) => { if (event.target !== form.text) go({ [event.target.name]: event.target.value || undefined }); });
    form.text.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(() => go({ text: form.text.value || undefined }), 150); });
    more.addEventListener("click", () => draw(drawn + STEP));
    new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) draw(drawn + STEP); }, { rootMargin: "600px" }).observe(more);
    window.addEventListener("hashchange", follow);
    window.addEventListener("beforeprint", () => {
      draw(Math.max(drawn, PRINTED));
      if (drawn < shown.length) status.textContent += "; printed are the first " + grouped(drawn) + ", filter to print others";
    });
    follow();
    document.documentElement.dataset.ready = "true";
  };

  const sources = [...document.querySelectorAll("#data noscript")];
  const names = new Map();
  const next = () => {
    const until = performance.now() + SLICE_MS;
    while (sources.length && performance.now() < until) {
      const source = sources.shift();
      read(source.textContent, names);
      source.remove();
    }
    status.textContent = "Reading " + grouped(findings.length) + " findings…";
    if (sources.length) setTimeout(next); else start();
  };
  next();
})();
