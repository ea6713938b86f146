/* The rows chosen on the map, as a list that can be gone through and taken along as a file. */

import { cardOf } from "/static/cards.js";
import { button, element, said, save } from "/static/elements.js";
import { count, counted } from "/static/numbers.js";
import { failure, fill, inOneLine, picture, rowLink, rowPicture } from "/static/blocks.js";
import { file, onlyLatest, stopped } from "/static/server.js";

const PAGE = 20;

function line(card, row) {
  return element("li", {},
    card.picture ? picture(rowPicture(row, 48), "", "tiny") : null,
    element("div", {}, rowLink(row, card.title), said("p", inOneLine(card), { className: "faint" })));
}

export class Chosen {
  /** `choice` is what is chosen; `noun` is what a row is called. */
  constructor(choice, noun) {
    Object.assign(this, { choice, noun, start: 0, next: onlyLatest() });
    this.heading = element("h3", {});
    this.list = element("ol", { className: "rows" });
    this.place = element("p", { className: "faint" });
    this.before = button("Previous", () => this.turn(-PAGE));
    this.after = button("Next", () => this.turn(PAGE));
    this.error = element("div", {});
    this.block = element("section", { className: "chosen", hidden: true, "aria-label": "Rows chosen" }, this.heading,
      element("div", { className: "tools" },
        button("Save as CSV", () => this.save("csv")), button("Save as Parquet", () => this.save("parquet"))),
      this.error, this.list, element("div", { className: "tools" }, this.before, this.after, this.place));
  }

  show() {
    const { active, count: n } = this.choice;
    this.block.hidden = !active || n === 0;
    this.start = 0;
    this.error.replaceChildren();
    if (this.block.hidden) return this.next.stop();
    this.heading.textContent = `${counted(n, this.noun)} chosen`;
    this.rows = null;
    this.turn(0);
  }

  turn(by) {
    this.rows ??= this.choice.rows();
    this.start = Math.min(Math.max(this.start + by, 0), Math.max(this.rows.length - 1, 0));
    const shown = this.rows.slice(this.start, this.start + PAGE), signal = this.next();
    this.before.disabled = this.start === 0;
    this.after.disabled = this.start + PAGE >= this.rows.length;
    const last = this.start + shown.length;
    this.place.textContent = `${count(this.start + 1)} to ${count(last)} of ${count(this.rows.length)}`;
    fill(this.list, async () => {
      const cards = await Promise.all(shown.map((row) => cardOf(row, signal)));
      if (signal.aborted) return;
      this.list.start = this.start + 1;
      this.list.replaceChildren(...cards.map((card, k) => line(card, shown[k])));
    });
  }

  async save(form) {
    this.error.replaceChildren();
    try {
      const { blob, name } = await file("/api/selection", { rows: this.choice.rows(), form }, `selection.${form}`);
      save(blob, name);
    } catch (error) {
      if (!stopped(error)) this.error.replaceChildren(failure(error, () => this.save(form)));
    }
  }
}
