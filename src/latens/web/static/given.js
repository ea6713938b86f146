/* Rows that a person gives: a file that is chosen, dropped or pasted, or lines of text. */

import { button, element, field } from "/static/elements.js";
import { failure } from "/static/blocks.js";
import { stopped } from "/static/server.js";

const LARGEST = 11_000_000; // bytes of a file; in base64 it is a third longer
const WORDS = {
  table: ["A header and rows as CSV, or a CSV file", ".csv,text/csv", "csv"],
  images: ["A PNG or JPEG file", "image/png,image/jpeg", "image"],
  text: ["A text, or a text file", ".txt,text/plain", "text"] };

export const takes = (kind) => Object.hasOwn(WORDS, kind);

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

async function read(file, kind) {
  if (file.size > LARGEST) throw new Error(`${file.name} has ${Math.ceil(file.size / 1e6)} MB; give 11 MB at most.`);
  if (kind === "images") return { image: base64(new Uint8Array(await file.arrayBuffer())) };
  return { [WORDS[kind][2]]: await file.text() };
}

/** A place that takes rows of the source's kind; `use(body)` gets them as the server wants them. */
export function givenPlace({ kind, title, action, use }) {
  const [label, accept, name] = WORDS[kind], problem = element("div", {});
  const attempt = async (make) => {
    problem.replaceChildren();
    try {
      await use(await make());
    } catch (error) {
      if (!stopped(error)) problem.replaceChildren(failure(error));
    }
  };
  const taken = (file) => attempt(() => read(file, kind));
  const chooser = element("input", { type: "file", accept });
  chooser.addEventListener("change", () => chooser.files[0] && taken(chooser.files[0]));
  const area = element("textarea", { rows: 4, spellcheck: false, autocomplete: "off" });
  const typed = () => attempt(() => {
    if (!area.value.trim()) throw new Error("There is nothing to read yet. Type or paste something first.");
    return { [name]: area.value };
  });
  const parts = kind === "images" ? [] : [field("Or type or paste it here", area), button(action, typed)];
  const block = element("details", { className: "given" }, element("summary", { textContent: title }),
    element("p", { className: "faint", textContent: `${label}. It can also be dropped or pasted on this panel.` }),
    field("A file", chooser), ...parts, problem);
  return { block, taken: (file) => { block.open = true; return taken(file); },
    typed: (text) => { block.open = true; area.value = text; return typed(); } };
}

/** Takes what is dropped on a panel or pasted into it, unless somebody is writing elsewhere. */
export function takeFrom(host, place) {
  const over = (event) => {
    event.preventDefault();
    host.classList.toggle("dropping", event.type === "dragover");
  };
  host.addEventListener("dragover", over);
  host.addEventListener("dragleave", over);
  host.addEventListener("drop", (event) => {
    over(event);
    hand(event.dataTransfer, place);
  });
  document.addEventListener("paste", (event) => {
    const writing = event.target.closest?.("input, textarea");
    if (!host.hidden && !writing && hand(event.clipboardData, place)) event.preventDefault();
  });
}

function hand(data, place) {
  const file = data.files[0], text = data.getData("text/plain");
  if (file) place.taken(file);
  else if (text.trim()) place.typed(text);
  return Boolean(file || text.trim());
}
