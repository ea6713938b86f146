/* How the fit went, or goes: its curves, read again while it runs. */

import { empty, failure, fields } from "/static/blocks.js";
import { chartPlace } from "/static/charts.js";
import { element } from "/static/elements.js";
import { count, counted, duration, sentence, shown } from "/static/numbers.js";
import { get, onlyLatest, stopped } from "/static/server.js";
import { cell, folded, table } from "/static/tables.js";

const AGAIN = 3000; // milliseconds between two looks at a fit that runs
const NAMES = { train_loss: "training loss", validation_loss: "validation loss" };

const nameOf = (column) => NAMES[column] || column.replaceAll("_", " ");

function curves(found) {
  const column = (name) => found.rows.map((row) => row[found.columns.indexOf(name)]);
  const epochs = column("epoch"), losses = found.columns.filter((name) => name.includes("loss"));
  const lines = losses.map((name, i) =>
    ({ name: nameOf(name), x: epochs, y: column(name), style: `s${i % 4}`, dots: true }));
  const heights = lines.flatMap((line) => line.y).filter((value) => value > 0);
  return { lines, across: "epoch", up: "loss", whole: true, label: "Losses by epoch",
    logY: heights.length > 0 && Math.max(...heights) > 10 * Math.min(...heights) };
}

function tableOf(found) {
  const rows = found.rows.map((row) => row.map((value) => cell(shown(value), "number")));
  return folded("The history as a table", table("The history as a table", found.columns.map(nameOf), rows));
}

function state(found) {
  const n = counted(found.rows.length, "epoch"), last = found.rows.at(-1), at = found.columns.indexOf("seconds");
  const took = last && at >= 0 ? ` in ${duration(last[at])}` : "";
  if (!found.live) return `The fit is over: ${n}${took}.`;
  const step = found.step === null ? "" : `, at step ${count(found.step)}`;
  return `A fit is running: ${n} so far${took}${step}. This page looks again every 3 seconds.`;
}

export function make(about, host) {
  const status = element("p", { className: "verdict", role: "status" });
  const referee = element("p", {}), problem = element("div", {});
  const chart = chartPlace(), rows = element("div", {}), settings = element("div", {}), next = onlyLatest();
  host.append(status, referee, problem, chart.block, rows,
    element("section", {}, element("h3", { textContent: "Settings" }), settings));
  let again = null, before = "";

  function draw(found) {
    status.textContent = state(found);
    referee.textContent = sentence(found.referee);
    const now = JSON.stringify(found);
    if (now === before) return; // what is open or selected stays so
    before = now;
    if (found.rows.length) chart.set(curves(found));
    const open = rows.querySelector("details")?.open;
    rows.replaceChildren(found.rows.length ? tableOf(found)
      : empty(found.live ? "No epoch has ended yet. The curves come with the first."
        : "The model keeps no history: it was fitted without epochs."));
    if (open) rows.querySelector("details").open = true;
    settings.replaceChildren(found.settings.length ? fields(found.settings) : empty("No settings are known."));
  }

  async function look() {
    clearTimeout(again);
    try {
      const found = await get("/api/training", next());
      problem.replaceChildren();
      draw(found);
      if (found.live) again = setTimeout(look, AGAIN);
    } catch (error) {
      if (stopped(error)) return;
      problem.replaceChildren(failure(error, look));
    }
  }

  return { show: look, hide: () => { clearTimeout(again); next.stop(); } };
}
