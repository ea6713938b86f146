/* The map: points, what they are coloured by, what is searched and chosen, and rows of one's own. */

import { note, read } from "/static/address.js";
import { change, empty, failure } from "/static/blocks.js";
import { Choice, readPath, writePath } from "/static/choice.js";
import { Chosen } from "/static/chosen.js";
import { withEnds } from "/static/colours.js";
import { afterwards, button, element, field, said, select } from "/static/elements.js";
import { drawLegend } from "/static/legend.js";
import { count, counted, sentence } from "/static/numbers.js";
import { placedRows } from "/static/placed.js";
import { Plot } from "/static/plot.js";
import { codes, floats, get, onlyLatest, path, stopped } from "/static/server.js";
import { Tip } from "/static/tip.js";

const MOST_FOUND = 100_000;
const NOTHING = "-"; // the colour of an address that asks for none

class MapPanel {
  constructor(about, host) {
    Object.assign(this, { about, host, shown: {}, complete: new Map() });
    Object.assign(this, { searching: onlyLatest(), colouring: onlyLatest() });
    this.noun = about.source.noun;
    this.waiting = empty("Reading the map …");
    host.append(this.waiting);
    this.ready = this.load();
  }

  async load() {
    try {
      const [map, points] = await Promise.all([get("/api/map"), floats("/api/map/points")]);
      if (!map.n) throw new Error("There are no rows to draw. Serve the model with a source that has some.");
      this.map = map;
      this.choice = new Choice(points);
      this.plot = new Plot(map, points, this.noun, this.choice, this);
      this.tip = new Tip(() => this.left());
      this.build();
      this.waiting.remove();
      return true;
    } catch (error) {
      this.waiting.replaceWith(this.waiting = failure(error, () => location.reload()));
      return false;
    }
  }

  build() {
    this.buildTools();
    this.legend = element("div", { className: "map-legend", role: "group", "aria-label": "What the colours mean" });
    this.status = element("p", { className: "map-status", role: "status" });
    this.pointedAt = element("p", { className: "unseen", role: "status" });
    this.chosenRows = new Chosen(this.choice, this.noun);
    this.plot.block.append(this.tip.block);
    const placed = placedRows(this.host, this.about.source, (dropped) => this.plot.drop(dropped));
    this.host.append(said("p", sentence(this.map.verdict), { className: "faint" }), this.tools, this.status,
      element("div", { className: "map-body" }, this.plot.block, this.legend), this.pointedAt,
      element("p", { className: "faint hint", textContent:
        "Drag to move, turn the wheel or pinch to zoom, point at a row to see it, click to keep its card. "
        + "With keys: arrows, plus and minus, Enter, 0." }),
      this.chosenRows.block, placed);
    this.noteView = afterwards(250, () => this.writeView());
  }

  buildTools() {
    const columns = this.map.columns.map((column, i) => [column, i]).filter(([column]) => column.kind !== "text");
    this.colour = select([[NOTHING, "nothing"], ...columns.map(([column]) => [column.name, column.name])],
      () => change({ colour: this.colour.value, class: null }));
    this.box = element("input", { type: "search", placeholder: "an id or a field", autocomplete: "off" });
    const type = afterwards(180, () => change({ text: this.box.value.trim() || null }, { replace: true }));
    this.box.addEventListener("input", type);
    const tool = (name, text, title) => button(text, () => this.setTool(this.plot.tool === name ? null : name),
      { title, "aria-pressed": "false" });
    this.toolButtons = { box: tool("box", "Box", "Draw a box around points to choose them"),
      lasso: tool("lasso", "Lasso", "Draw a line around points to choose them") };
    this.tools = element("div", { className: "tools" }, field("Colour by", this.colour), field("Search", this.box),
      this.meaning(), this.toolButtons.box, this.toolButtons.lasso,
      button("Choose what is in view", () => change({ around: writePath(this.plot.view.frame()) })),
      button("Show all", () => this.startAgain()));
  }

  /** Texts can be searched by what they mean. */
  meaning() {
    this.by = null;
    if (this.about.source.kind !== "text") return null;
    this.by = select([["fields", "words"], ["meaning", "meaning"]],
      () => change({ by: this.by.value === "meaning" ? "meaning" : null }));
    return field("by", this.by);
  }

  // ---- what the address says

  async show(params) {
    if (!(await this.ready)) return;
    const before = this.shown;
    this.shown = params;
    const differs = (...names) => names.some((name) => params[name] !== before[name]);
    if (differs("x", "y", "zoom")) this.look(params);
    if (differs("around")) this.plot.choice.surround(readPath(params.around));
    if (differs("text", "by")) await this.find(params);
    if (differs("colour", "class") || !this.plot.palette) await this.paint(this.shown); // which may be newer
    else if (differs("around", "text", "by")) this.plot.recolour();
    if (differs("around", "text", "by", "class") || !this.status.textContent) this.tell();
    this.pin(this.shown.row === undefined ? -1 : Number(this.shown.row));
  }

  hide() { this.plot?.hover(-1); }

  look({ x, y, zoom }) {
    const view = [x, y, zoom].map(Number);
    if (zoom !== undefined && view.every(Number.isFinite)) this.plot.look(...view);
    else this.plot.lookHome();
  }

