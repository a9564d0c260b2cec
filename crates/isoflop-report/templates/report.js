(() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  for (const figure of document.querySelectorAll("figure[data-figure]")) {
    const flat = data.figures[figure.dataset.figure] || [];
    const svg = figure.querySelector("svg");
    if (!svg || flat.length === 0) continue;
    const spots = [];
    for (let k = 0; k < flat.length; k += 3) spots.push([flat[k], flat[k + 1], data.texts[flat[k + 2]]]);
    Isoflop.nameRuns(svg, spots, figure.querySelector(".scroll"));
  }

  // Data of a figure as a file.
  for (const details of document.querySelectorAll("details[data-csv]")) {
    const link = Isoflop.make("a", "Save " + details.dataset.csv + ".csv");
    link.href = "#";
    link.addEventListener("click", () => {
      const text = details.querySelector("pre").textContent;
      link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      link.download = details.dataset.csv + ".csv";
    });
    const line = Isoflop.make("p");
    line.append(link);
    details.querySelector("summary").after(line);
  }

  const panel = document.getElementById("budget-panel");
  if (!data.explorer || !panel) return;
  panel.hidden = false;
  Isoflop.budgetPanel().load(data.explorer);
})();
