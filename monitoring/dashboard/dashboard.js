// Refreshes the figures of a page, says when the agent is gone, and draws the charts. Without it pages still read.
"use strict";
(() => {
  const body = document.body;
  const lost = document.getElementById("lost");
  const live = document.getElementById("live");
  const plots = [...document.querySelectorAll("[data-panel]")];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const LIGHT = ["#1f77b4", "#d9480f", "#2b8a3e", "#862e9c", "#c92a2a", "#0b7285", "#5c4a00", "#a61e4d"];
  const DARK = ["#74b9ff", "#ffa45e", "#7ddb94", "#d6a2e8", "#ff9b94", "#66d9e8", "#e0c866", "#faa2c1"];
  const MISSED = 2;
  let answered = Date.now();
  let failures = 0;
  let shown = stored() || "24h";

  function stored() {
    try { return localStorage.getItem("window"); } catch { return null; }
  }

  function remember(name) {
    try { localStorage.setItem("window", name); } catch { /* private mode: not remembered */ }
  }

  // ---- figures

  async function refresh() {
    try {
      const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(await answer.text());
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("live");
      if (!fresh) throw new Error("the answer is no page of the dashboard");
      exchange(fresh);
      answered = Date.now();
      failures = 0;
      lost.hidden = true;
    } catch (error) {
      failures += 1;
      if (failures >= MISSED) tell(error);
    }
  }

  // Nobody who reads or types here may lose their place.
  function exchange(fresh) {
    if (live.innerHTML === fresh.innerHTML) return;
    const held = live.contains(document.activeElement) ? focusPath(document.activeElement) : null;
    const scrolled = [...live.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    live.replaceChildren(...fresh.childNodes);
    live.querySelectorAll(".scroll").forEach((one, at) => { one.scrollLeft = scrolled[at] || 0; });
    if (held) live.querySelectorAll(held.kind)[held.at]?.focus({ preventScroll: true });
  }

  function focusPath(element) {
    const kind = element.matches(".scroll") ? ".scroll" : element.localName;
    return { kind, at: [...live.querySelectorAll(kind)].indexOf(element) };
  }

  function tell(error) {
    const minutes = Math.round((Date.now() - answered) / 60000);
    const since = minutes ? `${minutes} min` : "less than a minute";
    const why = String(error.message || error).split("\n")[0];
    lost.textContent = `No answer from the agent for ${since}; what is shown is old. (${why})`;
    lost.hidden = false;
  }

  // ---- charts

  const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

  function shownBytes(value) {
    let unit = 0;
    let left = value;
    while (Math.abs(left) >= 1024 && unit < 4) { left /= 1024; unit += 1; }
    return `${whole.format(left)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
  }

  function shownSeconds(value) {
    if (value === 0) return "0 s";
    if (Math.abs(value) < 1) return `${whole.format(value * 1000)} ms`;
    if (Math.abs(value) < 120) return `${whole.format(value)} s`;
    return Math.abs(value) < 7200 ? `${whole.format(value / 60)} min` : `${whole.format(value / 3600)} h`;
  }

  const WRITTEN = {
    bytes: shownBytes,
    seconds: shownSeconds,
    per_second: (value) => `${whole.format(value)}/s`,
    count: (value) => whole.format(value),
  };

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  const TENS = [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7].flatMap((power) => [1, 2, 5].map((one) => one * 10 ** power));
  const TIMES = [...TENS.filter((one) => one < 10), 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400,
    28800, 86400, 172800, 604800];
  const POWERS = Array.from({ length: 50 }, (_, power) => 2 ** power);
  const STEPS = { bytes: POWERS, seconds: TIMES, per_second: TENS, count: TENS.filter((one) => one >= 1) };

  function moments(_, times) {
    const days = shown === "7d" || shown === "30d";
    const format = days ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hour12: false };
    const write = new Intl.DateTimeFormat("en-GB", { ...format, timeZone: "UTC" });
    return times.map((at) => write.format(new Date(at * 1000)));
  }

  const nothing = (value) => value === null || value === undefined;

  // A finger has no cursor: until one is there the legend tells the newest values.
  function tellNewest(plot) {
    const [times, ...lines] = plot.data;
    plot.setLegend({ idx: times.findLastIndex((_, at) => lines.some((values) => !nothing(values[at]))) });
  }

  // A line needs two points: one that stands alone, as after a restart, would not be seen.
  function alone(plot, series) {
    const values = plot.data[series];
    return values.flatMap((value, at) =>
      (!nothing(value) && nothing(values[at - 1]) && nothing(values[at + 1]) ? [at] : []));
  }

  function options(found, width) {
    const written = WRITTEN[found.unit];
    const palette = dark.matches ? DARK : LIGHT;
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    return {
      width,
      height: 180,
      // Everything else on the page says UTC, too: alerts and charts are compared.
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      series: [
        { value: (_, at) => (at ? `${new Date(at * 1000).toLocaleString("en-GB", { timeZone: "UTC" })} UTC` : "–") },
        ...found.lines.map((line, at) => ({
          label: line.name,
          stroke: palette[at % palette.length],
          dash: at >= palette.length ? [6, 4] : undefined,
          width: 1.75,
          spanGaps: false,
          points: { show: true, size: 5, filter: alone },
          value: (_, value) => (value === null || value === undefined ? "–" : written(value)),
        })),
      ],
      axes: [
        { ...axis, values: moments, size: 32 },
        { ...axis, size: 76, incrs: STEPS[found.unit], values: (_, values) => values.map(written) },
      ],
      scales: { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.05 : 1] } },
      cursor: { points: { size: 6 } },
      hooks: { ready: [tellNewest] },
    };
  }

  async function draw(place) {
    const note = place.parentElement.querySelector(".nothing");
    try {
      const answer = await fetch(`/series/${place.dataset.panel}?window=${shown}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(await answer.text());
      const found = await answer.json();
      place.drawn?.destroy();
      place.drawn = null;
      note.textContent = found.lines.length ? "" : "Nothing was read in this time.";
      place.hidden = !found.lines.length;
      if (!found.lines.length) return;
      const rows = [found.times, ...found.lines.map((line) => line.values)];
      place.drawn = new uPlot(options(found, place.clientWidth), rows, place);
      place.dataset.lines = String(found.lines.length);
    } catch (error) {
      note.textContent = `The history cannot be read: ${String(error.message || error).split("\n")[0]}`;
    }
  }

  function drawAll() {
    document.querySelectorAll("[data-window]").forEach((one) => {
      one.setAttribute("aria-pressed", String(one.dataset.window === shown));
    });
    plots.forEach(draw);
  }

  document.querySelectorAll("[data-window]").forEach((one) => {
    one.addEventListener("click", () => {
      shown = one.dataset.window;
      remember(shown);
      drawAll();
    });
  });

  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    plots.forEach((one) => one.drawn?.setSize({ width: one.clientWidth, height: 180 }));
  });
  dark.addEventListener("change", drawAll);

  if (plots.length) drawAll();
  if (body.dataset.page) {
    const every = Number(body.dataset.refresh) * 1000;
    setInterval(() => { if (!document.hidden) refresh(); }, every);
    setInterval(() => { if (!document.hidden && shown === "1h") drawAll(); }, every);
    setInterval(() => { if (!document.hidden && shown !== "1h") drawAll(); }, 8 * every);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  }
})();
