/* Elements made by hand. Whatever comes from the data is set as text, never as markup. */

const SVG = "http://www.w3.org/2000/svg";

function dress(made, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (name === "role" || name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** `element("p", { className: "faint", on: { click } }, child, …)`; names with a hyphen become attributes. */
export function element(tag, properties = {}, ...children) {
  return dress(document.createElement(tag), properties, children);
}

/** A text that comes from the data: it may run from right to left. */
export function said(tag, text, properties = {}) {
  return element(tag, { textContent: String(text), dir: "auto", ...properties });
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  made.append(...children.flat(Infinity));
  return made;
}

export function button(text, act, properties = {}) {
  return element("button", { type: "button", textContent: text, ...properties, on: { click: act } });
}

let named = 0;

/** A control under its own label. */
export function field(label, control, properties = {}) {
  control.id ||= `field-${++named}`;
  return element("div", { className: "field", ...properties },
    element("label", { htmlFor: control.id, textContent: label }), control);
}

export function select(choices, act) {
  const options = choices.map(([value, text]) => element("option", { value, textContent: text }));
  return element("select", { on: { change: act } }, options);
}

/** Gives a file to whoever asked for it. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = element("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Calls `act` once things have been quiet for `wait` milliseconds. */
export function afterwards(wait, act) {
  let waiting;
  return (...given) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => act(...given), wait);
  };
}
