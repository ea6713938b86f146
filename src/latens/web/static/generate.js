/* Text and events drawn one item after the other, what could come next, and what each item of a text costs. */

import { note } from "/static/address.js";
import { bar, empty, failure, fields, fill, number, slider, surprisalText } from "/static/blocks.js";
import { afterwards, button, element, field, said } from "/static/elements.js";
import { count, counted, percent, probability, shown } from "/static/numbers.js";
import { lines, onlyLatest, post, stopped } from "/static/server.js";

const LONGEST = 2000; // characters of a prompt that an address keeps
const LIKELIEST = 20;
const USUAL = { prompt: "", temperature: 0.75, top_k: 0, top_p: 1, min_p: 0, n: 300, seed: 0 };
const SIGNS = { " ": "␣", "\n": "⏎", "\t": "⇥" };

/** White space at the ends of an item is seen by a sign. */
const signs = (blank) => [...blank].map((sign) => SIGNS[sign]).join("");
const visible = (text) => text.replace(/^[ \n\t]+|[ \n\t]+$/g, signs) || "(nothing)";

function sliders(moved) {
  const make = (name, label, [min, max, step], show) =>
    slider({ label, min, max, step, value: USUAL[name], show, input: moved });
  const unless = (off, show) => (value) => (value === off ? "off" : show(value));
  const warmth = (value) => (value === 0 ? "0, always the likeliest" : shown(value));
  return {
    temperature: make("temperature", "Temperature", [0, 2, 0.05], warmth),
    top_k: make("top_k", "Top-k, the likeliest items only", [0, 100, 1], unless(0, (n) => `the ${n} likeliest`)),
    top_p: make("top_p", "Top-p, a share of the probability", [0.01, 1, 0.01], unless(1, percent)),
    min_p: make("min_p", "Min-p, a share of the likeliest", [0, 0.5, 0.01], unless(0, percent)) };
}

function distribution(found) {
  const seen = (each) => each.probability > 0 || each.plain > 0.001;
  const amount = (each) => element("span", { className: "amount", textContent: probability(each.probability),
    title: `without filters ${probability(each.plain)}` });
  return found.items.slice(0, LIKELIEST).filter(seen).map((each) =>
    element("li", {}, said("code", visible(each.text), { title: each.text }), bar(each.probability), amount(each)));
}

class Generate {
  constructor(about, host) {
    Object.assign(this, { asking: onlyLatest(), measuring: onlyLatest(), writing: null });
    this.events = about.source.kind === "events";
    this.prompt = element("textarea", { rows: 3, spellcheck: false });
    this.sliders = sliders(() => this.changed());
    this.n = number({ label: "Items to draw", min: 1, max: 5000, value: USUAL.n, change: () => this.changed() });
    this.seed = number({ label: "Seed", min: 0, max: 2 ** 31 - 1, value: USUAL.seed, change: () => this.changed() });
    this.prompt.addEventListener("input", () => this.changed());
    this.ask = afterwards(250, () => this.next());
    this.keep = afterwards(300, () => note("generate", this.address()));
    host.append(this.settings(), this.output(), this.following(), this.surprisal());
  }

  // ---- what is built once

  settings() {
    this.start = button("Generate", () => this.generate(), { className: "main" });
    this.stop = button("Stop", () => this.writing?.abort(), { disabled: true });
    this.other = button("Another seed", () => this.again());
    const label = this.events ? "Items so far, with commas between them" : "Prompt, the text so far";
    return element("div", { className: "settings" }, field(label, this.prompt),
      element("div", { className: "sliders" }, Object.values(this.sliders).map((each) => each.block)),
      element("div", { className: "tools" }, this.n.block, this.seed.block, this.start, this.stop, this.other),
      element("p", { className: "faint", textContent: "The same seed and settings write the same again." }));
  }

  output() {
    const title = "What the model writes", place = { tabIndex: 0, role: "region", "aria-label": title };
    this.text = element("p", { className: "passage written", dir: "auto", ...place },
      empty("Nothing has been written yet. Press Generate."));
    this.status = element("p", { className: "faint", role: "status" });
    this.problem = element("div", {});
    return element("section", {}, element("h3", { textContent: title }), this.text, this.status, this.problem);
  }

  following() {
    this.bars = element("ol", { className: "next" });
    this.entropy = element("p", { className: "faint" });
    return element("section", {}, element("h3", { textContent: "What could come next" }), this.entropy, this.bars);
  }

