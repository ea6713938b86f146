/* Where on the picture a point lies: the middle of the picture in the data's units, and pixels to a unit. */

export const EDGE = { left: 54, right: 12, top: 10, bottom: 44 };
const ROOM = 0.92; // of the picture that the points fill at first
const NEAREST = 1e5, FARTHEST = 0.3;

function ends(points, from) {
  let low = Infinity, high = -Infinity;
  for (let i = from; i < points.length; i += 2) {
    const value = points[i];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

export class View {
  /** `points` are x and y in turn; `equal`: a unit is as long in both directions. */
  constructor(points, equal) {
    [this.left, this.right] = ends(points, 0);
    [this.bottom, this.top] = ends(points, 1);
    this.equal = equal;
    this.width = this.height = 0;
  }

  get plotWidth() { return Math.max(this.width - EDGE.left - EDGE.right, 1); }
  get plotHeight() { return Math.max(this.height - EDGE.top - EDGE.bottom, 1); }
  get zoom() { return this.sx / this.homeX; }
  get middle() { return [EDGE.left + this.plotWidth / 2, EDGE.top + this.plotHeight / 2]; }

  /** The lengths of a unit with which everything is seen. */
  home() {
    const across = this.right - this.left, up = this.top - this.bottom;
    let sx = (ROOM * this.plotWidth) / (across || 1), sy = (ROOM * this.plotHeight) / (up || 1);
    if (this.equal) sx = sy = Math.min(across ? sx : Infinity, up ? sy : sx);
    [this.homeX, this.homeY] = [sx, sy];
  }

  resize(width, height) {
    const zoom = this.homeX ? this.zoom : null;
    [this.width, this.height] = [width, height];
    this.home();
    if (zoom === null) this.fit();
    else [this.sx, this.sy] = [this.homeX * zoom, this.homeY * zoom];
  }

  fit() {
    [this.cx, this.cy] = [(this.left + this.right) / 2, (this.bottom + this.top) / 2];
    [this.sx, this.sy] = [this.homeX, this.homeY];
  }

  look(cx, cy, zoom) {
    const bounded = Math.min(Math.max(zoom, FARTHEST), NEAREST);
    [this.cx, this.cy, this.sx, this.sy] = [cx, cy, this.homeX * bounded, this.homeY * bounded];
  }

  isHome() {
    return Math.abs(this.zoom - 1) < 1e-6 && Math.abs(this.cx - (this.left + this.right) / 2) * this.sx < 0.5
      && Math.abs(this.cy - (this.bottom + this.top) / 2) * this.sy < 0.5;
  }

  screenX(x) { return EDGE.left + this.plotWidth / 2 + (x - this.cx) * this.sx; }
  screenY(y) { return EDGE.top + this.plotHeight / 2 - (y - this.cy) * this.sy; }
  dataX(px) { return this.cx + (px - EDGE.left - this.plotWidth / 2) / this.sx; }
  dataY(py) { return this.cy - (py - EDGE.top - this.plotHeight / 2) / this.sy; }

  move(dx, dy) {
    this.cx -= dx / this.sx;
    this.cy += dy / this.sy;
  }

  scale(factor, px, py) {
    const x = this.dataX(px), y = this.dataY(py);
    const bounded = Math.min(Math.max(factor, FARTHEST / this.zoom), NEAREST / this.zoom);
    this.sx *= bounded;
    this.sy *= bounded;
    this.cx += x - this.dataX(px);
    this.cy += y - this.dataY(py);
  }

  /** The corners of what is seen, in the data's units. */
  frame() {
    const left = this.dataX(EDGE.left), right = this.dataX(EDGE.left + this.plotWidth);
    const top = this.dataY(EDGE.top), bottom = this.dataY(EDGE.top + this.plotHeight);
    return [[left, top], [right, top], [right, bottom], [left, bottom]];
  }
}
