/* The pieces that panels are made of. */

import { address, go, read } from "/static/address.js";
import { button, element, field, said, svg } from "/static/elements.js";
import { count, shown } from "/static/numbers.js";
import { path, stopped } from "/static/server.js";
import { cell, rowHead, table } from "/static/tables.js";

/** What went wrong, and a way to try again. */
export function failure(error, again) {
  const block = element("div", { className: "failed", role: "alert" }, said("p", error.message));
  if (again) block.append(button("Try again", again));
  return block;
}

export const empty = (text) => element("p", { className: "empty", textContent: text });

/** Runs what fills a place; an error stands in the place with a way to try again. */
export async function fill(place, work) {
  place.setAttribute("aria-busy", "true");
  try {
    await work();
    place.removeAttribute("aria-busy");
  } catch (error) {
    if (stopped(error)) return;
    place.removeAttribute("aria-busy");
    place.replaceChildren(failure(error, () => fill(place, work)));
  }
}

/** A slider that says its value; `show` puts the value into words. */
export function slider({ label, min, max, step, value, show = shown, input = () => {}, change = () => {} }) {
  const control = element("input", { type: "range", min, max, step });
  const output = element("output", {});
  const block = field(label, control, { className: "field slider" });
  output.htmlFor = control.id;
  block.append(output);
  const say = () => {
    output.textContent = show(Number(control.value));
    control.setAttribute("aria-valuetext", output.textContent);
  };
  control.addEventListener("input", () => { say(); input(Number(control.value)); });
  control.addEventListener("change", () => change(Number(control.value)));
  const set = (number) => { control.value = number; say(); };
  set(value);
  return { block, control, set, say, get value() { return Number(control.value); } };
}

export function number({ label, min, max, value, change }) {
  const control = element("input", { type: "number", min, max, step: 1, value, inputMode: "numeric" });
  control.addEventListener("change", () => {
    const wanted = Math.round(Number(control.value));
    control.value = Math.min(Math.max(Number.isFinite(wanted) ? wanted : min, min), max);
    change?.(Number(control.value));
  });
  return { block: field(label, control), control, get value() { return Number(control.value); } };
}

/** Chooses a row by its number, the one beside it, or any. */
export function rowPicker(source, act) {
  const last = source.n - 1;
  const label = `Number, from 0 to ${count(last)}`;
  const { block, control } = number({ label, min: 0, max: last, value: 0, change: act });
  const step = (by) => () => act(Math.min(Math.max(Number(control.value) + by, 0), last));
  const tools = element("div", { className: "tools" }, block,
    button("Previous", step(-1)), button("Next", step(1)),
    button("Any row", () => act(Math.floor(Math.random() * source.n))));
  return { block: tools, set: (row) => { control.value = row; } };
}

/** The row that an address asks for, within the rows there are. */
export function rowOf(params, source) {
  const row = Math.round(Number(params.row ?? 0));
  return Number.isFinite(row) ? Math.min(Math.max(row, 0), source.n - 1) : 0;
}

export function rowLink(row, text, panel = "item") {
  return said("a", text, { href: address(panel, { row }) });
}

const TRIES = 4;

/** A picture of a row at a size where its pixels are seen; asked for again while the model is busy. */
export function picture(source, alt, size = "large") {
  let tries = 1;
  const again = () => { if (tries++ < TRIES) setTimeout(() => { made.src = source; }, 800 * tries); };
  const made = element("img", { src: source, alt, className: `pixels ${size}`, decoding: "async" });
  made.addEventListener("error", again);
  return made;
}

export function figure(source, caption) {
  return element("figure", { className: "shown" }, picture(source, caption), said("figcaption", caption));
}

/** What was said of a row. */
export const marked = (mark) => element("span", { className: `marked ${mark}`, textContent: `marked ${mark}` });

export const rowPicture = (row, size) => path(`/api/rows/${row}/picture`, { size });

/** The beginning of a card in one line; of a single field only what it says. */
export function inOneLine(card) {
  const parts = card.fields.slice(0, 3);
  return parts.length === 1 ? parts[0][1] : parts.map(([name, text]) => `${name} ${text}`).join(" · ");
}

export function fields(pairs) {
  return element("dl", { className: "fields" }, pairs.flatMap(([name, text]) => [said("dt", name), said("dd", text)]));
}

/** A share of 0 to 1 as a bar. */
export function bar(share) {
  const length = 100 * Math.min(Math.max(share, 0), 1);
  const shape = { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" };
  return svg("svg", shape, svg("rect", { class: "groove", width: 100, height: 10 }),
    svg("rect", { width: length, height: 10 }));
}

/** Which columns make a row strange: what they are, what was expected, and their share of the error. */
export function barsTable(bars) {
  const share = (each) => element("td", { className: "share" }, bar(each.share),
    element("small", { textContent: `${Math.round(100 * each.share)} %` }));
  const rows = bars.map((each) => [rowHead(each.name), cell(each.value), cell(each.expected ?? ""), share(each)]);
  const head = ["Column", "Value", "Expected", "Share of the error"];
  return table("Columns by their share of the error", head, rows, "bars");
}

const STEPS = [1, 2, 3.5, 5, 7]; // nats above which an item is marked more strongly

/** A text whose items are marked by how much they surprised the model; events stand apart. */
export function surprisalText({ items, nats }, apart = false) {
  const spans = items.flatMap((text, i) => {
    const level = STEPS.filter((step) => nats[i] >= step).length;
    const amount = nats[i] === null ? "no expectation yet" : `${shown(Number(nats[i].toFixed(2)))} nats`;
    return [apart && i ? " " : "", element("span", { className: `nats${level}`, textContent: text, title: amount })];
  });
  const key = ["below 1", "1 to 2", "2 to 3.5", "3.5 to 5", "5 to 7", "above 7"].map((text, level) =>
    element("li", {}, element("span", { className: `swatch nats${level}` }), text));
  return element("div", {}, element("p", { className: "passage", dir: "auto" }, spans),
    element("ul", { className: "legend" }, element("li", { textContent: "Nats of surprise:" }), key));
}

/** Goes to the same panel with some of its settings changed. */
export function change(changes, { replace = false } = {}) {
  const { panel, params } = read();
  go(panel, { ...params, ...changes }, { replace });
}

/** A number that all that is random follows, and another one. */
export function seedOf() {
  const set = (seed) => change({ seed: seed || null });
  return number({ label: "Seed", min: 0, max: 2 ** 31 - 1, value: 0, change: set });
}

export const anotherSeed = () => change({ seed: Math.floor(Math.random() * 1e6) });
