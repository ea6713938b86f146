/* What the model makes of noise: a row, the row with something done to it, and what the model gives back. */

import { anotherSeed, change, empty, figure, fill, rowOf, rowPicker, seedOf, slider } from "/static/blocks.js";
import { afterwards, button, element, field, select } from "/static/elements.js";
import { givenPlace, takeFrom } from "/static/given.js";
import { shown } from "/static/numbers.js";
import { get, onlyLatest, path, post } from "/static/server.js";
import { cell, rowHead, table } from "/static/tables.js";

const STATES = { input: "Input", corrupted: "Corrupted", cleaned: "Cleaned by the model" };
const AS_IT_IS = { input: "Input", cleaned: "Cleaned by the model" };

function caption(state, name, errors) {
  const error = errors?.[state];
  return error === undefined || error === null ? name : `${name}, mean squared error ${shown(error)}`;
}

function threePictures(states, source, errors) {
  return element("div", { className: "side-by-side" },
    Object.entries(states).map(([state, name]) => figure(source(state), caption(state, name, errors))));
}

function cells(states, columns) {
  const changed = (each, state) => (state !== "input" && each[state] !== each.input ? "changed" : "");
  const rows = columns.map((each) =>
    [rowHead(each.name), ...Object.keys(states).map((state) => cell(each[state] ?? "", changed(each, state)))]);
  return table("The row in each state", ["Column", ...Object.values(states)], rows);
}

function verdict(errors) {
  if (!errors || !Number.isFinite(errors.corrupted) || !Number.isFinite(errors.cleaned)) return null;
  const { corrupted, cleaned } = errors;
  const words = corrupted === 0 ? "Nothing was done to it."
    : cleaned < corrupted ? `The model took away ${Math.round(100 * (1 - cleaned / corrupted))} % of the error.`
      : "The model's answer is farther from the input than the noise is: the noise is less than what it cannot say.";
  return element("p", { className: "verdict", textContent: words });
}

class Clean {
  constructor(about, host) {
    Object.assign(this, { about, next: onlyLatest(), noises: null });
    this.tools = element("div", {});
    this.place = element("div", {});
    this.picker = rowPicker(about.source, (row) => change({ row }));
    this.given = element("div", { className: "given-result" });
    this.host = host;
    host.append(this.picker.block, this.tools, this.place);
    this.buildGiven();
  }

  buildGiven() {
    const place = givenPlace({ kind: this.about.source.kind, title: "Clean a row of your own", action: "Clean it",
      use: (body) => this.clean(body) });
    this.plain = element("input", { type: "checkbox", checked: true });
    const label = element("label", {}, this.plain, " Clean it as it is, without adding noise");
    place.block.append(element("p", {}, label), this.given);
    takeFrom(this.host, place);
    this.host.append(place.block);
  }

  async build() {
    this.noises = (await get("/api/noises")).noises;
    this.kind = select(this.noises.map((noise) => [noise.name, noise.title]),
      () => change({ noise: this.kind.value, level: null }));
    this.levelPlace = element("div", {});
    this.seed = seedOf();
    this.tools.replaceChildren(element("div", { className: "tools" }, field("Noise", this.kind), this.levelPlace,
      this.seed.block, button("Other noise", anotherSeed)));
  }

  /** The slider of a noise, whose ends are its own. */
  drawLevel(noise, level) {
    if (this.levelOf !== noise.name) {
      const [min, max, step] = noise.levels;
      const move = afterwards(120, (value) => change({ level: value }, { replace: true }));
      this.level = slider({ label: `Level: ${noise.unit}`, min, max, step, value: level, input: move });
      this.levelPlace.replaceChildren(this.level.block);
      this.levelOf = noise.name;
    } else if (document.activeElement !== this.level.control) this.level.set(level);
  }

  show(params) {
    const row = rowOf(params, this.about.source), signal = this.next();
    this.picker.set(row);
    fill(this.place, async () => {
      if (!this.noises) await this.build();
      const noise = this.noises.find((each) => each.name === params.noise) || this.noises[0];
      const level = Number(params.level ?? NaN), seed = Number(params.seed ?? 0);
      this.now = { noise: noise.name, level: Number.isFinite(level) ? level : noise.levels[3],
        seed: Number.isInteger(seed) ? seed : 0 };
      this.kind.value = noise.name;
      this.seed.control.value = this.now.seed;
      this.drawLevel(noise, this.now.level);
      this.draw(row, await get(path(`/api/clean/${row}`, this.now), signal));
    });
  }

  draw(row, found) {
    const shownNow = found.pictures
      ? threePictures(STATES, (state) => path(`/api/clean/${row}/${state}`, this.now), found.errors)
      : found.columns.length ? cells(STATES, found.columns) : empty("This row has no columns to show.");
    this.place.replaceChildren(...[shownNow, verdict(found.errors)].filter(Boolean));
  }

  async clean(body) {
    const how = this.plain.checked || !this.now ? { noise: null } : this.now;
    const states = how.noise === null ? AS_IT_IS : STATES;
    const found = await post("/api/clean", { ...body, ...how });
    const png = (state) => `data:image/png;base64,${found.pictures[state]}`;
    const inside = found.pictures ? threePictures(states, png, found.errors) : cells(states, found.columns);
    this.given.replaceChildren(element("h3", { textContent: "Your row", tabIndex: -1 }), inside);
    this.given.firstChild.focus();
  }
}

export function make(about, host) {
  const panel = new Clean(about, host);
  return { show: (params) => panel.show(params), hide: panel.next.stop };
}
