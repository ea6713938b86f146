/* What is known of a row: asked once, then remembered. */

import { element, said } from "/static/elements.js";
import { fields, marked, picture, rowPicture } from "/static/blocks.js";
import { get } from "/static/server.js";

const MOST = 2000; // cards that are remembered
const remembered = new Map();

export const known = (row) => remembered.get(row);

export function remember(card) {
  remembered.delete(card.row);
  remembered.set(card.row, card);
  if (remembered.size > MOST) remembered.delete(remembered.keys().next().value);
}

/** What was said of a row has changed. */
export const forget = (row) => remembered.delete(row);

/** The row's card `{ row, id, title, fields, marks, picture }`. */
export async function cardOf(row, signal) {
  if (!remembered.has(row)) remember(await get(`/api/rows/${row}`, signal));
  return remembered.get(row);
}

/** A card's inside: title, picture, fields; `most` fields at most. */
export function cardBody(card, { most = 12, size = null, heading = "strong" } = {}) {
  const parts = [said(heading, card.title)];
  if (card.marks) parts.push(marked(card.marks));
  if (card.picture && card.row !== undefined)
    parts.push(picture(rowPicture(card.row, size), `Picture of ${card.title}`, "small"));
  parts.push(fields(card.fields.slice(0, most)));
  const rest = card.fields.length - most;
  if (rest > 0) parts.push(element("small", { textContent: `and ${rest} more field${rest > 1 ? "s" : ""}` }));
  return parts;
}
