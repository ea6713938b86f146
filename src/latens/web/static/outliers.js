/* The rows that do not belong, at a rate of false alarms that can be moved; and what people say of them. */

import { barsTable, change, empty, failure, fill, picture, rowLink, rowPicture, slider } from "/static/blocks.js";
import { cardBody, forget } from "/static/cards.js";
import { chartPlace } from "/static/charts.js";
import { button, element, said, save } from "/static/elements.js";
import { count, counted, oneIn, percent, sentence, shown } from "/static/numbers.js";
import { file, get, onlyLatest, path, post, stopped } from "/static/server.js";
import { folded } from "/static/tables.js";

const PAGE = 20;
const USUAL = 0.001; // of ordinary rows, flagged by mistake
const WORDS = { fine: "Fine", strange: "Strange" };

const rateWords = (rate) => `${oneIn(rate)} (${percent(rate)})`;

function markButtons(card, problem) {
  const buttons = Object.entries(WORDS).map(([mark, text]) =>
    [mark, button(text, () => set(card.marks === mark ? null : mark))]);
  const press = (said) => {
    card.marks = said;
    buttons.forEach(([mark, made]) => made.setAttribute("aria-pressed", String(said === mark)));
  };
  async function set(mark) {
    const before = card.marks;
    press(mark); // at once; taken back if it cannot be kept
    try {
      await post("/api/marks", { row: card.row, mark });
      forget(card.row);
      problem.replaceChildren();
    } catch (error) {
      press(before);
      if (!stopped(error)) problem.replaceChildren(failure(error, () => set(mark)));
    }
  }
  press(card.marks);
  return element("div", { className: "tools", role: "group", "aria-label": `What you say of ${card.title}` },
    buttons.map(([, made]) => made));
}

function chanceWords(each) {
  if (each.p_value === null) return each.words;
  return each.words || `p = ${shown(each.p_value)}`;
}

/** Of a picture itself; of other rows the columns that carry the error; the rest on demand. */
function evidence({ card, bars }, rest) {
  const table = bars?.length ? barsTable(bars) : null;
  if (!card.picture) return [table, folded("Its fields", element("div", {}, rest))];
  return [picture(rowPicture(card.row, 160), `Picture of ${card.title}`, "medium"),
    folded("Its fields, and the pixels that carry the error", element("div", {}, rest, table))];
}

function outlierCard(each, place) {
  const { card } = each, problem = element("div", {});
  const [title, ...rest] = cardBody({ ...card, marks: null, picture: false }, { most: 12, heading: "h3" });
  const flag = said("span", each.flagged ? "flagged" : "not flagged", { className: each.flagged ? "flag" : "" });
  return element("li", { className: `card ${each.flagged ? "flagged" : ""}` },
    element("p", { className: "faint" }, `${place}. `, flag, ` · strangeness ${shown(each.score)}`),
    title, said("p", chanceWords(each)),
    ...evidence(each, rest),
    element("p", {}, rowLink(card.row, "Look at this row")), markButtons(card, problem), problem);
}

class Outliers {
  constructor(about, host) {
    Object.assign(this, { about, next: onlyLatest(), curve: null });
    this.verdict = element("p", { className: "verdict", role: "status" });
    this.notes = element("p", { className: "faint" });
    this.chart = chartPlace();
    this.sliderPlace = element("div", {});
    this.list = element("ol", { className: "cards" });
    this.before = button("Stranger ones", () => change({ start: Math.max(this.start - PAGE, 0) || null }));
    this.after = button("Less strange ones", () => change({ start: this.start + PAGE }));
    this.problem = element("div", {});
    const marks = element("div", { className: "tools" }, button("Save the marks as CSV", () => this.save("csv")),
      button("Save the marks as Parquet", () => this.save("parquet")));
    host.append(this.sliderPlace, this.verdict, this.notes, this.chart.block,
      element("h3", { textContent: "The strangest first" }), marks, this.problem, this.list,
      element("div", { className: "tools" }, this.before, this.after));
  }

  get step() {
    const near = (rate) => Math.abs(Math.log(rate / this.rate));
    return this.curve.rates.reduce((best, rate, i) => (near(rate) < near(this.curve.rates[best]) ? i : best), 0);
  }

  show(params) {
    const rate = Number(params.rate), start = Number(params.start);
    this.rate = rate > 0 && rate <= 0.5 ? rate : USUAL;
    this.start = Number.isInteger(start) && start > 0 ? start : 0;
    fill(this.sliderPlace, () => this.drawCurve());
    const signal = this.next();
    const wanted = path("/api/outliers", { rate: this.rate, start: this.start, count: PAGE });
    fill(this.list, async () => this.draw(await get(wanted, signal)));
  }

  async drawCurve() {
    if (!this.curve) {
      this.curve = await get("/api/outliers/curve");
      const last = this.curve.rates.length - 1;
      this.slider = slider({ label: "False alarms among ordinary rows", min: 0, max: last, step: 1, value: this.step,
        show: (i) => rateWords(i === this.step ? this.rate : this.curve.rates[i]), input: (i) => this.preview(i),
        change: (i) => change({ rate: this.curve.rates[i].toPrecision(6), start: null }) });
      this.sliderPlace.replaceChildren(this.slider.block);
    }
    if (document.activeElement !== this.slider.control) this.slider.set(this.step);
    this.drawChart(this.step);
  }

  drawChart(at) {
    const { rates, flagged, expected } = this.curve;
    const mark = { x: rates[at], text: `${count(flagged[at])} flagged` };
    this.chart.set({ logX: true, logY: true, nameX: percent, at: mark,
      lines: [{ name: "rows flagged", x: rates, y: flagged, style: "s0" },
        { name: "false alarms expected if all rows were ordinary", x: rates, y: expected, style: "s1" }],
      across: "rate of false alarms", up: "rows",
      label: "Rows flagged, and false alarms expected, by the rate of false alarms" });
  }

  /** While the slider moves, what its place would flag. */
  preview(i) {
    const { flagged, expected } = this.curve;
    const about = shown(Number(expected[i].toPrecision(3)));
    this.verdict.textContent = `${count(flagged[i])} flagged; about ${about} expected by false alarm`;
    this.drawChart(i);
  }

  draw(found) {
    this.verdict.textContent = sentence(found.verdict);
    const held = counted(found.held_out, this.about.source.noun);
    this.notes.textContent = `The threshold, a strangeness of ${shown(found.threshold)}, comes from ${held} `
      + "held out of the fit."
      + (found.extrapolated ? " So few cannot show so small a rate: it is extrapolated." : "");
    this.list.start = this.start + 1;
    this.list.replaceChildren(...found.cards.map((each, k) => outlierCard(each, count(this.start + k + 1))));
    if (!found.cards.length)
      this.list.replaceChildren(element("li", {}, empty("There are no more rows. Go back to stranger ones.")));
    this.before.disabled = this.start === 0;
    this.after.disabled = this.start + PAGE >= found.n;
  }

  async save(form) {
    this.problem.replaceChildren();
    try {
      const { blob, name } = await file(`/api/marks/export?form=${form}`, null, `marks.${form}`);
      save(blob, name);
    } catch (error) {
      if (!stopped(error)) this.problem.replaceChildren(failure(error, () => this.save(form)));
    }
  }
}

export function make(about, host) {
  const panel = new Outliers(about, host);
  return { show: (params) => panel.show(params), hide: panel.next.stop };
}
