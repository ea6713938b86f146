/* Colours of rows: by class as the column has it, by number on a scale; lighter where the paper is dark. */

const HALF = 128; // steps of a scale in each half of its range
const LEVELS = 2 * HALF;

export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
export const css = (colour) => `rgb(${colour.join(",")})`;
const light = ([r, g, b]) => (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;

/** A colour made for white paper, lighter where the paper is dark. */
export function onPaper(hex, dark) {
  const colour = rgb(hex);
  if (!dark) return colour;
  const share = Math.max(0, 0.56 - light(colour));
  return colour.map((part) => Math.round(part + (255 - part) * share));
}

export function onScale(stops, share) {
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1), first = Math.floor(place);
  const next = Math.min(first + 1, stops.length - 1);
  return stops[first].map((part, i) => Math.round(part + (stops[next][i] - part) * (place - first)));
}

/** What the page's style says of ink and paper, and the map of its colours. */
export function paletteOf(host, map, dark) {
  const style = getComputedStyle(host), named = (name) => style.getPropertyValue(name).trim();
  return {
    dark, ink: named("--ink"), faint: named("--faint"), line: named("--line"), accent: named("--accent"),
    paper: rgb(named("--paper")), other: rgb(named("--other")), plain: onPaper(map.plain, dark),
    stops: map.scale[dark ? "dark" : "light"].map(rgb) };
}

const SAMPLE = 20_000, TAIL = 0.01, FAR = 3;

/** A column of numbers with the ends of its colours: where a few far values would make all others alike, those few
    have the colour of the end. */
export function withEnds(column, values) {
  if (column?.kind !== "number" || column.low === null) return column;
  const step = Math.max(1, Math.floor(values.length / SAMPLE)), some = [];
  for (let row = 0; row < values.length; row += step) if (!Number.isNaN(values[row])) some.push(values[row]);
  some.sort((a, b) => a - b);
  const at = (share) => some[Math.round(share * (some.length - 1))], from = at(TAIL), to = at(1 - TAIL);
  const far = to > from && column.high - column.low > FAR * (to - from);
  return far ? { ...column, from, to } : { ...column, from: column.low, to: column.high };
}

/** The colour of each class or step of the scale, and of what is missing; with the step of a row. */
function stepsOf(column, palette) {
  if (column.kind === "class") {
    const own = column.classes.map((each) => onPaper(each.colour, palette.dark));
    return { colours: [...own, palette.other], step: (code) => Math.min(code, own.length) };
  }
  const colours = Array.from({ length: LEVELS }, (_, i) => onScale(palette.stops, i / (LEVELS - 1)));
  const times = (LEVELS - 1) / (column.to - column.from || 1);
  const step = (value) =>
    Number.isNaN(value) ? LEVELS : Math.min(Math.max(Math.round((value - column.from) * times), 0), LEVELS - 1);
  return { colours: [...colours, palette.other], step };
}

/** Four bytes for every row in the order they are drawn in: red, green, blue, and whether the row is to be seen. */
export function colourRows(order, column, values, active, palette) {
  const bytes = new Uint8Array(4 * order.length);
  const { colours, step } = column ? stepsOf(column, palette) : { colours: [palette.plain], step: () => 0 };
  for (let k = 0, at = 0; k < order.length; k++, at += 4) {
    const row = order[k], colour = colours[column ? step(values[row]) : 0];
    bytes[at] = colour[0];
    bytes[at + 1] = colour[1];
    bytes[at + 2] = colour[2];
    bytes[at + 3] = !active || active[row] ? 255 : 0;
  }
  return bytes;
}

/** A fixed shuffle: drawn class by class, the last one would hide the others; and its beginning is a fair sample. */
export function shuffled(n) {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  let state = 12345;
  for (let i = n - 1; i > 0; i--) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const j = Math.floor((state / 4294967296) * (i + 1)), held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  return order;
}
