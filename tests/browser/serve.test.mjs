import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { cutOff, folder, isoflop, launch, program, shots, violations, watched } from "./browser.mjs";
import { HOSTILE, runs } from "./runs.mjs";

let browser;
const children = [];
before(async () => { browser = await launch(); });
after(async () => {
  for (const child of children) child.kill();
  await browser.close();
});

/** The program serving `source` from the folder `here`, and a page on it. */
async function open(here, source, { words = [], ...options } = {}) {
  const child = spawn(program, ["serve", source, "--json", "--law", "chinchilla", ...words], { cwd: here, stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  const line = await new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  const { address } = JSON.parse(line);
  const origin = address.split("#")[0];
  const { page, seen } = await watched(browser, origin, { viewport: { width: 1280, height: 900 }, ...options });
  await page.goto(address);
  return { child, page, seen, origin, address, end: async () => { await page.context().close(); child.kill(); } };
}

const text = (page, id) => page.locator(`#${id}`).textContent();
/** Waits until the fit is there and every figure that is looked at is drawn. */
async function settled(page) {
  await page.waitForFunction(() => document.querySelector("#out-loss").textContent !== ""
    && !document.querySelector("#main").classList.contains("working"), null, { timeout: 120000 });
}
const turn = (page, name) => page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
const value = (shown) => parseFloat(shown) * ({ K: 1e3, M: 1e6, B: 1e9, T: 1e12 }[shown.at(-1)] ?? 1);

test("a whole visit: law, budget, runs left out, figures, diagnosis, a sealed forecast, files", { timeout: 400000 }, async () => {
  const here = folder();
  runs(join(here, "runs.csv"), 48, (k) => `run ${k}`);
  isoflop("import", join(here, "runs.csv"), "--into", join(here, "runs.db"));
  const before = readFileSync(join(here, "runs.db"));
  const { page, seen, origin, end } = await open(here, "runs.db");
  // The token is gone from the address at once.
  await page.waitForFunction(() => location.hash === "");
  await settled(page);
  assert.match(await text(page, "state"), /^48 rows in the fit, 0 not used\.$/);

  await page.locator("#law").selectOption("power-c");
  await page.waitForFunction(() => document.querySelector("#law-of-forecast").textContent.includes("power-c"), null, { timeout: 120000 });
  await settled(page);

  await page.locator("#law").selectOption("chinchilla");
  await page.waitForFunction(() => document.querySelector("#law-of-forecast").textContent.includes("chinchilla"));
  await settled(page);

  // The budget, by hand, by hardware and by keyboard.
  const shownAt = async (flops) => {
    await page.locator("#budget-flops").fill(flops);
    return value(await text(page, "out-params"));
  };
  const [small, large] = [await shownAt("1e20"), await shownAt("1e22")];
  const growth = Math.log10(large / small) / 2;
  assert.ok(Math.abs(growth - 0.3658 / 0.7136) < 0.12, `N_opt grows as C^${growth.toFixed(2)}`);
  await page.locator("#device").selectOption({ label: "A100" });
  assert.equal(await page.locator("#budget-peak").inputValue(), "312");
  await page.locator("#budget-gpus").fill("8");
  const flops = Number(await page.locator("#budget-flops").inputValue());
  assert.ok(Math.abs(flops / (8 * 312e12 * 7 * 86400 * 0.4) - 1) < 0.001, `${flops}`);
  await page.locator("#budget").focus();
  const start = await text(page, "out-params");
  for (let k = 0; k < 40; k++) await page.keyboard.press("ArrowLeft");
  assert.notEqual(await text(page, "out-params"), start);
  // A drag with the mouse over the whole slider: each move is answered before the next frame.
  const box = await page.locator("#budget").boundingBox();
  const moves = [];
  await page.mouse.move(box.x + 10, box.y + box.height / 2);
  await page.mouse.down();
  for (let k = 1; k <= 40; k++) {
    const began = performance.now();
    await page.mouse.move(box.x + 10 + (box.width - 20) * k / 40, box.y + box.height / 2);
    await text(page, "out-loss");
    moves.push(performance.now() - began);
  }
  await page.mouse.up();
  moves.sort((a, b) => a - b);
  console.log(`a move of the budget, drawn and read back: median ${moves[20].toFixed(1)} ms, worst ${moves[39].toFixed(1)} ms`);
  const within = await page.evaluate(() => {
    const slider = document.getElementById("budget"), began = performance.now();
    for (let k = 0; k < 100; k++) {
      slider.value = k * 10;
      slider.dispatchEvent(new Event("input"));
    }
    return (performance.now() - began) / 100;
  });
  console.log(`a move of the budget, computed: ${within.toFixed(2)} ms`);
  await page.locator("#budget-flops").fill("3e21");

  // The schools and the figures of that budget.
  await page.waitForFunction(() => document.querySelectorAll("#plans tr").length >= 5);
  await page.waitForFunction(() => document.querySelector("#live-schools svg"), null, { timeout: 60000 });
  const rule = page.locator("#plans tr", { has: page.locator("th", { hasText: "20-tokens" }) });
  assert.equal(await rule.locator("td").nth(2).textContent(), "20");
  assert.match(await page.locator("#plans").textContent(), /openai/);
  await page.screenshot({ path: join(shots, "serve-answer-1280.png"), fullPage: true });

  // Runs: one is left out, and the fit says so.
  await turn(page, "Runs");
  await page.locator("#filter").fill("run 17");
  await page.getByRole("checkbox", { name: "Use run 17" }).uncheck();
  await page.waitForFunction(() => document.querySelector("#left-out").textContent === "1 of 48 runs left out by hand");
  await page.waitForFunction(() => document.querySelector("#law-of-forecast").textContent.includes("47 rows"), null, { timeout: 120000 });
  await page.locator("#filter").fill("");
  const [csv] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download runs.csv" }).click()]);
  assert.match(readFileSync(await csv.path(), "utf8"), /^run,params,/);

  await turn(page, "Fit");
  assert.equal(await page.locator("#parameters tr").count(), 5);
  await page.waitForFunction(() => document.querySelectorAll("#how-sure p").length >= 2, null, { timeout: 60000 });

  await turn(page, "Figures");
  await page.waitForFunction(() => document.querySelectorAll("#all-figures figure svg").length >= 9, null, { timeout: 120000 });
  const save = async (name) => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: `Save ${name}` }).last().click()]);
    assert.equal(file.suggestedFilename(), name);
    return readFileSync(await file.path());
  };
  assert.match((await save("contours.svg")).toString(), /^<svg/);
  assert.equal((await save("contours.png")).subarray(1, 4).toString(), "PNG");
  assert.match((await save("residuals.csv")).toString(), /^run,held_out,params/);
  const residuals = page.locator("#figure-residuals");
  await residuals.getByRole("button", { name: "Next run" }).click();
  assert.match(await residuals.locator("output").textContent(), /^run \d+: N /);

  await turn(page, "Diagnose");
  await page.locator("#model").selectOption("GPT-3");
  await page.getByRole("button", { name: "Diagnose" }).click();
  await page.waitForFunction(() => /over-parameterised/.test(document.querySelector("#diagnosis").textContent));

  await turn(page, "Forecasts");
  await page.locator("#seal-name").fill("big <b>run</b>");
  await page.locator("#seal-params").fill("1.3B");
  await page.locator("#seal-tokens").fill("26B");
  await page.getByRole("button", { name: "Seal this forecast" }).click();
  await page.waitForFunction(() => /^Sealed as [0-9a-f]{64}$/.test(document.querySelector("#sealed").textContent));
  await page.waitForFunction(() => document.querySelector("#forecasts").textContent.includes("big <b>run</b>"));
  // The command line knows it, and can score it; the page then shows what came.
  const ledger = join(here, "isoflop-ledger.jsonl");
  const listed = JSON.parse(isoflop("forecast", "list", "--ledger", ledger, "--json"));
  assert.equal(listed.forecasts[0].name, "big <b>run</b>");
  assert.equal(listed.forecasts[0].said.params, 1.3e9);
  isoflop("forecast", "score", "big <b>run</b>", "--loss", String(listed.forecasts[0].said.loss), "--ledger", ledger);
  await turn(page, "Answer");
  await turn(page, "Forecasts");
  await page.waitForFunction(() => document.querySelector("#forecasts").textContent.includes("held"));

  const [report] = await Promise.all([page.waitForEvent("download", { timeout: 120000 }), page.getByRole("button", { name: "Download report" }).click()]);
  const html = readFileSync(await report.path(), "utf8");
  assert.match(html, /<h2 id="answer">/);
  assert.match(html, /left out by hand/);

  // A reload keeps the visit open, and the store is as it was.
  await page.goto(origin);
  await settled(page);
  assert.ok(before.equals(readFileSync(join(here, "runs.db"))), "the store is only read");
  assert.deepEqual([seen.said, seen.asked], [[], []]);
  await end();
});

