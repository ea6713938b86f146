/* Tables that fit a narrow page: they scroll by themselves, also with keys. */

import { element, said } from "/static/elements.js";

/** A table of a head's texts and rows of cells; `label` says what it holds. */
export function table(label, head, rows, className = "") {
  const heads = head.map((text) => said("th", text, { scope: "col" }));
  const body = rows.map((cells) => element("tr", {}, cells));
  return element("div", { className: "wide", role: "region", tabIndex: 0, "aria-label": label },
    element("table", { className }, element("thead", {}, element("tr", {}, heads)), element("tbody", {}, body)));
}

export const rowHead = (text) => said("th", text, { scope: "row" });
export const cell = (text, className = "") => said("td", text, { className });

/** A table that is there for whoever opens it. */
export function folded(title, made) {
  return element("details", {}, element("summary", { textContent: title }), made);
}
