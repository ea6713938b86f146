/* The card of the row that is pointed at, beside its point; a click keeps it open. */

import { cardBody, cardOf, known } from "/static/cards.js";
import { button, element } from "/static/elements.js";
import { rowLink } from "/static/blocks.js";
import { onlyLatest, stopped } from "/static/server.js";

const ASIDE = 14; // pixels between a point and its card

export class Tip {
  /** `close()` is called when a card that was kept open is closed. */
  constructor(close) {
    this.block = element("div", { className: "tip", hidden: true });
    this.close = close;
    this.next = onlyLatest();
    this.row = -1;
  }

  /** Shows a row's card at a place on the picture, or none for −1; `say` gets its title. */
  async show(row, place, pinned, say) {
    if (row === this.row && pinned === this.pinned) return;
    [this.row, this.pinned] = [row, pinned];
    const signal = this.next();
    if (row < 0) { this.block.hidden = true; return; }
    try {
      const card = known(row) || (await cardOf(row, signal));
      if (this.row !== row) return;
      this.fill(card, pinned);
      this.put(place);
      say(card.title);
    } catch (error) {
      if (stopped(error)) return;
      this.block.replaceChildren(element("p", { textContent: error.message }));
      this.block.hidden = false;
      this.put(place);
    }
  }

  fill(card, pinned) {
    this.block.classList.toggle("pinned", pinned);
    this.block.replaceChildren(...cardBody(card, { most: 10, size: 112 }));
    this.block.dataset.row = card.row;
    if (pinned)
      this.block.append(element("p", { className: "tools" },
        rowLink(card.row, "Look at this row"), button("Close", this.close)));
    this.block.hidden = false;
  }

  put([x, y]) {
    const { offsetWidth, offsetHeight, style } = this.block;
    const { clientWidth, clientHeight } = this.block.parentElement;
    const aside = x + ASIDE + offsetWidth > clientWidth ? x - ASIDE - offsetWidth : x + ASIDE;
    style.left = `${Math.min(Math.max(aside, 2), Math.max(clientWidth - offsetWidth - 2, 2))}px`;
    style.top = `${Math.min(Math.max(y - offsetHeight / 2, 2), Math.max(clientHeight - offsetHeight - 2, 2))}px`;
  }
}
