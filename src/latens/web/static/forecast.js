/* What comes after a series: the mean of possible futures, how far they spread, and some of them. */

import { change, fill, number, rowOf, rowPicker, slider } from "/static/blocks.js";
import { chartPlace } from "/static/charts.js";
import { afterwards, button, element } from "/static/elements.js";
import { count, percent, shown } from "/static/numbers.js";
import { get, onlyLatest, path } from "/static/server.js";

const USUAL = { horizon: 48, paths: 100, seed: 0 };
const HOUR = 3_600_000, DAY = 24 * HOUR;
const UNITS = [1 / 60, 5 / 60, 0.25, 0.5, 1, 3, 6, 12, 24, 48, 168, 336, 672, 2160, 8760, 43800].map((hours) => hours * HOUR);

function instant(text) {
  return Date.parse(`${String(text).slice(0, 19).replace(" ", "T")}Z`);
}

/** How places along the chart are called: by the time they stand for, if the series has times. */
function namesOf(found) {
  const times = Array.isArray(found.times) ? found.times : null;
  if (!times || times.length < 2) return { nameX: shown, across: "step" };
  const [first, second] = times.map(instant), step = second - first, start = found.future.at[0];
  const when = (at) => first + (at - start) * step, text = (at) => new Date(Math.round(when(at))).toISOString();
  const ticksX = (low, high) => {
    const unit = UNITS.find((each) => (when(high) - when(low)) / each <= 6) || UNITS.at(-1), found = [];
    for (let time = Math.ceil(when(low) / unit) * unit; time <= when(high); time += unit) found.push(start + (time - first) / step);
    return found;
  };
  return step >= DAY ? { nameX: (at) => text(at).slice(0, 10), ticksX, across: "date" }
    : { nameX: (at) => text(at).slice(5, 16).replace("T", " "), ticksX, across: "month-day and time" };
}

/** The last value of the past, so that the future begins where it ended. */
function joined(history, channel, future, values) {
  const last = history.at.length - 1;
  return last < 0 ? { x: future.at, y: values } : { x: [history.at[last], ...future.at], y: [history.values[channel][last], ...values] };
}

function chartOf(found, channel, withPaths) {
  const { history, future } = found, name = found.names[channel];
  const follow = (values) => joined(history, channel, future, values);
  const lines = [{ name: "past", x: history.at, y: history.values[channel], style: "s2" }];
  if (withPaths)
    found.paths.forEach((path, i) => lines.push({ name: i ? "" : `${found.paths.length} possible futures`, ...follow(path[channel]), style: "path" }));
  lines.push({ name: "mean of the futures", ...follow(future.mean[channel]), style: "s0" });
  const bands = future.bands.map((band, i) => {
    const lower = follow(band.lower[channel]), upper = follow(band.upper[channel]);
    return { name: `${percent(band.high - band.low)} of the futures`, x: lower.x, low: lower.y, high: upper.y, style: `s0 deep${i}` };
  });
  return { lines, bands, ...namesOf(found), up: name, at: { x: future.at[0], text: "" }, whole: true,
    label: `${name}: the past, and the forecast of ${future.at.length} steps` };
}

function table(found) {
  const { nameX } = namesOf(found), { future } = found, widest = future.bands[0];
  const head = [namesOf(found).across, ...found.names.flatMap((name) => [`${name}, mean`, ...(widest ? [`${name}, ${percent(widest.low)}`, `${name}, ${percent(widest.high)}`] : [])])];
  const rows = future.at.map((at, i) => element("tr", {}, element("th", { scope: "row", textContent: nameX(at) }),
    found.names.flatMap((_, channel) => [future.mean, ...(widest ? [widest.lower, widest.upper] : [])]
      .map((values) => element("td", { className: "number", textContent: shown(values[channel][i]) })))));
  return element("details", {}, element("summary", { textContent: "The forecast as a table" }),
    element("div", { className: "wide", role: "region", tabIndex: 0, "aria-label": "The forecast as a table" },
      element("table", {}, element("thead", {}, element("tr", {}, head.map((text) => element("th", { scope: "col", textContent: text })))), element("tbody", {}, rows))));
}

export function make(about, host) {
  const picker = about.source.n > 1 ? rowPicker(about.source, (row) => change({ row })) : null;
  const next = onlyLatest(), status = element("p", { className: "faint", role: "status" }), place = element("div", {});
  const slide = (name) => afterwards(200, (value) => change({ [name]: value }, { replace: true }));
  const horizon = slider({ label: "Horizon, steps ahead", min: 1, max: 500, step: 1, value: USUAL.horizon, show: count, input: slide("horizon") });
  const paths = slider({ label: "Futures drawn", min: 10, max: 500, step: 10, value: USUAL.paths, show: count, input: slide("paths") });
  const seed = number({ label: "Seed", min: 0, max: 2 ** 31 - 1, value: USUAL.seed, change: (value) => change({ seed: value || null }) });
  const withPaths = element("input", { type: "checkbox", on: { change: () => change({ drawn: withPaths.checked ? 1 : null }) } });
  host.append(...[picker?.block, element("div", { className: "sliders" }, horizon.block, paths.block),
    element("div", { className: "tools" }, seed.block, button("Another seed", () => change({ seed: Math.floor(Math.random() * 1e6) })),
      element("label", { className: "check" }, withPaths, " Show single futures")), status, place].filter(Boolean));
  let found = null, asked = "";

  function draw() {
    const places = found.names.map((_, channel) => {
      const made = chartPlace();
      made.set(chartOf(found, channel, withPaths.checked));
      return made.block;
    });
    status.textContent = `${count(found.future.at.length)} steps after the last of the series.`;
    place.replaceChildren(...places, table(found));
  }

  function show(params) {
    const row = rowOf(params, about.source), how = {};
    for (const [name, usual] of Object.entries(USUAL)) how[name] = Math.round(Number(params[name] ?? usual)) || usual;
    picker?.set(row);
    horizon.set(how.horizon);
    paths.set(how.paths);
    seed.control.value = how.seed;
    withPaths.checked = params.drawn === "1";
    const wanted = path(`/api/forecast/${row}`, how);
    if (wanted === asked && found) return draw();
    fill(place, async () => {
      found = await get(wanted, next());
      asked = wanted;
      draw();
    });
  }

  return { show, hide: next.stop };
}
