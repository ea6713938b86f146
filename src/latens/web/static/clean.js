/* What the model makes of noise: a row, the row with something done to it, and what the model gives back. */

import { change, empty, figure, fill, number, rowOf, rowPicker, slider } from "/static/blocks.js";
import { afterwards, button, element, field, said, select } from "/static/elements.js";
import { givenPlace, takeFrom } from "/static/given.js";
import { shown } from "/static/numbers.js";
import { get, onlyLatest, path, post } from "/static/server.js";

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
  const head = ["Column", ...Object.values(states)];
  const rows = columns.map((each) => element("tr", {}, said("th", each.name, { scope: "row" }),
    Object.keys(states).map((state) => said("td", each[state] ?? "", { className: state !== "input" && each[state] !== each.input ? "changed" : "" }))));
  return element("div", { className: "wide", role: "region", tabIndex: 0, "aria-label": "The row, corrupted and cleaned" },
    element("table", {}, element("thead", {}, element("tr", {}, head.map((name) => element("th", { scope: "col", textContent: name })))),
      element("tbody", {}, rows)));
}

function verdict(errors) {
  if (!errors || !Number.isFinite(errors.corrupted) || !Number.isFinite(errors.cleaned)) return null;
  const { corrupted, cleaned } = errors;
  const words = corrupted === 0 ? "Nothing was done to it."
    : cleaned < corrupted ? `The model took away ${Math.round(100 * (1 - cleaned / corrupted))} % of the error.`
      : "The model's answer is farther from the input than the noise is: at this level the noise is less than what it cannot say.";
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
    place.block.append(element("p", {}, element("label", {}, this.plain, " Clean it as it is, without adding noise")), this.given);
    takeFrom(this.host, place);
    this.host.append(place.block);
  }

  async build() {
    this.noises = (await get("/api/noises")).noises;
    this.kind = select(this.noises.map((noise) => [noise.name, noise.title]), () => change({ noise: this.kind.value, level: null }));
    this.levelPlace = element("div", {});
    this.seed = number({ label: "Seed", min: 0, max: 2 ** 31 - 1, value: 0, change: (seed) => change({ seed: seed || null }) });
    this.tools.replaceChildren(element("div", { className: "tools" }, field("Noise", this.kind), this.levelPlace, this.seed.block,
      button("Other noise", () => change({ seed: Math.floor(Math.random() * 1e6) }))));
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
      const level = Number(params.level ?? noise.levels[3]), seed = Number(params.seed ?? 0);
      this.now = { noise: noise.name, level: Number.isFinite(level) ? level : noise.levels[3], seed: Number.isInteger(seed) ? seed : 0 };
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
    const how = this.plain.checked || !this.now ? { noise: null } : this.now, states = how.noise === null ? AS_IT_IS : STATES;
    const found = await post("/api/clean", { ...body, ...how });
    const inside = found.pictures
      ? threePictures(states, (state) => `data:image/png;base64,${found.pictures[state]}`, found.errors) : cells(states, found.columns);
    this.given.replaceChildren(element("h3", { textContent: "Your row", tabIndex: -1 }), inside);
    this.given.firstChild.focus();
  }
}

export function make(about, host) {
  const panel = new Clean(about, host);
  return { show: (params) => panel.show(params), hide: panel.next.stop };
}
