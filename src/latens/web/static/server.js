/* What the page asks of the server: retried while it is busy, dropped when nobody wants the answer any more. */

const TRIES = 8;
const SESSION = "This page's session is over. Open the address that latens serve prints.";

/** Tells of "busy" and "idle", of "waiting" for a busy server, of a server that is "gone" or "back". */
export const traffic = new EventTarget();
let pending = 0, writeKey = "";

export const useKey = (key) => { writeKey = key; };
const tell = (name, detail) => traffic.dispatchEvent(new CustomEvent(name, { detail }));

/** A signal for each new request, which ends the request before it. */
export function onlyLatest() {
  let before = null;
  const next = () => {
    before?.abort();
    before = new AbortController();
    return before.signal;
  };
  next.stop = () => before?.abort();
  return next;
}

export const stopped = (error) => error?.name === "AbortError";

function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const end = () => { clearTimeout(waiting); reject(new DOMException("stopped", "AbortError")); };
    const waiting = setTimeout(() => { signal?.removeEventListener("abort", end); resolve(); }, 1000 * seconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}

async function reach(path, options) {
  try {
    const answer = await fetch(path, { ...options, credentials: "same-origin" });
    tell("back");
    return answer;
  } catch (error) {
    if (stopped(error)) throw error;
    tell("gone");
    throw new Error("The server does not answer.");
  }
}

async function refusal(answer) {
  if (answer.status === 401) return SESSION;
  try {
    return (await answer.json()).error || `The server answered ${answer.status}.`;
  } catch {
    return `The server answered ${answer.status} without a word of why.`;
  }
}

async function patiently(path, options) {
  for (let tries = 1; ; tries++) {
    const answer = await reach(path, options);
    if (answer.ok) return answer;
    if (answer.status !== 503 || tries === TRIES) throw new Error(await refusal(answer));
    const seconds = Math.min(Math.max(Number(answer.headers.get("Retry-After")) || 1, 0.2), 30);
    tell("waiting", seconds);
    await sleep(seconds, options.signal);
  }
}

/** The answer, read by `read`; counted as traffic until then. */
async function counted(path, options, read) {
  if (pending++ === 0) tell("busy");
  try {
    return await read(await patiently(path, options));
  } finally {
    if (--pending === 0) tell("idle");
  }
}

function written(body, signal) {
  return {
    method: "POST", signal, body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-Latens-Key": writeKey } };
}

const asJson = (answer) => answer.json();
const asBuffer = (answer) => answer.arrayBuffer();

/** `path("/api/search", { text })`: values that are null are left out. */
export function path(base, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return kept.length ? `${base}?${new URLSearchParams(kept)}` : base;
}

export const get = (address, signal) => counted(address, { signal }, asJson);
export const post = (address, body, signal) => counted(address, written(body, signal), asJson);
export const floats = async (address, signal) => new Float32Array(await counted(address, { signal }, asBuffer));
export const codes = async (address, signal) => new Uint16Array(await counted(address, { signal }, asBuffer));

/** A file that the server writes: its bytes and its name. */
export function file(address, body, fallback, signal) {
  const read = async (answer) => {
    const named = /filename="?([^";]+)"?/.exec(answer.headers.get("Content-Disposition") || "");
    return { blob: await answer.blob(), name: named ? named[1] : fallback };
  };
  return counted(address, body ? written(body, signal) : { signal }, read);
}

/** Calls `act` with each line of an answer that comes bit by bit. */
export function lines(address, body, act, signal) {
  return counted(address, written(body, signal), async (answer) => {
    const reader = answer.body.getReader(), decoder = new TextDecoder();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const complete = (rest + decoder.decode(part.value, { stream: true })).split("\n");
      rest = complete.pop();
      for (const line of complete) if (line.trim()) act(JSON.parse(line));
    }
    if (rest.trim()) act(JSON.parse(rest));
  });
}
