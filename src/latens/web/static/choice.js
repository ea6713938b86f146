/* Which rows are to be seen: those found, of the chosen class, inside what was drawn around. */

const CORNERS = 64; // of a line around points; an address has no room for more

export function inside(path, x, y) {
  let within = false;
  for (let k = 0, before = path.length - 1; k < path.length; before = k++) {
    const [ax, ay] = path[k], [bx, by] = path[before];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  }
  return within;
}

const digits = (value) => Number(value.toPrecision(5));

/** A line around points as text for the address, and back. */
export function writePath(path) {
  if (!path) return null;
  const step = Math.max(1, path.length / CORNERS), kept = [];
  for (let k = 0; k < path.length; k += step) kept.push(path[Math.floor(k)]);
  return kept.map(([x, y]) => `${digits(x)},${digits(y)}`).join(" ");
}

export function readPath(text) {
  const path = (text || "").split(" ").map((place) => place.split(",").map(Number));
  return path.length > 2 && path.every((place) => place.length === 2 && place.every(Number.isFinite)) ? path : null;
}

export class Choice {
  constructor(points) {
    this.points = points;
    this.n = points.length / 2;
    this.found = this.kept = this.inner = this.around = null;
    this.join();
  }

  find(rows) {
    this.found = rows && new Uint8Array(this.n);
    if (rows) for (const row of rows) this.found[row] = 1;
    this.join();
  }

  keep(codes, code) {
    this.kept = codes && new Uint8Array(this.n);
    if (codes) for (let row = 0; row < this.n; row++) this.kept[row] = codes[row] === code ? 1 : 0;
    this.join();
  }

  surround(path) {
    this.around = path;
    this.inner = path && new Uint8Array(this.n);
    if (path) {
      const { points, inner } = this;
      for (let row = 0; row < this.n; row++) inner[row] = inside(path, points[2 * row], points[2 * row + 1]) ? 1 : 0;
    }
    this.join();
  }

  /** `active` is null while all rows are to be seen; `count` says how many are. */
  join() {
    const parts = [this.found, this.kept, this.inner].filter(Boolean);
    this.count = this.n;
    this.active = parts.length ? new Uint8Array(this.n) : null;
    if (!this.active) return;
    this.count = 0;
    for (let row = 0; row < this.n; row++) {
      const seen = parts.every((part) => part[row]);
      if (seen) { this.active[row] = 1; this.count++; }
    }
  }

  /** The rows chosen, at most so many. */
  rows(most = Infinity) {
    const rows = [];
    for (let row = 0; row < this.n && rows.length < most; row++) if (!this.active || this.active[row]) rows.push(row);
    return rows;
  }
}