test("hostile run names are literal on every part of the page, run nothing and load nothing", { timeout: 300000 }, async () => {
  const here = folder();
  const csv = join(here, "runs.csv");
  runs(csv, 56, (k) => `${HOSTILE[k % HOSTILE.length]} ${k}`);
  appendFileSync(csv, '"<img src=x onerror=window.hacked=9>",1e9,,\n');
  const { page, seen, end } = await open(here, "runs.csv");
  await settled(page);
  for (const name of ["Answer", "Runs", "Fit", "Figures", "Diagnose", "Forecasts"]) {
    await turn(page, name);
    if (name === "Figures")
      await page.waitForFunction(() => document.querySelectorAll("#all-figures figure svg").length >= 9, null, { timeout: 120000 });
    else await page.waitForTimeout(500);
    assert.equal(await page.evaluate(() => window.hacked), undefined, name);
  }
  const shown = await page.evaluate(() => document.body.textContent);
  for (const name of HOSTILE.slice(0, 11)) assert.ok(shown.includes(name), `literal ${name}`);
  assert.ok(shown.includes("\\u202egnp.exe") && shown.includes("\\x1b[31mred"));
  assert.equal(await page.locator("main img, main script, main iframe").count(), 0);
  await turn(page, "Figures");
  const figure = page.locator("#figure-contours");
  for (let k = 0; k < 14; k++) await figure.getByRole("button", { name: "Next run" }).click();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual([seen.said, seen.asked], [[], []]);
  await end();
});

