/* The picture of the map: points, what lies over them, and what hands do to it. */

import { colourRows, paletteOf, shuffled } from "/static/colours.js";
import { element } from "/static/elements.js";
import { Gestures } from "/static/gestures.js";
import { Grid } from "/static/grid.js";
import { counted } from "/static/numbers.js";
import { paintOverlay } from "/static/overlay.js";
import { Points } from "/static/points.js";
import { View } from "/static/view.js";

const REACH = 14; // pixels from the pointer in which a point is found
const MIDDLE = 60; // pixels from the middle for whoever has no mouse
const SETTLE = 140; // milliseconds after which a picture that moved is drawn completely

function inDrawingOrder(points, order) {
  const places = new Float32Array(points.length);
  for (let k = 0; k < order.length; k++) {
    places[2 * k] = points[2 * order[k]];
    places[2 * k + 1] = points[2 * order[k] + 1];
  }
  return places;
}

export class Plot {
  /** `to` is told: pointed(row), pinned(row), chosen(path in the data's units), left(), moved(),
      resized(), repainted() with other colours. */
  constructor(map, points, noun, choice, to) {
    Object.assign(this, { map, points, choice, to, tool: null, path: null, pointed: -1, kept: -1, dropped: [] });
    Object.assign(this, { column: null, values: null });
    this.order = shuffled(map.n);
    this.view = new View(points, map.equal);
    this.grid = new Grid(points, this.view);
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.build(counted(map.n, noun));
    this.drawn = new Points(this.canvas, inDrawingOrder(points, this.order));
    this.drawn.onRestored = () => this.recolour();
    this.gestures = new Gestures(this.over, this);
    this.dark.addEventListener("change", () => { this.recolour(); this.to.repainted(); });
  }

  build(rows) {
    this.canvas = element("canvas", { className: "points", "aria-hidden": "true" });
    this.over = element("canvas", { className: "over", tabIndex: 0, role: "img", "aria-label":
      `Map of ${rows}. Arrow keys move it, plus and minus zoom, Enter opens the card of the row nearest to the middle, `
      + "0 shows everything, Escape closes the card." });
    this.block = element("div", { className: "plot" }, this.canvas, this.over);
    new ResizeObserver(() => this.resize()).observe(this.block);
  }

  resize() {
    const { clientWidth, clientHeight } = this.block;
    if (!clientWidth || !clientHeight) return;
    this.ratio = window.devicePixelRatio || 1;
    this.view.resize(clientWidth, clientHeight);
    if (this.wanted) this.view.look(...this.wanted);
    this.wanted = null;
    this.over.width = Math.round(clientWidth * this.ratio);
    this.over.height = Math.round(clientHeight * this.ratio);
    this.canvas.width = Math.round(this.view.plotWidth * this.ratio);
    this.canvas.height = Math.round(this.view.plotHeight * this.ratio);
    this.to.resized();
    this.draw();
  }

  // ---- drawing

  /** Colours by a complete column and its values; null for none. */
  colourBy(column, values) {
    [this.column, this.values] = [column, values];
    this.recolour();
  }

  recolour() {
    this.palette = paletteOf(this.block, this.map, this.dark.matches);
    const { active } = this.choice;
    this.drawn.paint(colourRows(this.order, this.column, this.values, active, this.palette), Boolean(active));
    this.draw();
  }

  /** New rows, drawn over the others. */
  drop(rows) {
    this.dropped = rows;
    this.draw();
  }

  /** At the next frame; `moving`: quickly now, completely once the hand rests. */
  draw(moving = false) {
    clearTimeout(this.settling);
    this.moving = moving;
    if (moving) this.settling = setTimeout(() => this.draw(), SETTLE + this.drawn.took);
    if (!this.view.width || this.waiting || !this.palette) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  get radius() {
    const grown = Math.min(Math.max(this.view.zoom, 1) ** 0.35, 2.5);
    return Math.min(Math.max(Math.sqrt(9000 / this.map.n), this.map.n > 3e5 ? 0.6 : 1.3), 4.5) * grown;
  }

  paint() {
    const { radius, ratio, palette } = this, opacity = this.map.n < 2000 ? 0.9 : 0.7;
    this.drawn.draw(this.view, { radius, opacity, other: palette.other, ratio, moving: this.moving });
    this.repaintOver();
    this.frames = (this.frames || 0) + 1;
  }

  repaintOver() {
    const row = this.pointed >= 0 ? this.pointed : this.kept;
    paintOverlay(this.over, this.view, this.map, this.palette, this.ratio, {
      radius: this.radius, path: this.path, around: this.choice.around, dropped: this.dropped,
      pointed: row >= 0 ? [this.points[2 * row], this.points[2 * row + 1]] : null });
  }

  placeOf(row) {
    return [this.view.screenX(this.points[2 * row]), this.view.screenY(this.points[2 * row + 1])];
  }

  // ---- what the address says

  look(x, y, zoom) {
    if (!this.view.width) this.wanted = [x, y, zoom];
    else this.view.look(x, y, zoom);
    this.draw();
  }

  lookHome() {
    this.wanted = null;
    if (this.view.width) this.view.fit();
    this.draw();
  }

  /** Moves as little as needed for a row to be seen. */
  reveal(row) {
    if (!this.view.width) return;
    const [px, py] = this.placeOf(row), [mx, my] = this.view.middle;
    const far = Math.abs(px - mx) > this.view.plotWidth / 2 || Math.abs(py - my) > this.view.plotHeight / 2;
    if (far) this.view.move(mx - px, my - py);
    this.draw();
  }

  // ---- what gestures mean

  nearest(px, py, reach) { return this.grid.nearest(this.view, px, py, reach, this.choice.active); }

  moved() {
    this.draw(true);
    this.to.moved();
  }

  move(dx, dy, far = true) {
    this.view.move(dx, dy);
    if (far) this.hover(-1);
    this.moved();
    const keys = document.activeElement === this.over && !this.gestures.pointers.size;
    if (keys) this.hover(this.nearest(...this.view.middle, MIDDLE));
  }

  zoom(factor, px, py) {
    const keys = px === undefined;
    this.view.scale(factor, ...(keys ? this.view.middle : [px, py]));
    this.hover(keys ? this.nearest(...this.view.middle, MIDDLE) : -1);
    this.moved();
  }

  hover(row) {
    if (row === this.pointed) return;
    this.pointed = row;
    this.to.pointed(row);
    if (this.palette && this.view.width) this.repaintOver();
  }

  point(px, py) { this.hover(this.nearest(px, py, REACH)); }
  pin(px, py, touch) { this.to.pinned(this.nearest(px, py, touch ? 2 * REACH : REACH)); }
  pinMiddle() { this.to.pinned(this.nearest(...this.view.middle, MIDDLE)); }
  away() { this.hover(-1); }
  leave() { this.to.left(); }
  showAll() { this.lookHome(); this.to.moved(); }

  surround(path, done) {
    const placed = path.map(([px, py]) => [this.view.dataX(px), this.view.dataY(py)]);
    this.path = done ? null : placed;
    if (done) this.to.chosen(placed);
    else this.repaintOver();
  }
}
