/* The bar over the page: what the model is busy with, and whether the server is there at all. */

import { traffic } from "/static/server.js";

const PATIENCE = 500; // milliseconds after which a person wants to know that something happens
const AGAIN = 700;
const GONE = "The server does not answer: latens serve was stopped, or this computer slept. "
  + "Start it again and open the address that it prints.";

const byId = (id) => document.getElementById(id);
let timer = null, words = "", gone = false;

async function askDoing() {
  try {
    const answer = await fetch("/api/progress", { credentials: "same-origin" });
    if (answer.ok) words = (await answer.json()).doing || words;
  } catch {
    // whether the server is gone is said by the request that waits
  }
}

async function look() {
  byId("progress").hidden = false;
  byId("doing").textContent = words || "Working …";
  await askDoing();
  if (timer === null) return;
  byId("doing").textContent = words || "Working …";
  timer = setTimeout(look, AGAIN);
}

function busy() {
  words = "";
  timer = setTimeout(look, PATIENCE);
}

function idle() {
  clearTimeout(timer);
  timer = null;
  byId("progress").hidden = true;
}

function waiting({ detail: seconds }) {
  words = `The model is busy with other requests; asking again in ${Math.ceil(seconds)} s`;
  byId("progress").hidden = false;
  byId("doing").textContent = words;
}

function lost() {
  byId("notice").textContent = GONE;
  byId("notice").hidden = false;
  if (!gone) setTimeout(isBack, 3000);
  gone = true;
}

async function isBack() {
  try {
    await fetch("/health");
    found();
  } catch {
    setTimeout(isBack, 3000);
  }
}

function found() {
  if (gone) byId("notice").hidden = true;
  gone = false;
}

export function showProgress() {
  const acts = { busy, idle, waiting, gone: lost, back: found };
  for (const [name, act] of Object.entries(acts)) traffic.addEventListener(name, act);
}