test("what stands between backticks is code, literal, on every part that says sentences", { timeout: 300000 }, async () => {
  const here = folder();
  const csv = join(here, "runs.csv");
  runs(csv, 48, (k) => `run ${k}`);
  appendFileSync(csv, "odd,1e9,<img src=x onerror=window.hacked=9>,2\n");
  const { page, seen, end } = await open(here, "runs.csv");
  await settled(page);
  const code = (place) => page.locator(`${place} code`).allTextContents();
  await page.waitForFunction(() => document.querySelector("#plans-note code"), null, { timeout: 60000 });
  assert.ok((await code("#plans-note")).includes("openai"));
  await turn(page, "Runs");
  assert.deepEqual(await code("#not-used"), ["<img src=x onerror=window.hacked=9>"]);
  await turn(page, "Figures");
  await page.waitForFunction(() => document.querySelector("#figure-capability .why"), null, { timeout: 120000 });
  assert.ok((await code("#figure-capability .why")).includes("capability"));
  await turn(page, "Diagnose");
  await page.locator("#model-params").fill("lots");
  await page.getByRole("button", { name: "Diagnose" }).click();
  await page.waitForFunction(() => !document.querySelector("#problem").hidden);
  assert.deepEqual(await code("#problem"), ["lots"]);
  const shown = await page.locator("#plans-note, #not-used, .why, #problem, #warnings, #notes, #how-sure").allTextContents();
  assert.ok(!shown.join("").includes("`"), shown.join("\n"));
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator("main img").count(), 0);
  assert.deepEqual(seen.asked, []);
  await end();
});

test("runs appear as they arrive, without a reload", { timeout: 200000 }, async () => {
  const here = folder();
  const [part, whole] = [join(here, "part.csv"), join(here, "whole.csv")];
  runs(part, 24, (k) => `run ${k}`);
  runs(whole, 40, (k) => `run ${k}`);
  isoflop("import", part, "--into", join(here, "runs.db"));
  const { page, seen, end } = await open(here, "runs.db");
  await settled(page);
  assert.match(await text(page, "state"), /^24 rows/);
  isoflop("import", whole, "--into", join(here, "runs.db"));
  await page.waitForFunction(() => /^40 rows/.test(document.querySelector("#state").textContent), null, { timeout: 20000 });
  await page.waitForFunction(() => document.querySelector("#law-of-forecast").textContent.includes("40 rows"), null, { timeout: 120000 });
  assert.deepEqual([seen.said, seen.asked], [[], []]);
  await end();
});

