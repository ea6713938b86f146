/* New rows among the old: ringed on the map, and listed with what they are near. */

import { button, element, said } from "/static/elements.js";
import { fields, rowLink } from "/static/blocks.js";
import { givenPlace, takeFrom, takes } from "/static/given.js";
import { shown } from "/static/numbers.js";
import { post } from "/static/server.js";

function entry({ card, near, score, error }, i) {
  const facts = [];
  if (score !== null) facts.push(["strangeness", shown(score)]);
  if (error !== null) facts.push(["cost", shown(error)]);
  const links = near.flatMap(([row, distance]) => [rowLink(row, `row ${row}`), ` at ${shown(distance)}  `]);
  return element("li", { value: i + 1 }, said("strong", card.title), fields([...card.fields.slice(0, 6), ...facts]),
    near.length ? element("p", {}, "Nearest: ", links) : null);
}

function read(answer) {
  return answer.points.map((point, i) => ({
    point, card: answer.cards[i], near: answer.nearest[i] || [],
    score: answer.scores?.[i] ?? null, error: answer.errors?.[i] ?? null }));
}

/** The place that takes new rows; `shown(dropped)` is called with all that are on the map. */
export function placedRows(host, source, changed) {
  if (!takes(source.kind))
    return element("p", { className: "faint",
      textContent: "New rows of this kind cannot be dropped in here; latens map --on places them." });
  let dropped = [];
  const list = element("ol", { className: "rows" });
  const clear = button("Take them off the map", () => update([]), { hidden: true });
  const status = element("p", { role: "status", className: "faint" });
  const update = (rows) => {
    dropped = rows;
    list.replaceChildren(...dropped.map(entry));
    clear.hidden = !dropped.length;
    status.textContent = dropped.length ? `${dropped.length} new on the map, ringed and numbered` : "";
    changed(dropped);
  };
  const place = givenPlace({ kind: source.kind, title: "Add rows of your own", action: "Place on the map",
    use: async (body) => update([...dropped, ...read(await post("/api/place", body))]) });
  place.block.append(status, list, clear);
  takeFrom(host, place);
  return place.block;
}
