/* The page: who the model is, a link for each panel, and the panel that the address names. */

import * as address from "/static/address.js";
import { failure } from "/static/blocks.js";
import * as clean from "/static/clean.js";
import * as clusters from "/static/clusters.js";
import { element, said } from "/static/elements.js";
import * as forecast from "/static/forecast.js";
import * as generate from "/static/generate.js";
import * as item from "/static/item.js";
import * as map from "/static/map.js";
import { count, counted } from "/static/numbers.js";
import * as outliers from "/static/outliers.js";
import { showProgress } from "/static/progress.js";
import { get, useKey } from "/static/server.js";
import * as training from "/static/training.js";

const PANELS = {
  map: "Map", item: "Item", outliers: "Outliers", clusters: "Clusters",
  clean: "Clean", generate: "Generate", forecast: "Forecast", training: "Training" };
const MADE_BY = { map, item, outliers, clusters, clean, generate, forecast, training };

const main = document.getElementById("main");
const opened = new Map(); // a panel is built once and hidden while another is looked at
let about = null, current = null;

function describe() {
  const { model, source } = about, rows = counted(source.n, source.noun);
  const looked = source.sampled ? `${rows} drawn from ${count(source.total)}` : rows;
  document.getElementById("title").textContent = about.title;
  document.getElementById("summary").textContent =
    `${model.name}: ${model.estimator} with ${counted(model.n_components, "component")}; ${looked} of ${source.name}`;
  const list = document.querySelector("#facts dl");
  const facts = [...model.facts, ["latens", about.version]];
  list.replaceChildren(...facts.flatMap(([name, text]) => [said("dt", name), said("dd", text)]));
  document.getElementById("facts").hidden = false;
}

function drawNav() {
  const links = about.panels.filter((name) => PANELS[name]).map((name) =>
    element("li", {}, element("a", { href: `#/${name}`, textContent: PANELS[name], id: `to-${name}` })));
  document.getElementById("nav").replaceChildren(element("ul", {}, links));
}

function mark(name) {
  for (const link of document.querySelectorAll("#nav a"))
    if (link.id === `to-${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  document.title = `${PANELS[name]} · ${about.title} · latens`;
}

/** A panel is made by the module of its name: `make(about, host)` gives `{ show(params), hide() }`. */
function panelOf(name) {
  if (!opened.has(name)) {
    const heading = element("h2", { textContent: PANELS[name], tabIndex: -1, id: `heading-${name}` });
    const host = element("section", { className: `panel ${name}`, "aria-labelledby": heading.id }, heading);
    host.hidden = true;
    main.append(host);
    opened.set(name, { host, heading, ...MADE_BY[name].make(about, host) });
  }
  return opened.get(name);
}

function show({ panel, params }) {
  const name = panel || about.panels[0];
  if (!about.panels.includes(name)) return unknown(name);
  const wanted = panelOf(name), moved = current !== wanted;
  if (moved) {
    current?.hide?.();
    for (const each of main.children) each.hidden = each !== wanted.host;
    mark(name);
    if (current) wanted.heading.focus({ preventScroll: true });
    current = wanted;
  }
  wanted.show(params);
}

function unknown(name) {
  current?.hide?.();
  current = null;
  for (const each of main.children) each.hidden = true;
  const words = PANELS[name]
    ? `${PANELS[name]} is nothing that ${about.model.name} can do: it is a model of another kind.`
    : "There is no such panel.";
  main.querySelector(".unknown")?.remove();
  main.append(element("p", { className: "failed unknown" }, words, " Choose one of the links above."));
}

async function open() {
  showProgress();
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address keeps the state of the page
    main.focus();
  });
  try {
    about = await get("/api/about");
    useKey(about.key);
    describe();
    drawNav();
    address.follow(show);
  } catch (error) {
    document.getElementById("summary").textContent = "The model could not be opened.";
    main.replaceChildren(failure(error, () => location.reload()));
  }
}

open();
