/* One row: what went in, what came out, what is left over, how strange that is, and what is near it. */

import { address } from "/static/address.js";
import { barsTable, change, empty, fields, figure, fill, marked, picture } from "/static/blocks.js";
import { rowLink, rowOf, rowPicker, rowPicture, surprisalText } from "/static/blocks.js";
import { chartPlace } from "/static/charts.js";
import { element, said } from "/static/elements.js";
import { count, sentence, shown } from "/static/numbers.js";
import { get, onlyLatest } from "/static/server.js";
import { folded } from "/static/tables.js";

const part = (title, ...inside) => element("section", {}, element("h3", { textContent: title }), inside);

const NAMES = { input: "Input", reconstruction: "Reconstruction",
  residual: "Residual: red where the input is more than was expected, blue where less" };

function chance(p) {
  return p >= 0.01 ? `p = ${shown(Number(p.toFixed(3)))}` : `p = ${shown(p)}`;
}

function verdict(item) {
  const facts = [[item.cost, shown(item.error)]];
  if (item.score !== null) facts.push(["Strangeness", shown(item.score)]);
  if (item.p_value !== null) facts.push(["Chance among ordinary rows", chance(item.p_value)]);
  if (item.flagged !== null) facts.push(["Verdict", item.flagged ? "strange" : "ordinary"]);
  return part("How strange it is", said("p", sentence(item.words), { className: "verdict" }), fields(facts));
}

function pictures(row, names) {
  const figures = names.map((name) => figure(`/api/items/${row}/${name}`, NAMES[name]));
  return part("Pictures", element("div", { className: "side-by-side" }, figures));
}

function inChannels(values) { return Array.isArray(values[0]) ? values : [values]; }

function seriesCharts(series) {
  const names = series.names || [], expected = series.expected && inChannels(series.expected);
  const charts = inChannels(series.values).map((values, channel) => {
    const name = names[channel] || "value", place = chartPlace();
    const lines = [{ name: expected ? name : "", x: series.steps, y: values, style: "s0" }];
    if (expected) lines.push({ name: "expected", x: series.steps, y: expected[channel], style: "s1" });
    place.set({ lines, across: "step", up: name, label: `${name} by step` });
    return place.block;
  });
  if (series.nats) {
    const place = chartPlace();
    const lines = [{ name: "", x: series.steps, y: series.nats, style: "s1 whole" }];
    place.set({ lines, across: "step", up: "surprise (nats)", label: "Surprise in nats by step" });
    charts.push(place.block);
  }
  return part("The series", charts);
}

function nearest(rows) {
  const entries = rows.map((each) => {
    const link = { href: address("item", { row: each.row }), tabIndex: -1, "aria-hidden": "true" };
    const distance = element("p", { className: "faint", textContent: `distance ${shown(each.distance)}` });
    return element("li", {}, each.picture ? element("a", link, picture(rowPicture(each.row, 96), "", "small")) : null,
      element("div", {}, rowLink(each.row, each.id), distance));
  });
  return part("Nearest by code",
    rows.length ? element("ol", { className: "tiles" }, entries) : empty("There is no other row to be near."));
}

/** Of a picture the residual says more than a list of its pixels. */
function carriers(item) {
  const table = item.bars.length ? barsTable(item.bars) : empty("Nothing stands out.");
  return item.pictures ? folded("Pixels that carry the error", table) : part("Columns that carry the error", table);
}

function cardPart(item, hasMap) {
  const { card } = item, map = { href: address("map", { row: card.row }), textContent: "Show it on the map" };
  return element("section", { className: "about-row" }, said("h3", card.title),
    card.marks ? element("p", {}, marked(card.marks)) : null,
    fields(card.fields),
    hasMap ? element("p", {}, element("a", map)) : null);
}

export function make(about, host) {
  const picker = rowPicker(about.source, (row) => change({ row })), next = onlyLatest();
  const place = element("div", {}), status = element("p", { className: "unseen", role: "status" });
  if (about.source.n > 1) host.append(picker.block);
  host.append(status, place);
  let seen = null;

  function draw(row, item) {
    seen = row;
    status.textContent = `Row ${count(row)}: ${item.card.title}`;
    place.replaceChildren(...[cardPart(item, about.panels.includes("map")), verdict(item),
      item.pictures && pictures(row, item.pictures),
      item.surprisal && part("What surprised the model", surprisalText(item.surprisal, about.source.kind === "events")),
      item.series && seriesCharts(item.series),
      item.bars && carriers(item),
      nearest(item.nearest)].filter(Boolean));
  }

  function show(params) {
    const row = rowOf(params, about.source);
    picker.set(row);
    if (seen === row) return;
    fill(place, async () => draw(row, await get(`/api/items/${row}`, next())));
  }

  return { show, hide: next.stop };
}
