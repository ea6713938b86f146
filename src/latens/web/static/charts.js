/* Lines and bands as SVG, with axes, ticks and a legend: redrawn when there is more or less room. */

import { element, said, svg } from "/static/elements.js";
import { powers, shown, ticks } from "/static/numbers.js";

const EDGE = { left: 64, right: 14, top: 30, bottom: 50 };
const HEIGHT = 280;
const BINS = 400; // more places along a line are no more to be seen: of each bin the least and the most are kept
const LETTER = 7.5;

function ends(parts) {
  let low = Infinity, high = -Infinity;
  for (const part of parts)
    for (const value of part)
      if (value !== null && Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  return low <= high ? [low, high] : [0, 1];
}

function apart(low, high) {
  const least = 1e-9 * Math.max(Math.abs(low), Math.abs(high)) || 1;
  const half = (end) => Math.max(Math.abs(end), 1) / 2;
  return high - low > least ? [low, high] : [low - half(low), high + half(high)];
}

function scale([low, high], first, last, log) {
  const bent = log ? Math.log : (value) => value, from = bent(low), width = bent(high) - from;
  const place = (value) => first + ((bent(value) - from) / width) * (last - first);
  return Object.assign(place, { low, high, log });
}

function tickPlaces(along, about) {
  return along.log ? powers(along.low, along.high, about) : ticks(along.low, along.high, about);
}

function heights(chart) {
  const parts = [...chart.lines.map((line) => line.y), ...(chart.bands || []).flatMap((band) => [band.low, band.high])];
  const [low, high] = ends(chart.logY ? parts.map((part) => part.filter((value) => value > 0)) : parts);
  if (chart.logY && low > 0) return apart(low, Math.max(high, low * 1.01));
  const margin = 0.04 * (high - low);
  return apart(low >= 0 && low < 0.3 * high ? 0 : low - margin, high + margin);
}

/** Of a long line the least and the most of each bin, in their order. */
function thinned(x, y) {
  if (x.length <= 2 * BINS) return [x, y];
  const keptX = [], keptY = [];
  for (let bin = 0; bin < BINS; bin++) {
    const from = Math.floor((bin * x.length) / BINS), to = Math.floor(((bin + 1) * x.length) / BINS);
    let least = from, most = from;
    for (let i = from; i < to; i++) {
      if (y[i] < y[least]) least = i;
      if (y[i] > y[most]) most = i;
    }
    for (const i of [Math.min(least, most), Math.max(least, most)]) { keptX.push(x[i]); keptY.push(y[i]); }
  }
  return [keptX, keptY];
}

const there = (value, along) => value !== null && Number.isFinite(value) && !(along.log && value <= 0);

function outline(line, x, y) {
  const [across, up] = thinned(line.x, line.y);
  let text = "", broken = true;
  across.forEach((value, i) => {
    if (!there(up[i], y)) { broken = true; return; }
    text += `${broken ? "M" : "L"}${x(value).toFixed(1)} ${y(up[i]).toFixed(1)}`;
    broken = false;
  });
  return text;
}

function bandOutline(band, x, y) {
  const place = (value, i) => `${x(band.x[i]).toFixed(1)} ${y(value).toFixed(1)}`;
  return `M${[...band.high.map(place), ...band.low.map(place).reverse()].join("L")}Z`;
}

function xTicks(chart, x, width) {
  const places = chart.ticksX ? chart.ticksX(x.low, x.high)
    : tickPlaces(x, width / 90).filter((tick) => !chart.whole || Number.isInteger(tick));
  const names = places.map((tick) => (chart.nameX || shown)(tick));
  const longest = Math.max(1, ...names.map((name) => name.length)) * LETTER + 12;
  const step = x.log ? 1 : Math.max(1, Math.ceil((places.length * longest) / width));
  let free = -Infinity;
  return places.map((tick, i) => [tick, names[i]]).filter(([tick], i) => {
    const at = x(tick);
    if (i % step || at - longest / 2 < free) return false;
    free = at + longest / 2 - 12;
    return true;
  });
}

function axes(chart, x, y, box) {
  const parts = [svg("text", { class: "up", x: 4, y: 16 }, chart.up)];
  for (const tick of tickPlaces(y, 7))
    parts.push(svg("path", { class: "tick", d: `M${box.left} ${y(tick).toFixed(1)}H${box.right}` }),
      svg("text", { x: box.left - 7, y: y(tick), dy: ".35em", "text-anchor": "end" }, (chart.nameY || shown)(tick)));
  for (const [tick, name] of xTicks(chart, x, box.right - box.left)) {
    const at = x(tick), anchor = at > box.right - name.length * LETTER / 2 ? "end" : "middle";
    parts.push(svg("path", { class: "tick", d: `M${at.toFixed(1)} ${box.bottom}v5` }),
      svg("text", { x: anchor === "end" ? box.right : at, y: box.bottom + 20, "text-anchor": anchor }, name));
  }
  const middle = { class: "across", x: (box.left + box.right) / 2, y: box.bottom + 42, "text-anchor": "middle" };
  return [...parts, svg("text", middle, chart.across)];
}

function mark(at, x, y, box) {
  const place = x(at.x).toFixed(1);
  const parts = [svg("path", { class: "at", d: `M${place} ${box.top}V${box.bottom}` })];
  if (at.text) {
    const left = x(at.x) > (box.left + box.right) / 2;
    const aside = { x: Number(place) + (left ? -5 : 5), y: box.top + 12, "text-anchor": left ? "end" : "start" };
    parts.push(svg("text", aside, at.text));
  }
  return parts;
}

function dots(line, x, y) {
  const dot = (cx, cy) => svg("circle", { class: `dot ${line.style}`, cx: cx.toFixed(1), cy: cy.toFixed(1), r: 3 });
  return line.x.flatMap((value, i) => (there(line.y[i], y) ? [dot(x(value), y(line.y[i]))] : []));
}

function drawn(chart, width) {
  const box = { left: EDGE.left, right: width - EDGE.right, top: EDGE.top, bottom: HEIGHT - EDGE.bottom };
  const all = [...chart.lines, ...(chart.bands || [])];
  const x = scale(apart(...ends(all.map((each) => each.x))), box.left, box.right, chart.logX);
  const range = heights(chart), y = scale(range, box.bottom, box.top, chart.logY && range[0] > 0);
  const size = { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT };
  const picture = svg("svg", { class: "chart", ...size, role: "img", "aria-label": chart.label });
  picture.append(...axes(chart, x, y, box));
  for (const band of chart.bands || [])
    picture.append(svg("path", { class: `band ${band.style}`, d: bandOutline(band, x, y) }));
  for (const line of chart.lines) {
    picture.append(svg("path", { class: `line ${line.style}`, d: outline(line, x, y) }));
    if (line.dots && line.x.length <= BINS / 8) picture.append(...dots(line, x, y));
  }
  if (chart.at) picture.append(...mark(chart.at, x, y, box));
  return picture;
}

function legend(chart) {
  const key = (each, shape) => element("li", {},
    svg("svg", { class: "key", viewBox: "0 0 28 10", "aria-hidden": "true" }, shape), said("span", each.name));
  const lines = chart.lines.filter((line) => line.name)
    .map((line) => key(line, svg("path", { class: `line ${line.style}`, d: "M0 5H28" })));
  const bands = (chart.bands || []).filter((band) => band.name)
    .map((band) => key(band, svg("path", { class: `band ${band.style}`, d: "M0 0H28V10H0Z" })));
  return element("ul", { className: "legend" }, lines, bands);
}

/** A chart that fits its place: `set(chart)` draws lines and bands with the names of both axes, `across` and `up`, and
    a `label`; it may have `logX`, `logY`, `whole` numbers only, `nameX` of a tick, `ticksX` and a mark `at` a place. */
export function chartPlace() {
  const drawing = element("div", { className: "chart-drawing" }), keys = element("div", {});
  const block = element("figure", { className: "chart-place" }, drawing, keys);
  let chart = null, width = 0;
  const draw = () => { if (chart && width) drawing.replaceChildren(drawn(chart, width)); };
  new ResizeObserver(() => {
    const now = Math.min(Math.floor(drawing.clientWidth), 760);
    if (now && now !== width) { width = now; draw(); }
  }).observe(drawing);
  const set = (next) => { chart = next; keys.replaceChildren(legend(next)); draw(); };
  return { block, set };
}
