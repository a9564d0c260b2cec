// Reports of 1,000 runs and of 100,000 checkpoints: seconds to write, bytes, seconds to open.

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { folder, isoflop, launch } from "../../tests/browser/browser.mjs";

const at = folder();
const file = (name) => join(at, name);
const ROUNDS = 5;

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** 400 runs of 250 checkpoints each, on Besiroglu et al.'s surface. */
const checkpoints = () => {
  const lines = ["run,step,N,D,val_loss"];
  for (let run = 0; run < 400; run += 1) {
    const n = 1e7 * 1.012 ** run;
    for (let point = 1; point <= 250; point += 1) {
      const d = (20 * n * point) / 250;
      const loss = 1.8172 + 482.01 / n ** 0.3478 + 2085.43 / d ** 0.3658;
      lines.push(`r${run},${point * 40},${n.toFixed(0)},${d.toFixed(0)},${(loss * (1 + 0.003 * Math.sin(run * 7.1))).toFixed(5)}`);
    }
  }
  return lines.join("\n") + "\n";
};

const timed = (work) => {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
};

async function opening(browser, report) {
  const seconds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const page = await browser.newPage();
    const start = performance.now();
    await page.goto(pathToFileURL(report).href, { waitUntil: "load" });
    // Until the first frame is drawn and the page answers.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    seconds.push((performance.now() - start) / 1000);
    await page.close();
  }
  return median(seconds);
}

writeFileSync(file("runs.csv"), isoflop("simulate", "--budgets", "25", "--sizes", "40"));
writeFileSync(file("curves.csv"), checkpoints());
const importing = timed(() => isoflop("import", file("curves.csv"), "--checkpoints", "--into", file("curves.db")));
const browser = await launch();
const rows = [];
for (const [what, source] of [["1,000 runs", "runs.csv"], ["400 runs, 100,000 checkpoints", "curves.db"]]) {
  const report = file(`${source}.html`);
  const writing = timed(() => isoflop("report", file(source), "--law", "chinchilla", "-o", report));
  const mebibytes = statSync(report).size / 2 ** 20;
  rows.push([what, writing.toFixed(1), mebibytes.toFixed(2), (await opening(browser, report)).toFixed(2)]);
}
await browser.close();
console.log(`# Size of reports

Made by \`bench/report/run\` on two cores. Opened from disk in headless Chromium, until the first frame is
drawn; median of ${ROUNDS}.

| report of | seconds to write | MiB | seconds to open |
|---|---:|---:|---:|
${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}

Importing the 100,000 checkpoints into the store took ${importing.toFixed(1)} s.`);