test("a sweep in progress shows its runs, its curves as they grow, and the time left", { timeout: 300000 }, async () => {
  const here = folder();
  const trainer = join(here, "train.py");
  writeFileSync(trainer, TRAINER);
  const plan = join(here, "ladder.toml");
  isoflop("sweep", "plan", "--budget", "1e16", "-o", plan, "--", "python3", trainer, "{spec}", "{result}", "{curve}");
  const running = spawn(program, ["sweep", "run", plan], { cwd: here, stdio: "ignore" });
  children.push(running);
  const sweep = join(here, "ladder.sweep");
  while (!existsSync(join(sweep, "status.json"))) await new Promise((resolve) => setTimeout(resolve, 100));
  const { page, seen, end } = await open(here, "ladder.sweep");
  await turn(page, "Runs");
  await page.waitForFunction(() => /running/.test(document.querySelector("#sweep-line").textContent), null, { timeout: 20000 });
  await page.waitForFunction(() => document.querySelector("#live-curves svg"), null, { timeout: 60000 });
  await page.waitForFunction(() => /about .* left/.test(document.querySelector("#sweep-line").textContent), null, { timeout: 100000 });
  await page.screenshot({ path: join(shots, "serve-sweep-1280.png"), fullPage: true });
  const told = await text(page, "sweep-line");
  await page.waitForFunction((told) => document.querySelector("#sweep-line").textContent !== told, told, { timeout: 60000 });
  console.log(told);
  running.kill("SIGINT");
  await new Promise((resolve) => running.once("exit", resolve));
  assert.deepEqual([seen.said, seen.asked], [[], []]);
  await end();
});

test("every part reads well on screens wide and narrow, light and dark, by name and by keyboard", { timeout: 400000 }, async () => {
  const here = folder();
  runs(join(here, "runs.csv"), 60, (k) => `run ${k}`);
  for (const [width, colorScheme] of [[1280, "light"], [390, "light"], [1280, "dark"], [390, "dark"]]) {
    const { page, seen, end } = await open(here, "runs.csv", { viewport: { width, height: 900 }, colorScheme });
    await settled(page);
    for (const name of ["Answer", "Runs", "Fit", "Figures", "Diagnose", "Forecasts"]) {
      await turn(page, name);
      if (name === "Answer") await page.waitForFunction(() => document.querySelector("#live-schools svg"), null, { timeout: 60000 });
      if (name === "Runs") await page.waitForFunction(() => document.querySelector("#live-curves").childElementCount >= 0);
      if (name === "Figures") await page.waitForFunction(() => document.querySelectorAll("#all-figures figure svg").length >= 9, null, { timeout: 120000 });
      if (name === "Diagnose") {
        await page.getByRole("button", { name: "Diagnose" }).click();
        await page.waitForFunction(() => !document.querySelector("#diagnosis").hidden);
      }
      await page.waitForTimeout(300);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${name}: ${wide} pixels at ${width}`);
      const nameless = await page.evaluate(() => {
        const named = (c) => c.labels?.length || c.textContent || c.getAttribute("aria-label");
        const controls = [...document.querySelectorAll("input, button, select, progress")].filter((c) => !named(c));
        const pictures = [...document.querySelectorAll("figure svg")].filter((p) => !p.querySelector("title")?.textContent);
        return controls.length + pictures.length;
      });
      assert.equal(nameless, 0, name);
      assert.deepEqual(await violations(page), [], `${name} ${width} ${colorScheme}`);
      assert.deepEqual(await cutOff(page), [], name);
      await page.screenshot({ path: join(shots, `serve-${name.toLowerCase()}-${width}-${colorScheme}.png`), fullPage: true });
    }
    assert.deepEqual([seen.said, seen.asked], [[], []]);
    await end();
  }
});

test("an address with another token shows nothing but the reason", { timeout: 60000 }, async () => {
  const here = folder();
  runs(join(here, "runs.csv"), 30, (k) => `secret run ${k}`);
  const { page, end, origin } = await open(here, "runs.csv");
  await settled(page);
  const context = await browser.newContext();
  const stranger = await context.newPage();
  await stranger.goto(origin + "#token=" + "0".repeat(64));
  await stranger.waitForFunction(() => /token is missing or another one/.test(document.body.textContent));
  assert.ok(!(await stranger.evaluate(() => document.body.textContent)).includes("secret run"));
  await context.close();
  await end();
});

// A trainer of another program: it writes its curve as it goes, and its result at the end.
const TRAINER = `
import json, sys, time
spec = json.load(open(sys.argv[1]))
n, d = spec["params"], spec["tokens"]
loss = lambda tokens: 1.8 + 480 / n ** 0.35 + 2000 / tokens ** 0.37
with open(sys.argv[3], "w") as curve:
    for k in range(1, 31):
        tokens = d * k / 30
        print(json.dumps({"step": k, "tokens": tokens, "loss": loss(tokens)}), file=curve, flush=True)
        time.sleep(0.1)
json.dump({"loss": loss(d)}, open(sys.argv[2], "w"))
`;
