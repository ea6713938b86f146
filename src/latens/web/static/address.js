/* The state of the page stands in its address: #/map?colour=kind&row=5. So Back works and a view can be bookmarked. */

let shown = null, route = () => {};

export function read() {
  const [, panel = "", query = ""] = /^#\/([a-z]*)\??(.*)$/.exec(location.hash) || [];
  return { panel, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** Values that are null or empty are left out. */
export function address(panel, params = {}) {
  const kept = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return kept.length ? `#/${panel}?${new URLSearchParams(kept)}` : `#/${panel}`;
}

/** Goes there: a step that Back takes back, unless it replaces the one before. */
export function go(panel, params, { replace = false } = {}) {
  const target = address(panel, params);
  if (target !== location.hash) history[replace ? "replaceState" : "pushState"](null, "", target);
  arrive();
}

/** Remembers where the page already is, without a step. */
export function note(panel, params) {
  const target = address(panel, params);
  if (read().panel !== panel || target === location.hash) return;
  history.replaceState(null, "", target);
  shown = target;
}

function arrive() {
  if (location.hash === "#main" || location.hash === shown) return;
  shown = location.hash;
  route(read());
}

export function follow(act) {
  route = act;
  window.addEventListener("popstate", arrive);
  window.addEventListener("hashchange", arrive);
  shown = null;
  arrive();
  if (shown === null) route(read());
}
