// Runs to test with: made by a known law, under any names.

import { writeFileSync } from "node:fs";

/** Names that would do harm where they are not shown literally. */
export const HOSTILE = [
  "<script>window.hacked = 1</script>",
  "</script><script>window.hacked = 2</script>",
  "\"><img src=x onerror=\"window.hacked = 3\">",
  "<svg/onload=window.hacked=4>",
  "</title></desc></svg><script>window.hacked=5</script>",
  "javascript:window.hacked=6",
  "{{ 7 * 7 }}${7*7}<%= 7 %>",
  "]]><!--<b>",
  "&lt;b&gt;&amp;",
  "https://evil.example/x.png",
  "'; DROP TABLE runs; --",
  "\u202egnp.exe",
  "\u001b[31mred",
  "Ω≈ç√∫˜µ≤≥÷ 田中さん 👩‍👩‍👧",
];

export const loss = (n, d) => 1.8172 + 482.01 / n ** 0.3478 + 2085.43 / d ** 0.3658;
const cell = (text) => `"${text.replaceAll('"', '""')}"`;

/** Runs around the best size at several budgets, with a little noise; names as given. */
export function runs(file, count, name) {
  const lines = ["run,params,tokens,loss"];
  for (let k = 0; k < count; k++) {
    const c = 1e17 * 10 ** ((k % 8) / 2);
    const n = Math.sqrt(c / 120) * 2 ** (((k * 7) % 11) / 2.5 - 2);
    const noise = 1 + 0.002 * Math.sin(k * 12.9898);
    lines.push([cell(name(k)), n, c / 6 / n, loss(n, c / 6 / n) * noise].join(","));
  }
  writeFileSync(file, lines.join("\n") + "\n");
}
