/* What the colours mean: a button for each class, which shows it alone, or the scale. */

import { css, onPaper } from "/static/colours.js";
import { element, said } from "/static/elements.js";
import { count, shown } from "/static/numbers.js";

function swatch(colour) {
  const made = element("span", { className: "swatch" });
  made.style.background = colour;
  return made;
}

function classButton(each, code, palette, kept, keep) {
  const pressed = String(kept === code);
  return element("button", {
    type: "button", className: "class", title: "Show this class alone", "aria-pressed": pressed,
    on: { click: () => keep(kept === code ? null : code) } },
  swatch(css(onPaper(each.colour, palette.dark))), element("bdi", { textContent: each.name }),
  element("small", { textContent: count(each.size) }));
}

function scaleParts(column, palette) {
  const bar = element("div", { className: "scale", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(to right, ${palette.stops.map(css).join(", ")})`;
  const parts = [bar, element("div", { className: "ends" },
    element("span", { textContent: shown(column.from) }), element("span", { textContent: shown(column.to) }))];
  if (column.from > column.low || column.to < column.high)
    parts.push(element("p", { className: "faint",
      textContent: `A few values lie beyond, from ${shown(column.low)} to ${shown(column.high)}.` }));
  if (column.missing)
    parts.push(element("p", {}, swatch(css(palette.other)), `missing ${count(column.missing)}`));
  return parts;
}

/** Fills the legend for a complete column, or empties it; `keep(code)` is called with the class to show alone. */
export function drawLegend(place, column, palette, kept, keep) {
  const focused = [...place.querySelectorAll("button")].indexOf(document.activeElement);
  place.replaceChildren();
  if (!column) return;
  place.append(said("h3", column.name));
  if (column.kind === "number") place.append(...scaleParts(column, palette));
  else place.append(...column.classes.map((each, code) => classButton(each, code, palette, kept, keep)));
  if (focused >= 0) place.querySelectorAll("button")[focused]?.focus();
}
