"use strict";
// What the report and the local page share: figures that name their runs, and the budget control.
const Isoflop = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  const make = (name, text) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const size = (x) => {
    if (x === null || !isFinite(x)) return "";
    for (const [scale, suffix] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]])
      if (x >= scale * 0.9995 && x < 1e15) return +(x / scale).toPrecision(3) + suffix;
    return x < 1e3 ? String(+x.toPrecision(3)) : x.toExponential(2);
  };

  // Runs say which they are: under the pointer, or step by step with the keyboard. A spot is
  // [x, y, text] in units of the picture.
  const nameRuns = (svg, spots, after) => {
    spots.sort((a, b) => a[0] - b[0]);
    const ring = document.createElementNS(SVG, "circle");
    for (const [name, value] of [["r", 32], ["fill", "none"], ["stroke", "#D55E00"], ["stroke-width", 8], ["visibility", "hidden"]])
      ring.setAttribute(name, value);
    svg.append(ring);
    const line = make("div");
    line.className = "step";
    const readout = make("output", "Point at a run, or step through the runs.");
    let at = -1;
    const show = (k) => {
      at = k;
      ring.setAttribute("visibility", k < 0 ? "hidden" : "visible");
      if (k < 0) return;
      ring.setAttribute("cx", spots[k][0]);
      ring.setAttribute("cy", spots[k][1]);
      readout.textContent = spots[k][2];
    };
    for (const [label, step] of [["‹ Run", -1], ["Run ›", 1]]) {
      const button = make("button", label);
      button.type = "button";
      button.setAttribute("aria-label", step < 0 ? "Previous run" : "Next run");
      button.addEventListener("click", () => show((at + step + spots.length) % spots.length));
      line.append(button);
    }
    line.append(readout);
    after.after(line);
    svg.addEventListener("pointermove", (event) => {
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let best = -1, least = 70 * 70;
      for (let k = 0; k < spots.length; k++) {
        const far = (spots[k][0] - place.x) ** 2 + (spots[k][1] - place.y) ** 2;
        if (far < least) [least, best] = [far, k];
      }
      if (best >= 0) show(best);
    });
    svg.addEventListener("pointerleave", () => show(-1));
  };

  // The budget control: what the fit says for each budget, read between computed values.
  const budgetPanel = (moved) => {
    const field = (id) => document.getElementById(id);
    const say = (id, text) => { field(id).textContent = text; };
    const slider = field("budget"), flops = field("budget-flops");
    let explorer, points, first, last;

    const between = (x, column) => {
      let k = 1;
      while (k < points.length - 1 && Math.log(points[k][0]) < x) k++;
      const [a, b] = [points[k - 1], points[k]];
      if (a[column] === null || b[column] === null) return null;
      const from = Math.log(a[0]), share = (x - from) / (Math.log(b[0]) - from);
      return Math.exp(Math.log(a[column]) + share * (Math.log(b[column]) - Math.log(a[column])));
    };

    const compare = (c) => {
      const body = field("schools-body");
      body.replaceChildren();
      for (const [name, anchor, at, exponent] of explorer.schools) {
        const school = anchor * Math.pow(c / at, exponent);
        const row = make("tr"), head = make("th", name);
        head.scope = "row";
        row.append(head, make("td", size(school)), make("td", size(c / 6 / school)));
        body.append(row);
      }
    };

    const update = (x) => {
      const c = Math.exp(x), n = between(x, 1), d = between(x, 2);
      say("out-params", size(n));
      const low = between(x, 6), high = between(x, 7);
      say("out-params-interval", low === null ? "" : size(low) + " to " + size(high));
      say("out-tokens", size(d));
      say("out-ratio", (d / n).toFixed(1) + " tokens per parameter");
      say("out-loss", between(x, 3).toFixed(4));
      say("out-interval", between(x, 4).toFixed(4) + " to " + between(x, 5).toFixed(4));
      const reach = c / explorer.largest;
      say("out-reach", reach > 1 ? reach.toFixed(1) + " times the largest run" : "within the runs");
      compare(c);
      slider.setAttribute("aria-valuetext", c.toExponential(2) + " FLOPs");
      if (moved) moved({ flops: c, params: n, tokens: d });
    };

    const set = (x, source) => {
      const inside = Math.min(last, Math.max(first, x));
      if (source !== slider) slider.value = (inside - first) / (last - first) * 1000;
      if (source !== flops) flops.value = Math.exp(inside).toExponential(3);
      say("budget-note", Math.abs(inside - x) > 1e-6 ? "Beyond what is computed here: the nearest budget is shown." : "");
      update(inside);
    };

    slider.addEventListener("input", () => set(first + slider.value / 1000 * (last - first), slider));
    flops.addEventListener("input", () => {
      const value = Number(flops.value);
      if (value > 0 && isFinite(value)) set(Math.log(value), flops);
    });
    const hardware = ["gpus", "peak", "days", "mfu"].map((id) => field("budget-" + id));
    for (const input of hardware) input.addEventListener("input", () => {
      const [gpus, peak, days, mfu] = hardware.map((one) => Number(one.value));
      const value = gpus * peak * 1e12 * days * 86400 * mfu;
      if (value > 0 && isFinite(value)) set(Math.log(value), input);
    });

    return {
      // Starts with this budget, or with the target of the fit.
      load(next, budget) {
        explorer = next;
        points = next.points;
        first = Math.log(points[0][0]);
        last = Math.log(points[points.length - 1][0]);
        set(Math.log(budget || next.target), null);
      },
    };
  };

  return { make, size, nameRuns, budgetPanel };
})();
