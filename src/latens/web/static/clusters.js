/* Groups of rows: how large they are, what is typical of them, and what sets them apart. */

import { address } from "/static/address.js";
import { bar, empty, figure, fill, inOneLine, picture, rowLink, rowPicture } from "/static/blocks.js";
import { element, said } from "/static/elements.js";
import { counted, percent, sentence } from "/static/numbers.js";
import { get, onlyLatest } from "/static/server.js";

function representative(each) {
  const card = typeof each === "number" ? { row: each, title: `row ${each}`, fields: [], picture: false } : each;
  const link = { href: address("item", { row: card.row }), "aria-label": card.title };
  const inside = card.picture ? [element("a", link, picture(rowPicture(card.row, 96), card.title, "small"))]
    : [rowLink(card.row, card.title),
      said("p", inOneLine(card), { className: "faint" })];
  return element("li", {}, inside);
}

function clusterCard(cluster, noun) {
  const words = cluster.words.length
    ? element("ul", {}, cluster.words.map((line) => said("li", line))) : empty("Nothing sets it apart from the rest.");
  const pictured = cluster.representatives.some((each) => each.picture);
  return element("li", { className: "card" }, said("h3", cluster.title),
    element("p", {}, bar(cluster.share), ` ${counted(cluster.size, noun)}, ${percent(cluster.share)}`),
    cluster.picture ? figure(`/api/clusters/${cluster.number}/picture`, "The mean of its pictures") : null,
    element("h4", { textContent: "What sets it apart" }), words,
    element("h4", { textContent: "Typical" }),
    element("ol", { className: pictured ? "tiles" : "rows" }, cluster.representatives.map(representative)),
    element("p", {}, element("a", { href: address("map", { colour: "cluster", class: cluster.number }),
      textContent: "Show it alone on the map", "aria-label": `Show ${cluster.title} alone on the map` })));
}

export function make(about, host) {
  const place = element("div", {}, empty("Looking for clusters …")), next = onlyLatest();
  host.append(place);
  let read = false;

  function draw(found) {
    read = true;
    const cards = found.clusters.map((cluster) => clusterCard(cluster, about.source.noun));
    place.replaceChildren(said("p", sentence(found.verdict), { className: "verdict" }),
      said("p", sentence(found.method), { className: "faint" }),
      cards.length ? element("ol", { className: "cards" }, cards)
        : empty("No clusters were found: the rows lie too evenly."));
  }

  function show() {
    if (!read) fill(place, async () => draw(await get("/api/clusters", next())));
  }

  return { show, hide: next.stop };
}
