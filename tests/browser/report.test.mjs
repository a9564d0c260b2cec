import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { cutOff, folder, isoflop, launch, shots, violations, watched } from "./browser.mjs";
import { HOSTILE, loss, runs } from "./runs.mjs";

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser.close(); });

const open = async (file, options) => {
  const { page, seen } = await watched(browser, "file:", options);
  const began = performance.now();
  await page.goto(pathToFileURL(file).href);
  return { page, seen, took: performance.now() - began };
};

test("hostile run names are shown literally, run nothing and load nothing", async () => {
  const here = folder();
  const [csv, html] = [join(here, "runs.csv"), join(here, "report.html")];
  runs(csv, 56, (k) => `${HOSTILE[k % HOSTILE.length]} ${k}`);
  isoflop("report", csv, "--law", "chinchilla", "--title", HOSTILE[0], "-o", html);
  const { page, seen } = await open(html, { viewport: { width: 1280, height: 900 } });
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  const text = await page.evaluate(() => document.body.textContent);
  for (const name of HOSTILE.slice(0, 11)) assert.ok(text.includes(name), `literal ${name}`);
  assert.ok(text.includes("\\u202egnp.exe") && text.includes("\\x1b[31mred"));
  assert.equal(await page.title(), HOSTILE[0]);
  // Every run can be stepped to, and is read out as text.
  const figure = page.locator("figure[data-figure=contours]");
  for (let k = 0; k < 20; k++) await figure.getByRole("button", { name: "Next run" }).click();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual(seen.said, []);
  assert.deepEqual(seen.asked, []);
});

test("the page answers without a server: budget, hardware, runs, data", async () => {
  const here = folder();
  const [csv, html] = [join(here, "runs.csv"), join(here, "report.html")];
  runs(csv, 72, (k) => `run ${k}`);
  isoflop("report", csv, "--law", "chinchilla", "-o", html);
  const { page, seen } = await open(html, { viewport: { width: 1280, height: 900 } });
  const out = (id) => page.locator(`#${id}`).textContent();
  const start = await out("out-params");
  await page.locator("#budget").focus();
  for (let k = 0; k < 60; k++) await page.keyboard.press("ArrowRight");
  assert.notEqual(await out("out-params"), start, "the keyboard moves the budget");
  await page.locator("#budget-flops").fill("1e21");
  const known = Math.sqrt(1e21 / 6) * ((0.3478 * 482.01) / (0.3658 * 2085.43)) ** (1 / 0.7136)
    * (1e21 / 6) ** (0.3658 / 0.7136 - 0.5);
  const shown = await out("out-params");
  const value = parseFloat(shown) * { K: 1e3, M: 1e6, B: 1e9 }[shown.at(-1)];
  assert.ok(Math.abs(Math.log(value / known)) < 0.35, `${shown} is near ${known.toExponential(2)}`);
  assert.match(await out("out-interval"), /^\d\.\d{4} to \d\.\d{4}$/);
  await page.locator("#budget-gpus").fill("8");
  const flops = Number(await page.locator("#budget-flops").inputValue());
  assert.ok(flops > 1e20 && flops < 1e22, `8 GPUs for a week are ${flops}`);
  const took = await page.evaluate(() => {
    const slider = document.getElementById("budget"), began = performance.now();
    for (let k = 0; k < 100; k++) {
      slider.value = k * 10;
      slider.dispatchEvent(new Event("input"));
    }
    return (performance.now() - began) / 100;
  });
  console.log(`a move of the budget takes ${took.toFixed(2)} ms`);
  // Pointing at a run names it.
  const figure = page.locator("figure[data-figure=residuals]");
  await figure.scrollIntoViewIfNeeded();
  await figure.getByRole("button", { name: "Next run" }).click();
  const ring = await figure.locator("svg circle").last().boundingBox();
  await page.mouse.move(ring.x + ring.width / 2, ring.y + ring.height / 2);
  assert.match(await figure.locator("output").textContent(), /^run \d+: N /);
  // The data behind a figure become a file.
  await figure.locator("summary").click();
  const [file] = await Promise.all([page.waitForEvent("download"), figure.getByText("Save residuals.csv").click()]);
  assert.match(readFileSync(await file.path(), "utf8"), /^run,held_out,params/);
  assert.deepEqual([seen.said, seen.asked], [[], []]);
});

