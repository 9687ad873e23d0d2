// What a reader gains from JavaScript: live charts, one coordinate at a time, sorting, searching, the slider, downloads.
// Everything is drawn from the JSON in this page; nothing is asked of a server.
(() => {
  "use strict";
  const read = (id) => { const node = document.getElementById(id); return node ? JSON.parse(node.textContent) : null; };
  const charts = read("charts") || {}, result = read("result") || {}, table = document.getElementById("coordinate-table");
  const views = {};
  document.documentElement.classList.add("scripted");

  // --- charts: each static picture gives way to a live one of the width it has
  async function bring(key) {
    const place = document.getElementById("plot-" + key);
    if (!place) return;
    const specification = structuredClone(charts[key]);
    const width = Math.max(200, Math.floor(place.clientWidth));
    specification.width = width;
    if (width < 380) specification.config.legend.columns = 1;
    const live = document.createElement("div");
    try {
      const made = await vegaEmbed(live, specification, { actions: false, renderer: "svg", ast: false, tooltip: { theme: "custom" } });
      views[key] = made.view;
      place.replaceChildren(live);
      place.dataset.live = "true";
      if (key === "coordinates" || key === "directions") {
        made.view.addEventListener("click", (event, item) => {
          if (item && item.datum && Number.isInteger(item.datum.id)) choose(key, item.datum.id);
        });
      }
    } catch (error) { console.warn("the static picture stays: " + error.message); }
  }

  // --- one coordinate: histogram with the fitted normal, and Q-Q plot
  const erfc = (x) => { // Numerical Recipes' rational approximation, 1.2e-7
    const z = Math.abs(x), t = 1 / (1 + 0.5 * z);
    const p = t * Math.exp(-z * z - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
      t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));
    return x >= 0 ? p : 2 - p;
  };
  const cdf = (z) => 0.5 * erfc(-z / Math.SQRT2);
  const short = (value) => {
    if (value == null) return "-";
    const size = Math.abs(value);
    if (size > 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(1).replace("e+", "e");
    return value.toLocaleString("en-US", { maximumSignificantDigits: size >= 1000 ? 21 : 3, maximumFractionDigits: size >= 1000 ? 0 : 20 });
  };
  // Characters that would turn the text around, or that nobody sees, are written out.
  const clean = (name) => String(name).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (one) => "\\u" + one.codePointAt(0).toString(16).padStart(4, "0"));
  const nameOf = (block, id) => block.names && block.names[id] != null ? clean(block.names[id]) : String(id);
  const adOf = (kind, block, id) => (kind === "coordinates" && block.paper_ad && block.paper_ad[id] != null ? block.paper_ad : block.ad || [])[id];

  function shapeOf(kind, id) {
    const block = result[kind] || {}, kept = block.shapes || {}, common = result.shape || {};
    const at = (kept.indices || []).indexOf(id);
    if (at < 0 || !kept.histograms[at]) return null;
    const counts = kept.histograms[at], edges = common.edges, total = counts.reduce((sum, n) => sum + n, 0);
    const middle = (i) => (edges[i] + edges[i + 1]) / 2;
    return {
      bars: counts.map((value, i) => ({ left: edges[i], right: edges[i + 1], value })),
      normal: counts.map((_, i) => ({ middle: middle(i), value: total * (cdf(edges[i + 1]) - cdf(edges[i])) })),
      quantiles: kept.quantiles[at].map((measured, i) => ({ normal: common.normal_quantiles[i], measured }))
        .filter((one) => cdf(one.normal) >= 0.4999 / total && cdf(one.normal) <= 1 - 0.4999 / total),
      n: common.n_rows_used || total,
    };
  }

  function put(key, name, rows) {
    const view = views[key];
    if (!view) return;
    view.data(name, rows).runAsync();
  }

  function choose(kind, id) {
    const shape = shapeOf(kind, id), block = result[kind] || {};
    const name = nameOf(block, id);
    const title = document.getElementById("shape-title"), words = document.getElementById("shape-words");
    if (!title) return;
    title.textContent = (kind === "coordinates" ? "Coordinate " : "Random direction ") + name;
    const ad = adOf(kind, block, id), numbers = "A² " + short(ad) + ", skewness " + short((block.skewness || [])[id]) +
      ", excess kurtosis " + short((block.excess_kurtosis || [])[id]);
    words.textContent = shape ? numbers + "; drawn from " + shape.n.toLocaleString("en-US") + " rows, those beyond the ends in the last bins"
      : ad == null ? "It is constant." : numbers + "; its shape is not kept in the result";
    const pair = document.querySelector("section.shape .pair");
    if (pair) pair.hidden = !shape;
    for (const key of ["coordinates", "directions"]) {
      if (views[key]) views[key].signal("chosen", key === kind ? id : null).runAsync();
    }
    if (shape) {
      put("shape-histogram", "bars", shape.bars);
      put("shape-histogram", "normal", shape.normal);
      put("shape-quantiles", "quantiles", shape.quantiles);
    }
    for (const key of ["histogram", "quantiles"]) {
      const plot = document.getElementById("plot-shape-" + key);
      if (plot) plot.setAttribute("aria-label", (key === "histogram" ? "Histogram of " : "Q-Q plot of ") + title.textContent);
    }
    if (table) {
      for (const row of table.tBodies[0].rows) row.classList.toggle("chosen", kind === "coordinates" && Number(row.dataset.id) === id);
    }
    const directions = document.getElementById("direction");
    if (directions) directions.value = kind === "directions" ? String(id) : "";
    document.body.dataset.chosen = kind + ":" + id;
    const panel = document.querySelector("section.shape"), box = panel.getBoundingClientRect();
    if (box.bottom < 80 || box.top > window.innerHeight - 80) {
      panel.scrollIntoView({ block: "center" });
    }
  }

  // Every random direction can be chosen without a mouse, too.
  function prepareDirections() {
    const select = document.getElementById("direction"), block = result.directions || {}, ad = block.ad || [];
    if (!select) return;
    if (!ad.length) { select.hidden = true; return; }
    select.append(new Option("choose", ""));
    const order = ad.map((_, i) => i).sort((a, b) => (ad[b] ?? -1) - (ad[a] ?? -1));
    for (const id of order) select.append(new Option(id + ": A² " + short(ad[id]), String(id)));
    select.addEventListener("change", () => { if (select.value !== "") choose("directions", Number(select.value)); });
  }

  // --- the table: sort by a column, find by name, choose a row
  function prepareTable() {
    if (!table) return;
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button"; button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => sort(column, head));
    });
    const value = (row, column) => column === 0 ? row.cells[0].textContent : row.cells[column].dataset.v;
    function sort(column, head) {
      const before = head.getAttribute("aria-sort"), up = before ? before === "descending" : column === 0;
      const key = (row) => { const text = value(row, column), number = Number(text); return text === "" || Number.isNaN(number) ? null : number; };
      const rows = [...body.rows].map((row) => ({ row, number: key(row), text: value(row, column) }));
      const missing = (a) => column > 0 && a.number === null;
      rows.sort((a, b) => {
        if (missing(a) !== missing(b)) return missing(a) ? 1 : -1;
        const order = a.number !== null && b.number !== null ? a.number - b.number : a.text.localeCompare(b.text, undefined, { numeric: true });
        return up ? order : -order;
      });
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.replaceChildren(...rows.map((one) => one.row));
    }
    for (const row of body.rows) {
      const cell = row.cells[0], button = document.createElement("button");
      button.type = "button"; button.textContent = cell.textContent; button.title = "show its shape";
      cell.replaceChildren(button);
    }
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) choose("coordinates", Number(row.dataset.id));
    });
    const search = document.getElementById("search"), found = document.getElementById("found");
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      let shown = 0;
      for (const row of body.rows) {
        row.hidden = row.dataset.id !== wanted && !row.cells[0].textContent.toLowerCase().includes(wanted);
        shown += row.hidden ? 0 : 1;
      }
      found.textContent = wanted ? shown + " of " + body.rows.length + " in the table" : "";
    });
  }

  // --- the slider of a training run
  function prepareSlider() {
    const slider = document.getElementById("epoch"), layer = document.getElementById("layer"), steps = read("norms");
    if (!slider || !steps) return;
    const show = () => {
      const name = layer ? layer.value : Object.keys(steps.layers)[0], one = steps.layers[name][Number(slider.value)];
      document.getElementById("epoch-words").textContent = one.epoch;
      slider.setAttribute("aria-valuetext", "epoch " + one.epoch);
      if (views.norms) ["low", "high", "tallest"].forEach((end, i) => views.norms.signal(end, steps.ends[name][i]));
      put("norms", "bars", one.bars);
      document.querySelector("#figure-norms figcaption p").textContent = one.words;
      document.getElementById("plot-norms").setAttribute("aria-label", "Histogram of the norms of the rows. " + one.words);
    };
    slider.addEventListener("input", show);
    if (layer) layer.addEventListener("change", show);
  }

  // --- downloads
  function csv() {
    const block = result.coordinates || {}, n = (block.ad || block.paper_ad || []).length;
    const columns = Object.keys(block).filter((key) => Array.isArray(block[key]) && block[key].length === n && key !== "names");
    const quote = (text) => /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
    // A spreadsheet would take these names for formulas.
    const tame = (text) => /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? "'" + text : text;
    const name = (i) => quote(block.names ? tame(String(block.names[i])) : String(i));
    const lines = [["coordinate", ...columns].join(",")];
    for (let i = 0; i < n; i += 1) lines.push([name(i), ...columns.map((key) => block[key][i] ?? "")].join(","));
    return lines.join("\n") + "\n";
  }
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => {
      const json = button.dataset.download === "json";
      const text = json ? document.getElementById("result").textContent + "\n" : csv();
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: json ? "application/json" : "text/csv" }));
      link.download = button.dataset.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  prepareTable();
  prepareDirections();
  prepareSlider();
  (async () => {
    for (const key of Object.keys(charts)) {
      await bring(key);
      await new Promise((resolve) => setTimeout(resolve, 0)); // let the reader scroll and click in between
    }
    document.body.dataset.ready = "true";
  })();
  let width = window.innerWidth, waiting = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const [key, view] of Object.entries(views)) {
        const place = document.getElementById("plot-" + key);
        if (place) view.width(Math.max(200, Math.floor(place.clientWidth))).runAsync();
      }
    }, 150);
  });
})();
