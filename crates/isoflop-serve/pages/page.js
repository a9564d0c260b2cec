"use strict";
(() => {
  const { make, size, nameRuns, budgetPanel } = Isoflop;
  const field = (id) => document.getElementById(id);
  const say = (id, text) => { field(id).textContent = text; };

  // A sentence of the program in pieces: what stands between two backticks is code, and a backtick
  // without a second one stays.
  const pieces = (text) => text.split(/`([^`]*)`/).map((piece, k) => (k % 2 ? make("code", piece) : piece));
  const sentence = (name, text, className = "") => {
    const box = make(name);
    if (className) box.className = className;
    box.append(...pieces(text));
    return box;
  };
  const explain = (id, text) => field(id).replaceChildren(...pieces(text));

  // The token comes behind `#`, which no server sees, and leaves the address at once. It is kept
  // for this tab and this port only.
  const KEY = "isoflop-token";
  const given = /^#token=([0-9a-f]{64})$/.exec(location.hash);
  if (given) {
    sessionStorage.setItem(KEY, given[1]);
    history.replaceState(null, "", location.pathname);
  }
  const token = sessionStorage.getItem(KEY) || "";

  const ask = async (path, query, options = {}) => {
    const words = query ? "?" + new URLSearchParams(query) : "";
    const headers = { Authorization: "Bearer " + token, ...options.headers };
    const response = await fetch("/api/" + path + words, { ...options, headers });
    if (response.ok) {
      if (response.headers.get("Content-Type") !== "application/json") return response;
      const said = await response.json();
      if (said.no) throw new Error(said.no);
      return said;
    }
    const { error } = await response.json().catch(() => ({ error: "the program gave no reason" }));
    throw Object.assign(new Error(error), { status: response.status });
  };

  // What is asked of the fit, and the budget it is asked for.
  let version = "", rows = [], fit = null, budget = null;
  const leftOut = new Set();
  const keyOf = (row) => JSON.stringify(row.slice(1));
  const choice = () => ({
    version,
    law: field("law").value,
    level: field("level").value,
    without: rows.filter((row) => leftOut.has(keyOf(row))).map((row) => row[0]).join(","),
  });
  const aimed = () => ({ ...choice(), flops: budget.flops.toExponential(6) });

  const trouble = (error) => {
    field("problem").hidden = !error;
    explain("problem", error ? error.message : "");
  };
  const percent = (share, digits = 1) => (share * 100).toFixed(digits) + " %";
  const loss = (x) => (x === null || x === undefined ? "" : x.toFixed(4));
  const number = (x) => {
    if (x === null || x === undefined) return "";
    const far = x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5);
    return far ? x.toExponential(3) : String(+x.toPrecision(4));
  };
  const interval = (lo, hi) => (lo === null || lo === undefined ? "" : loss(lo) + " to " + loss(hi));

  // A row of a table; the first cell names it.
  const line = (cells) => {
    const row = make("tr");
    cells.forEach((cell, k) => {
      const box = make(k === 0 ? "th" : "td");
      if (k === 0) box.scope = "row";
      if (cell instanceof Node) box.append(cell);
      else if (k === 0) box.append(make("bdi", cell));
      else box.textContent = cell;
      row.append(box);
    });
    return row;
  };
  const fill = (id, lines) => field(id).replaceChildren(...lines);
  const facts = (id, pairs) => fill(id, pairs.map(([name, value]) => {
    const pair = make("div");
    pair.append(make("dt", name), make("dd", value));
    return pair;
  }));
  const words = (row, ...columns) => {
    for (const k of columns) row.children[k].className = "words";
    return row;
  };

  // Files: the token is in a header, so a plain link will not do.
  const keep = async (name, path, query) => {
    const link = make("a");
    link.href = URL.createObjectURL(await (await ask(path, query)).blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };
  const onClick = (button, work) => button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await work();
      trouble(null);
    } catch (error) { trouble(error); }
    button.disabled = false;
  });

  // A figure from what the program drew: parsed as a picture, never as HTML.
  const show = (box, drawn, query) => {
    const picture = new DOMParser().parseFromString(drawn.svg, "image/svg+xml").documentElement;
    const svg = document.importNode(picture, true);
    const scroll = make("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", drawn.title);
    scroll.append(svg);
    const hint = make("p", "The figure scrolls sideways.");
    hint.className = "hint";
    box.classList.toggle("wide", ["kaplan", "posterior"].includes(drawn.name));
    box.replaceChildren(hint, scroll, sentence("figcaption", drawn.description));
    if (drawn.spots.length > 0) nameRuns(svg, drawn.spots, scroll);
    if (!query) return;
    const get = make("div");
    get.className = "get";
    for (const kind of ["svg", "png", "csv"]) {
      const button = make("button", "Save " + drawn.name + "." + kind);
      button.type = "button";
      onClick(button, () => keep(drawn.name + "." + kind, "figure", { ...query, name: drawn.name, kind }));
      get.append(button);
    }
    box.append(get);
  };
  const load = async (box, name, query) => {
    try {
      show(box, await ask("figure", { ...query, name, kind: "json" }), query);
    } catch (error) {
      if (error.status === 409) throw error;
      box.replaceChildren(sentence("p", name + ": " + error.message, "why"));
    }
  };

  // Parts of the page: one is shown, the address says which.
  const PARTS = ["answer", "runs", "fit", "figures", "diagnose", "forecasts"];
  const part = () => (PARTS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "answer");
  const turn = () => {
    for (const name of PARTS) {
      field("part-" + name).hidden = name !== part();
      const link = document.querySelector(`nav a[href="#${name}"]`);
      if (name === part()) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    fillPart();
  };

  // What a part shows is fetched when it is looked at, and again when the question has changed.
  const filled = {};
  let filling = 0;
  const fillPart = async () => {
    const now = part();
    if (now === "runs") curves();
    if (now === "forecasts") forecasts();
    if (!fit || !budget) return;
    const question = JSON.stringify(aimed());
    if (filled[now] === question) return;
    filled[now] = question;
    const turnOf = ++filling;
    try {
      if (now === "answer") {
        await plans();
        await load(field("live-forecast"), "forecast", aimed());
        await load(field("live-schools"), "schools", aimed());
      }
      if (now === "fit") {
        const { how_sure } = await ask("sure", choice());
        fill("how-sure", how_sure.map((text) => sentence("p", text)));
      }
      if (now === "figures") await gallery(turnOf);
    } catch (error) {
      filled[now] = "";
      if (error.status !== 409) trouble(error);
    }
  };

  const plans = async () => {
    const plan = await ask("plan", aimed());
    fill("plans", plan.plans.map((one) => line([
      one.rule, size(one.params), size(one.tokens), number(+(one.tokens / one.params).toPrecision(3)),
      one.loss === null ? "N counted otherwise" : loss(one.loss), interval(one.lo, one.hi),
      "×" + one.params_times_ten.toFixed(2),
    ])));
    const flat = plan.valley && `Any N from ${size(plan.valley.params_lo)} to ${size(plan.valley.params_hi)} is within ${percent(plan.valley.tolerance)} of the best loss.`;
    const more = plan.warnings.filter((text) => text.startsWith("the ")).map((text) => " T" + text.slice(1) + ".");
    explain("plans-note", (flat ?? "") + more.join(""));
  };

  const gallery = async (turnOf) => {
    const query = aimed();
    for (const [name] of figures) {
      let box = field("figure-" + name);
      if (!box) {
        box = make("figure");
        box.id = "figure-" + name;
        field("all-figures").append(box);
      }
      if (turnOf !== filling) {
        filled.figures = "";
        return;
      }
      await load(box, name, query);
    }
  };

  // The fit.
  let asking = 0;
  const refit = async () => {
    const turnOf = ++asking;
    field("main").classList.add("working");
    try {
      const found = await ask("fit", choice());
      if (turnOf !== asking) return;
      trouble(null);
      tell(found);
    } catch (error) {
      if (turnOf === asking && error.status !== 409) {
        fit = null;
        trouble(error);
      }
    }
    if (turnOf === asking) field("main").classList.remove("working");
  };

  const tell = (found) => {
    const first = !fit;
    fit = found;
    say("interval-name", percent(found.level, 0) + " interval");
    say("formula", found.formula);
    fill("parameters", found.parameters.map(([name, value, lo, hi, unit]) =>
      words(line([name, number(value), number(lo), number(hi), unit]), 4)));
    say("law-of-forecast", `The forecast is by law ${found.law}, fitted to ${found.n_used} rows.`);
    facts("diagnostics", found.diagnostics);
    facts("conventions", found.conventions);
    fill("warnings", found.warnings.map((text) => {
      const warning = sentence("p", text, "warning");
      warning.prepend(make("strong", "Warning: "));
      return warning;
    }));
    panel.load(found.explorer, first || !budget ? null : budget.flops);
  };

  let settling;
  const panel = budgetPanel((moved) => {
    budget = moved;
    const exact = (x) => String(+x.toPrecision(4));
    field("seal-params").value = exact(moved.params);
    field("seal-tokens").value = exact(moved.tokens);
    clearTimeout(settling);
    settling = setTimeout(fillPart, 200);
  });

  // The runs.
  const runs = async () => {
    const table = await ask("runs");
    version = table.version;
    rows = table.used;
    const known = new Set(rows.map(keyOf));
    for (const key of leftOut) if (!known.has(key)) leftOut.delete(key);
    say("n-used", table.n_used);
    say("n-not-used", table.n_not_used);
    const cut = table.n_used > rows.length ? `The first ${rows.length} of ${table.n_used} are listed; the CSV has all.` : "";
    say("used-note", cut);
    fill("not-used", table.not_used.map(([run, reason]) => words(line([run, sentence("bdi", reason)]), 1)));
    fill("notes", table.notes.map((note) => sentence("li", note)));
    list();
  };

  const list = () => {
    const wanted = field("filter").value.toLowerCase();
    fill("used", rows.filter((row) => row[1].toLowerCase().includes(wanted)).map((row) => {
      const box = make("input");
      box.type = "checkbox";
      box.checked = !leftOut.has(keyOf(row));
      box.setAttribute("aria-label", "Use " + row[1]);
      box.addEventListener("change", () => {
        if (box.checked) leftOut.delete(keyOf(row));
        else leftOut.add(keyOf(row));
        chosen();
      });
      const shown = line([row[1], ...row.slice(2, 5), loss(row[5])]);
      const use = make("td");
      use.append(box);
      shown.prepend(use);
      return shown;
    }));
  };

  const chosen = () => {
    const count = rows.filter((row) => leftOut.has(keyOf(row))).length;
    say("left-out", count ? `${count} of ${rows.length} runs left out by hand` : "");
    refit();
  };

  // A sweep in progress.
  const duration = (seconds) => {
    if (seconds < 100) return seconds.toFixed(0) + " s";
    if (seconds < 6000) return (seconds / 60).toFixed(0) + " min";
    return seconds < 360000 ? (seconds / 3600).toFixed(1) + " h" : (seconds / 86400).toFixed(1) + " days";
  };
  const sweep = (now) => {
    field("sweep").hidden = !now;
    if (!now) return "";
    const { counts, total, open } = now;
    const parts = [`${counts.finished} of ${total} finished`];
    for (const [what, name] of [["active", "running"], ["planned", "waiting"], ["diverged", "diverged"], ["failed", "failed"], ["cancelled", "cancelled"]])
      if (counts[what] > 0) parts.push(`${counts[what]} ${name}`);
    if (now.remaining_secs !== null && open > 0) parts.push(`about ${duration(now.remaining_secs)} left`);
    if (!now.running && open > 0) parts.push("nobody runs it now");
    const told = `Sweep ${now.name}: ${parts.join(", ")}`;
    say("sweep-line", told + ".");
    field("sweep-bar").value = total > 0 ? (total - open) / total : 0;
    fill("sweep-notes", now.notes.map((note) => sentence("li", note)));
    fill("sweep-runs", now.runs.map((run) => words(line([run.name, run.state, run.attempts, loss(run.loss), sentence("bdi", run.reason || "")]), 4)));
    return told + "; ";
  };

  let drawnCurves = "", drawing = false;
  const curves = async (mark = version) => {
    if (drawing || mark === drawnCurves) return;
    drawing = true;
    try {
      show(field("live-curves"), await ask("curves"));
    } catch { field("live-curves").replaceChildren(); }
    drawnCurves = mark;
    drawing = false;
  };

  // Every few seconds: has anything changed?
  let ticks = 0;
  const look = async () => {
    try {
      const now = await ask("state");
      const told = sweep(now.sweep);
      if (now.problem) explain("state", told + now.problem);
      else {
        say("state", `${told}${now.used} rows in the fit, ${now.not_used} not used.`);
        if (now.version !== version) {
          await runs();
          await refit();
        }
      }
      ticks += 1;
      if (now.sweep && now.sweep.running && part() === "runs") curves("tick " + Math.floor(ticks / 2));
    } catch (error) {
      explain("state", error.status ? error.message : "The program behind this page has ended: start `isoflop serve` again.");
      if (!error.status || error.status === 401) return false;
    }
    return true;
  };
  const watch = async () => {
    const goes = document.hidden || await look();
    if (goes) setTimeout(watch, 2000);
  };

  // Diagnosis.
  const VERDICTS = {
    "over-parameterised": "over-parameterised and under-trained",
    "balanced": "balanced",
    "over-trained": "over-trained: small for its compute",
  };
  // Quantities down, models across: four columns fit on a telephone.
  const diagnosed = (models) => {
    const table = make("table"), head = make("thead"), names = make("tr"), body = make("tbody");
    for (const name of ["Model", ...models.map(([name]) => name)]) {
      const cell = make("th", name);
      cell.scope = "col";
      names.append(cell);
    }
    names.firstChild.className = "words";
    head.append(names);
    const rows = [
      ["N", (at) => size(at.params)],
      ["D", (at) => size(at.tokens)],
      ["D/N", (at) => number(+(at.tokens / at.params).toPrecision(3))],
      ["C (FLOPs)", (at) => at.flops.toExponential(2)],
      ["Loss", (at) => loss(at.loss)],
    ];
    body.append(...rows.map(([name, of]) => line([name, ...models.map(([, at]) => of(at))])));
    table.className = "few";
    table.append(head, body);
    return table;
  };
  field("diagnose-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const model = { model: field("model").value, params: field("model-params").value, tokens: field("model-tokens").value };
    try {
      const { diagnosis, extrapolation, source, law } = await ask("diagnose", { ...choice(), ...model });
      const verdict = make("p", `${size(diagnosis.model.params)} parameters on ${size(diagnosis.model.tokens)} tokens: ${VERDICTS[diagnosis.verdict]}.`);
      verdict.className = "verdict";
      const table = diagnosed([["This model", diagnosis.model], ["Best for its compute", diagnosis.optimal], ["Cheapest of its loss", diagnosis.same_loss]]);
      const reach = extrapolation > 1 ? `${number(extrapolation)} times the largest run: beyond what these runs show` : "within the runs";
      const told = [`The same loss needed ${percent(diagnosis.wasted_flops_fraction)} less compute. By law ${law}; this model's compute is ${reach}.`];
      if (source) told.push(`N and D of this model: ${source}.`);
      fill("diagnosis", [verdict, table, ...told.map((text) => sentence("p", text))]);
      field("diagnosis").hidden = false;
      trouble(null);
    } catch (error) { trouble(error); }
  });

  // Forecasts on record.
  const forecasts = async () => {
    try {
      const record = await ask("forecasts");
      fill("forecasts", record.forecasts.map((one) => words(line([
        one.name, one.sealed_at.slice(0, 16).replace("T", " "), one.law, size(one.said.params), size(one.said.tokens), loss(one.said.loss),
        interval(one.said.lo, one.said.hi), one.actual === null ? "awaited" : loss(one.actual),
        one.relative_error === null ? "" : percent(one.relative_error, 2) + (one.inside ? ", held" : ", missed"), one.hash.slice(0, 12),
      ]), 2, 9)));
      const track = record.track_record;
      say("track-record", record.forecasts.length === 0 ? "No forecast is on record yet."
        : `${track.n_scored} of ${track.n_forecasts} scored` + (track.coverage === null ? "." : `; ${percent(track.coverage, 0)} of the intervals held.`));
    } catch (error) { trouble(error); }
  };
  field("seal-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { ...choice(), level: Number(field("level").value), name: field("seal-name").value, params: field("seal-params").value, tokens: field("seal-tokens").value };
    try {
      const sealed = await ask("forecasts", null, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      say("sealed", `Sealed as ${sealed.hash}`);
      field("seal-name").value = "";
      trouble(null);
      forecasts();
    } catch (error) { trouble(error); }
  });

  // Controls.
  const options = (id, pairs) => field(id).append(...pairs.map(([value, text]) => {
    const option = make("option", text);
    option.value = value;
    return option;
  }));
  let figures = [];
  const start = async () => {
    try {
      const about = await ask("about");
      say("source", about.source);
      document.title = about.source + " · isoflop";
      say("program", "Written by " + about.program + ".");
      figures = about.figures;
      options("law", [["auto", "auto: what forecasts best"], ...about.laws.map(([name, title]) => [name, `${name}: ${title}`])]);
      options("device", [["", "other"], ...about.accelerators.map(([name, peak]) => [peak, name])]);
      field("law").value = about.law;
      field("device").value = "989";
      options("model", about.models.map((name) => [name, name]));
      field("seal-form").hidden = !about.can_seal;
    } catch (error) {
      say("state", "");
      trouble(error);
      return;
    }
    turn();
    watch();
  };
  field("law").addEventListener("change", refit);
  field("level").addEventListener("change", refit);
  field("filter").addEventListener("input", list);
  field("use-all").addEventListener("click", () => {
    leftOut.clear();
    list();
    chosen();
  });
  field("device").addEventListener("change", () => {
    if (!field("device").value) return;
    field("budget-peak").value = field("device").value;
    field("budget-peak").dispatchEvent(new Event("input"));
  });
  onClick(field("get-report"), () => keep("report.html", "report", aimed()));
  onClick(field("get-runs"), () => keep("runs.csv", "runs.csv"));
  window.addEventListener("hashchange", turn);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  start();
})();