  surprisal() {
    const area = element("textarea", { rows: 4, spellcheck: false }), place = element("div", {});
    const measure = () => fill(place, async () => {
      if (!area.value.trim()) return place.replaceChildren(empty("Type or paste a text first."));
      const found = await post("/api/surprisal", { text: area.value }, this.measuring());
      place.replaceChildren(fields([["Items", count(found.items.length)],
        ["Mean", `${shown(found.mean)} nats per item`], ["", `${shown(found.bits)} bits per item`]]),
      surprisalText(found, this.events));
    });
    const label = this.events ? "Items, with commas between them" : "A text";
    return element("section", {}, element("h3", { textContent: "What surprises the model" }), field(label, area),
      element("div", { className: "tools" }, button("Measure the surprise", measure),
        button("Take what was written", () => { area.value = this.written || this.prompt.value; measure(); })), place);
  }

  // ---- state

  settingsNow() {
    const { temperature, top_k, top_p, min_p } = this.sliders;
    return { prompt: this.prompt.value, temperature: temperature.value, top_k: top_k.value || null,
      top_p: top_p.value === 1 ? null : top_p.value, min_p: min_p.value || null };
  }

  address() {
    const now = { ...this.settingsNow(), n: this.n.value, seed: this.seed.value };
    now.prompt = now.prompt.slice(0, LONGEST);
    return Object.fromEntries(Object.entries(now).filter(([name, value]) => value !== null && value !== USUAL[name]));
  }

  show(params) {
    const wanted = { ...USUAL, ...params };
    if (document.activeElement !== this.prompt) this.prompt.value = wanted.prompt;
    for (const [name, each] of Object.entries(this.sliders)) each.set(Number(wanted[name]));
    this.n.control.value = Number(wanted.n) || USUAL.n;
    this.seed.control.value = Number(wanted.seed) || 0;
    this.next();
  }

  hide() {
    this.writing?.abort();
    this.asking.stop();
  }

  changed() {
    this.keep();
    this.ask();
  }

  // ---- what is asked

  next() {
    fill(this.bars, async () => {
      const found = await post("/api/next", this.settingsNow(), this.asking());
      const among = shown(Number(Math.exp(found.entropy).toPrecision(3)));
      this.entropy.textContent = `Before the filters, the next item has an entropy of ${shown(found.entropy)} nats: `
        + `as open as a choice among ${among}.`;
      this.bars.replaceChildren(...distribution(found));
    });
  }

  again() {
    this.seed.control.value = Math.floor(Math.random() * 1e6);
    this.changed();
    this.generate();
  }

  async generate() {
    this.writing?.abort();
    const writing = (this.writing = new AbortController());
    this.running(true);
    this.problem.replaceChildren();
    this.status.textContent = "Writing …";
    const { prompt } = this.settingsNow(), text = document.createTextNode("");
    this.text.replaceChildren(said("span", prompt, { className: "prompt" }), text);
    this.written = prompt;
    let drawn = 0, done = null;
    try {
      await lines("/api/generate", { ...this.settingsNow(), n: this.n.value, seed: this.seed.value }, (line) => {
        if (line.error) throw new Error(line.error);
        if (line.done) { done = line; return; }
        const piece = this.piece(line.text, drawn++, prompt);
        text.data += piece;
        this.written += piece;
      }, writing.signal);
      this.status.textContent = `${this.amount(text, drawn)} written with seed ${done?.seed ?? this.seed.value}.`;
    } catch (error) {
      this.status.textContent = stopped(error) ? `Stopped after ${this.amount(text, drawn)}.` : "";
      if (!stopped(error)) this.problem.replaceChildren(failure(error, () => this.generate()));
    } finally {
      if (this.writing === writing) this.running(false);
    }
  }

  /** What is added to what was written: events stand apart. */
  piece(text, drawn, prompt) {
    return this.events && (drawn || prompt.trim()) ? `, ${text}` : text;
  }

  /** Pieces of text hold several characters, those of events one item. */
  amount(text, drawn) {
    return this.events ? counted(drawn, "item") : counted(text.data.length, "character");
  }

  running(on) {
    const focused = document.activeElement;
    this.stop.disabled = !on;
    if (!on && focused === this.stop) this.start.focus();
  }
}

export function make(about, host) {
  const panel = new Generate(about, host);
  return { show: (params) => panel.show(params), hide: () => panel.hide() };
}