test("every picture has a name and every control a label, on screens wide and narrow, light and dark", async () => {
  const here = folder();
  const [csv, html] = [join(here, "runs.csv"), join(here, "report.html")];
  runs(csv, 72, (k) => `run ${k}`);
  isoflop("report", csv, "--law", "chinchilla", "-o", html);
  for (const [width, colorScheme] of [[1280, "light"], [390, "light"], [1280, "dark"], [390, "dark"]]) {
    const { page, seen } = await open(html, { viewport: { width, height: 900 }, colorScheme });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${wide} pixels at ${width}`);
    const nameless = await page.evaluate(() => {
      const controls = [...document.querySelectorAll("input, button")];
      const named = (c) => c.labels?.length || c.textContent || c.getAttribute("aria-label");
      const pictures = [...document.querySelectorAll("figure svg")];
      return controls.filter((c) => !named(c)).length
        + pictures.filter((p) => !p.querySelector("title")?.textContent).length;
    });
    assert.equal(nameless, 0);
    const levels = await page.evaluate(() => [...document.querySelectorAll("h1, h2, h3")].map((h) => Number(h.tagName[1])));
    levels.reduce((above, level) => { assert.ok(level <= above + 1); return level; }, 0);
    assert.deepEqual(await violations(page), [], `${width} ${colorScheme}`);
    assert.deepEqual(await cutOff(page), []);
    await page.screenshot({ path: join(shots, `report-${width}-${colorScheme}.png`), fullPage: true });
    assert.deepEqual([seen.said, seen.asked], [[], []]);
    await page.context().close();
  }
});

test("a report of a thousand runs is under two megabytes", async () => {
  const here = folder();
  const [csv, html] = [join(here, "runs.csv"), join(here, "report.html")];
  runs(csv, 1000, (k) => `run ${k}`);
  isoflop("report", csv, "--law", "chinchilla", "-o", html);
  const size = statSync(html).size;
  const { seen, took } = await open(html);
  console.log(`1000 runs: ${(size / 1e6).toFixed(2)} MB, opens in ${took.toFixed(0)} ms`);
  assert.ok(size < 2e6, `${size} bytes`);
  assert.deepEqual([seen.said, seen.asked], [[], []]);
});

test("a hundred thousand checkpoints are thinned in the drawing, and the picture says so", () => {
  const here = folder();
  const [csv, svg] = [join(here, "curves.csv"), join(here, "envelope.svg")];
  const lines = ["run,params,tokens,loss"];
  for (let run = 0; run < 20; run++) {
    const n = 1e6 * 1.6 ** run;
    for (let k = 1; k <= 5000; k++) {
      const d = n * 40 * (k / 5000);
      lines.push([`run ${run}`, n, d, loss(n, d)].join(","));
    }
  }
  writeFileSync(csv, lines.join("\n") + "\n");
  const began = performance.now();
  isoflop("figure", "envelope", csv, "-o", svg);
  console.log(`100000 checkpoints: ${(statSync(svg).size / 1e3).toFixed(0)} KB in ${((performance.now() - began) / 1e3).toFixed(1)} s`);
  assert.match(readFileSync(svg, "utf8").replaceAll(/\s+/g, " "), /of 100000 checkpoints/);
  assert.ok(statSync(svg).size < 1e6);
});

test("a long table of runs opens on demand, and is printed whole", async () => {
  const here = folder();
  const [csv, html] = [join(here, "runs.csv"), join(here, "report.html")];
  runs(csv, 240, (k) => `run ${k}`);
  isoflop("report", csv, "--law", "chinchilla", "-o", html);
  const { page } = await open(html, { viewport: { width: 1280, height: 900 } });
  const last = page.getByRole("rowheader", { name: "run 239", exact: true });
  assert.equal(await last.isVisible(), false);
  await page.emulateMedia({ media: "print" });
  assert.ok((await last.boundingBox())?.height > 0, "printed");
  await page.emulateMedia({ media: "screen" });
  await page.getByText("Show the 240 runs").click();
  assert.ok(await last.isVisible());
});
