// A real Chromium without a window, and everything that a page says or asks for.

import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const root = resolve(import.meta.dirname, "../..");

/** The program under test; ISOFLOP names another one. */
export const program = process.env.ISOFLOP ?? join(root, "target/debug/isoflop");

/** Where screenshots are kept to be looked at. */
export const shots = process.env.SHOTS ?? join(root, "target/screenshots");
mkdirSync(shots, { recursive: true });

/** An empty folder. */
export const folder = () => mkdtempSync(join(tmpdir(), "isoflop-browser-"));

/** Runs the program; its standard output. */
export const isoflop = (...words) =>
  execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 });

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });

/** A page that remembers every message, error and request that is not to `allowed`. */
export async function watched(browser, allowed, options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const page = await context.newPage();
  const seen = { said: [], asked: [] };
  page.on("console", (message) => seen.said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.said.push(`error: ${error.message}`));
  page.on("dialog", async (dialog) => {
    seen.said.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(allowed) && !address.startsWith("blob:")) seen.asked.push(address);
  });
  return { page, seen };
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds against WCAG 2.2 and its best practices on a page, one line each. */
export async function violations(page) {
  // Evaluated by the browser's own tools: the page's policy would let no other script in.
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}

/** Boxes whose content is cut without any way to reach it, and text beyond the edge of the page. */
export const cutOff = (page) => page.evaluate(() => {
  const name = (box) => `${box.tagName} ${box.id || box.className} "${box.textContent.slice(0, 40)}"`;
  const shown = (box) => box.checkVisibility() && box.getClientRects().length > 0;
  const boxes = [...document.querySelectorAll("body *:not(svg *)")].filter(shown);
  return boxes.filter((box) => {
    const style = getComputedStyle(box);
    const hidden = ["hidden", "clip"].includes(style.overflowX) && box.scrollWidth > box.clientWidth + 1;
    const scrolls = box.closest(".scroll, pre, .skip");
    const beyond = !scrolls && box.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
    return hidden || beyond;
  }).map(name);
});
