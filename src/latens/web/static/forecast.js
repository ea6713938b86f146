/* What comes after a series: the mean of possible futures, how far they spread, and some of them. */

import { anotherSeed, change, fill, rowOf, rowPicker, seedOf, slider } from "/static/blocks.js";
import { chartPlace } from "/static/charts.js";
import { afterwards, button, element } from "/static/elements.js";
import { count, percent, shown } from "/static/numbers.js";
import { get, onlyLatest, path } from "/static/server.js";
import { cell, folded, rowHead, table } from "/static/tables.js";

const USUAL = { horizon: 48, paths: 100, seed: 0 };
const HOUR = 3_600_000, DAY = 24 * HOUR;
const HOURS = [1 / 60, 5 / 60, 0.25, 0.5, 1, 3, 6, 12, 24, 48, 168, 336, 672, 2160, 8760, 43800];
const UNITS = HOURS.map((hours) => hours * HOUR);

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
    for (let time = Math.ceil(when(low) / unit) * unit; time <= when(high); time += unit)
      found.push(start + (time - first) / step);
    return found;
  };
  return step >= DAY ? { nameX: (at) => text(at).slice(0, 10), ticksX, across: "date" }
    : { nameX: (at) => text(at).slice(5, 16).replace("T", " "), ticksX, across: "month-day and time" };
}

/** The last value of the past, so that the future begins where it ended. */
function joined(history, channel, future, values) {
  if (!history.at.length) return { x: future.at, y: values };
  return { x: [history.at.at(-1), ...future.at], y: [history.values[channel].at(-1), ...values] };
}

function chartOf(found, channel, withPaths) {
  const { history, future } = found, name = found.names[channel];
  const follow = (values) => joined(history, channel, future, values);
  const lines = [{ name: "past", x: history.at, y: history.values[channel], style: "s2" }];
  if (withPaths)
    found.paths.forEach((path, i) =>
      lines.push({ name: i ? "" : `${found.paths.length} possible futures`, ...follow(path[channel]), style: "path" }));
  lines.push({ name: "mean of the futures", ...follow(future.mean[channel]), style: "s0" });
  const bands = future.bands.map((band, i) => {
    const lower = follow(band.lower[channel]), upper = follow(band.upper[channel]);
    const name = `${percent(band.high - band.low)} of the futures`;
    return { name, x: lower.x, low: lower.y, high: upper.y, style: `s0 deep${i}` };
  });
  return { lines, bands, ...namesOf(found), up: name, at: { x: future.at[0], text: "" }, whole: true,
    label: `${name}: the past, and the forecast of ${future.at.length} steps` };
}

function tableOf(found) {
  const { nameX, across } = namesOf(found), { future } = found, widest = future.bands[0];
  const parts = [["mean", future.mean]];
  if (widest) parts.push([percent(widest.low), widest.lower], [percent(widest.high), widest.upper]);
  const head = [across, ...found.names.flatMap((name) => parts.map(([part]) => `${name}, ${part}`))];
  const rows = future.at.map((at, i) => [rowHead(nameX(at)),
    ...found.names.flatMap((_, channel) => parts.map(([, values]) => cell(shown(values[channel][i]), "number")))]);
  return folded("The forecast as a table", table("The forecast as a table", head, rows));
}

export function make(about, host) {
  const picker = about.source.n > 1 ? rowPicker(about.source, (row) => change({ row })) : null;
  const next = onlyLatest(), status = element("p", { className: "faint", role: "status" }), place = element("div", {});
  const slide = (name) => afterwards(200, (value) => change({ [name]: value }, { replace: true }));
  const counts = (label, name, min, max, step) =>
    slider({ label, min, max, step, value: USUAL[name], show: count, input: slide(name) });
  const horizon = counts("Horizon, steps ahead", "horizon", 1, 500, 1);
  const paths = counts("Futures drawn", "paths", 10, 500, 10);
  const seed = seedOf(), withPaths = element("input", { type: "checkbox" });
  withPaths.addEventListener("change", () => change({ drawn: withPaths.checked ? 1 : null }));
  host.append(...[picker?.block, element("div", { className: "sliders" }, horizon.block, paths.block),
    element("div", { className: "tools" }, seed.block, button("Another seed", anotherSeed),
      element("label", { className: "check" }, withPaths, " Show single futures")), status, place].filter(Boolean));
  let found = null, asked = "";

  function draw() {
    const places = found.names.map((_, channel) => {
      const made = chartPlace();
      made.set(chartOf(found, channel, withPaths.checked));
      return made.block;
    });
    status.textContent = `${count(found.future.at.length)} steps after the last of the series.`;
    place.replaceChildren(...places, tableOf(found));
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