  async find({ text, by }) {
    if (document.activeElement !== this.box) this.box.value = text || "";
    if (this.by) this.by.value = by || "fields";
    this.found = null;
    const signal = this.searching();
    if (!text) return this.choice.find(null);
    try {
      const limit = by === "meaning" ? 200 : MOST_FOUND;
      this.found = await get(path("/api/search", { text, by, limit }), signal);
      this.choice.find(this.found.rows);
    } catch (error) {
      if (!stopped(error)) this.fail(error);
    }
  }

  /** Colours by the column that is asked for, complete with its values. */
  async paint({ colour, class: alone }) {
    const wanted = colour ?? this.map.colour ?? NOTHING, signal = this.colouring();
    const number = this.map.columns.findIndex((column) => column.name === wanted);
    this.colour.value = number < 0 ? NOTHING : wanted;
    if (!this.plot.palette) this.plot.recolour(); // points are seen before their colours are there
    try {
      const [column, values] = number < 0 ? [null, null] : await this.columnOf(number, signal);
      const code = alone === undefined || column?.kind !== "class" ? null : Number(alone);
      this.choice.keep(code === null ? null : values, code);
      this.plot.colourBy(column, values);
      this.drawLegend(code);
      this.painted = true;
    } catch (error) {
      if (!stopped(error)) this.fail(error);
    }
  }

  async columnOf(number, signal) {
    if (!this.complete.has(number)) {
      this.status.textContent = `Computing ${this.map.columns[number].name} …`;
      const known = this.map.columns[number];
      const column = known.lazy ? await get(`/api/columns/${number}`, signal) : known;
      if (column.kind === "text")
        throw new Error(`${column.name} has too many different texts to colour by; choose another.`);
      const values = await (column.kind === "number" ? floats : codes)(`/api/columns/${number}/values`, signal);
      this.complete.set(number, [withEnds(column, values), values]);
      this.tell();
    }
    return this.complete.get(number);
  }

  drawLegend(code) {
    drawLegend(this.legend, this.plot.column, this.plot.palette, code, (each) => change({ class: each }));
  }

  pin(row) {
    const there = Number.isInteger(row) && row >= 0 && row < this.map.n ? row : -1;
    this.plot.kept = there;
    if (there >= 0) this.plot.reveal(there);
    this.showTip(there, there >= 0);
    this.plot.draw();
  }

  showTip(row, pinned) {
    const place = row >= 0 && this.plot.view.width ? this.plot.placeOf(row) : [0, 0];
    this.tip.show(row, place, pinned, (title) => { this.pointedAt.textContent = title; });
  }

  tell() {
    this.status.textContent = this.words();
    this.chosenRows.show();
  }

  words() {
    const all = counted(this.map.n, this.noun), { active, count: n } = this.choice, { tool } = this.plot;
    if (tool) return `Draw ${tool === "box" ? "a box" : "a line"} around the points to choose`;
    if (!active) return all;
    if (!n) return `None of ${all}: nothing matches. Show all starts again.`;
    const { rows, total } = this.found || { rows: [], total: 0 };
    const more = total > rows.length ? `; the first ${count(rows.length)} of ${count(total)} found` : "";
    return `${count(n)} of ${all} chosen${more}`;
  }

  fail(error) { this.status.textContent = error.message; }

  // ---- what the plot tells

  pointed(row) { if (this.plot.kept < 0) this.showTip(row, false); }
  pinned(row) { if (row >= 0 || this.plot.kept >= 0) change({ row: row >= 0 ? row : null }); }
  moved() {
    if (this.plot.kept >= 0) this.tip.put(this.plot.placeOf(this.plot.kept));
    this.noteView();
  }

  resized() {
    if (this.plot.kept < 0) return;
    this.plot.reveal(this.plot.kept);
    this.tip.put(this.plot.placeOf(this.plot.kept));
  }

  repainted() { this.drawLegend(this.shown.class === undefined ? null : Number(this.shown.class)); }

  chosen(corners) {
    this.setTool(null);
    change({ around: writePath(corners) });
  }

  left() {
    if (this.plot.tool) return this.setTool(null);
    if (this.plot.kept >= 0) change({ row: null });
    this.plot.over.focus({ preventScroll: true });
  }

  setTool(name) {
    this.plot.tool = name;
    this.plot.path = null;
    for (const [each, made] of Object.entries(this.toolButtons))
      made.setAttribute("aria-pressed", String(each === name));
    this.plot.over.classList.toggle("drawing", name !== null);
    this.tell();
  }

  startAgain() {
    this.box.value = "";
    this.setTool(null);
    change({ text: null, around: null, class: null, row: null, x: null, y: null, zoom: null });
    this.plot.lookHome();
  }

  /** Where the view is, for the address; not a step of its own. */
  writeView() {
    const { view } = this.plot, { panel, params } = read();
    if (panel !== "map" && panel !== "") return;
    const digits = (value) => Number(value.toPrecision(6));
    const place = view.isHome() ? { x: undefined, y: undefined, zoom: undefined }
      : { x: String(digits(view.cx)), y: String(digits(view.cy)), zoom: String(digits(view.zoom)) };
    const all = Object.fromEntries(Object.entries({ ...params, ...place }).filter(([, value]) => value !== undefined));
    note(panel, all);
    this.shown = all;
  }
}

export function make(about, host) {
  const panel = new MapPanel(about, host);
  host.map = panel; // tests ask it where points are
  return { show: (params) => panel.show(params), hide: () => panel.hide() };
}
