// Draws a report from the JSON beside it. It computes no figure; it shows those that the load tool has measured.
"use strict";
(() => {
  const runs = JSON.parse(document.getElementById("data").textContent);
  const last = runs.runs[runs.runs.length - 1] ?? { figures: [] };
  const detail = last.detail;
  const root = document.getElementById("report");

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const number = (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    const size = Math.abs(value);
    const digits = size === 0 || size >= 1000 ? 0 : size < 1 ? 4 : size < 10 ? 2 : 1;
    return value.toLocaleString("en", { minimumFractionDigits: 0, maximumFractionDigits: digits });
  };
  const figure = (name) => runs.medians.figures.find((it) => it.name === name);
  const withUnit = (it) => `${number(it.value)} ${it.unit}`.trim();

  // Head.
  root.append(make("h1", {}, runs.scenario));
  const told = make("p", { class: "sub" }, `${runs.runs.length} run${runs.runs.length === 1 ? "" : "s, medians"} · `);
  told.append(make("code", {}, runs.command.join(" ")));
  root.append(told);

  // Verdict.
  if (detail) {
    const faults = detail.verdict?.fault_count ?? 0;
    const passed = detail.limits_passed;
    const bad = faults > 0 || passed.length > 0;
    const checks = Object.values(detail.verdict?.checked ?? {}).reduce((sum, it) => sum + it, 0);
    const text = faults > 0
      ? `${number(faults)} fault${faults === 1 ? "" : "s"} found`
      : detail.verdict ? `No fault found in ${number(checks)} checks` : "The oracle was not asked";
    const box = make("div", { class: bad ? "verdict bad" : "verdict" }, text);
    const sentences = [...passed.filter((it) => !it.includes("fault(s) were found")), ...(detail.verdict?.faults ?? [])];
    if (sentences.length > 0) box.append(make("ul", {}, ...sentences.map((it) => make("li", {}, it))));
    root.append(box);
  }

  // Tiles.
  const tiles = [
    ["headline p50", detail ? `${detail.headline}, median` : ""],
    ["headline p99", detail ? `${detail.headline}, 99 %` : ""],
    ["deliveries", "deliveries"], ["commands", "commands"],
    ["hub CPU per million deliveries", "hub CPU per million deliveries"],
    ["hub RSS, highest", "hub RSS, highest"],
  ].filter(([name]) => figure(name));
  if (tiles.length > 0) {
    root.append(make("div", { class: "tiles" }, ...tiles.map(([name, label]) =>
      make("div", { class: "tile" }, make("b", {}, withUnit(figure(name))), make("span", {}, label)))));
  }

  const cards = make("div", { class: "cards" });
  root.append(cards);
  const card = (title, note, wide = false) => {
    const element = make("section", { class: wide ? "card wide" : "card" }, make("h2", {}, title));
    if (note) element.append(make("p", { class: "note" }, note));
    cards.append(element);
    return element;
  };

  // Plots, drawn anew when the page's width or colours change.
  const plots = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const draw = (plot) => {
    plot.chart?.destroy();
    const axis = (more) => ({
      stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { stroke: colour("--grid"), width: 1 },
      font: "12px system-ui, sans-serif", ...more,
    });
    plot.chart = new uPlot({
      width: plot.element.clientWidth - 34, height: 250,
      scales: { x: plot.x, y: { distr: plot.log ? 3 : 1, range: plot.range } },
      axes: [
        axis({ values: plot.ticks, splits: plot.splits, size: 40, space: plot.splits ? 30 : 50 }),
        axis({ size: 78, values: (_, all) => all.map((it) => (it === null ? "" : number(it) + (plot.unit ?? ""))) }),
      ],
      series: [
        { label: plot.label, value: (_, it) => (it === null ? "–" : plot.tell(it)) },
        ...plot.lines.map(([label, variable], index) => ({
          label, stroke: colour(variable), width: 2, points: { show: plot.data[0].length < 30 },
          fill: plot.lines.length === 1 ? `${colour(variable)}22` : undefined,
          value: (_, it) => (it === null || it === undefined ? "–" : number(it) + (plot.unit ?? "")),
        })),
      ],
      cursor: { y: false }, padding: [8, 34, 0, 0],
    }, plot.data, plot.element);
  };
  const chart = (title, note, plot) => {
    if (!plot.data.slice(1).some((column) => column.some((it) => it !== null && it !== undefined))) return;
    plot.element = card(title, note);
    plots.push(plot);
  };
  const zero = (_, __, most) => [0, most > 0 ? most * 1.08 : 1];
  const logRange = (_, least, most) => [10 ** Math.floor(Math.log10(Math.max(least, 0.001))), 10 ** Math.ceil(Math.log10(Math.max(most, 0.01)))];

  if (detail) {
    const course = detail.course;
    const seconds = (_, all) => all.map((it) => `${it} s`);
    const over = {
      x: { time: false }, label: "at", tell: (it) => `${number(it)} s`, ticks: seconds, range: zero,
    };
    const positive = (column) => column.map((it) => (it === null ? null : Math.max(it, 0.001)));
    chart("Latency over time", `${detail.headline}, from the moment that the plan says`, {
      ...over, log: true, range: logRange, unit: " ms",
      data: [course.seconds, positive(course.max_ms), positive(course.p99_ms), positive(course.p50_ms)],
      lines: [["longest", "--three"], ["99 %", "--two"], ["median", "--one"]],
    });
    const curves = Object.entries(detail.percentiles);
    if (curves.length > 0) {
      // Equal steps for each further nine.
      const place = (percent) => -Math.log10(1 - Math.min(percent, 99.9999) / 100);
      const marks = [50, 90, 99, 99.9, 99.99, 99.999];
      const main = curves.find(([name]) => name === detail.headline) ?? curves[0];
      const shown = [main, ...curves.filter((it) => it !== main)].slice(0, 3);
      const points = main[1].filter(([percent]) => percent < 100);
      const at = points.map(([percent]) => percent);
      chart("Latency by percentile", "each step to the right is a further nine", {
        x: { time: false }, log: true, range: logRange, unit: " ms", label: "percentile",
        ticks: (_, all) => all.map((it) => `${number4(100 - 100 * 10 ** -it)} %`),
        splits: () => marks.map(place), tell: (it) => `${number4(100 - 100 * 10 ** -it)} %`,
        data: [at.map(place), ...shown.map(([, curve]) => at.map((percent) => Math.max(curve.find(([it]) => it === percent)?.[1] ?? 0, 0.001)))],
        lines: shown.map(([name], index) => [name, ["--one", "--two", "--three"][index]]),
      });
    }
    chart("Deliveries a second", "frames to all sessions, answers not counted", {
      ...over, data: [course.seconds, course.deliveries], lines: [["deliveries/s", "--one"]],
    });
    chart("Commands a second", "answered, refusals included", {
      ...over, data: [course.seconds, course.commands], lines: [["commands/s", "--one"]],
    });
    chart("The hub's CPU", "user and system, 100 % is one core", {
      ...over, unit: " %", data: [course.seconds, course.hub_cpu], lines: [["CPU", "--two"]],
    });
    chart("The hub's memory", "resident", {
      ...over, unit: " MiB", data: [course.seconds, course.hub_rss], lines: [["RSS", "--three"]],
    });
    chart("Sessions connected", "", {
      ...over, data: [course.seconds, course.connected], lines: [["sessions", "--one"]],
    });
  }
  function number4(value) {
    return value.toLocaleString("en", { maximumFractionDigits: 4 });
  }

  // Tables.
  const table = (rows, head) => make("div", { class: "scroll" }, make("table", {},
    ...(head ? [make("tr", {}, ...head.map((it, index) => make("th", index > 0 ? { class: "n" } : {}, it)))] : []),
    ...rows.map((row) => make("tr", {}, ...row.map((it, index) => make("td", index > 0 ? { class: "n" } : {}, it))))));
  if (detail?.verdict) {
    const counts = (map) => Object.entries(map).map(([name, count]) => [name, number(count)]);
    const checked = counts(detail.verdict.checked);
    const unchecked = counts(detail.verdict.unchecked);
    if (checked.length > 0) card("What the oracle checked").append(table(checked));
    if (unchecked.length > 0) card("What could not be checked", "and why").append(table(unchecked));
  }
  if (detail) {
    const rows = Object.entries(detail.settings).map(([name, value]) => [name.replaceAll("_", " "), String(value)]);
    card("The scenario").append(table(rows));
  }
  const several = runs.runs.length > 1;
  const rows = runs.medians.figures.map((it) => {
    const all = runs.runs.map((run) => run.figures.find((other) => other.name === it.name)?.value).filter((value) => value !== undefined);
    const span = several ? [`${number(Math.min(...all))} – ${number(Math.max(...all))}`] : [];
    return [it.name, withUnit(it), ...span];
  });
  card("All figures", "", true).append(table(rows, several ? ["", "median", "lowest – highest"] : undefined));

  const drawAll = () => plots.forEach(draw);
  drawAll();
  let pending = 0;
  addEventListener("resize", () => { clearTimeout(pending); pending = setTimeout(drawAll, 100); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
