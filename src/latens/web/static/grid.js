/* The point nearest to the pointer: rows sorted by the cells of a grid, once, so that few are looked at. */

const PER_CELL = 4;

function cellsOf(n) {
  return Math.max(1, Math.min(1024, Math.round(Math.sqrt(n / PER_CELL))));
}

export class Grid {
  /** `points` are x and y in turn; `view` knows the ends of both. */
  constructor(points, view) {
    const n = points.length / 2;
    this.points = points;
    this.side = cellsOf(n);
    [this.left, this.bottom] = [view.left, view.bottom];
    this.perX = this.side / (view.right - view.left || 1);
    this.perY = this.side / (view.top - view.bottom || 1);
    this.starts = new Uint32Array(this.side * this.side + 1);
    this.rows = new Uint32Array(n);
    this.sort(n);
  }

  column(x) { return Math.min(Math.max(Math.floor((x - this.left) * this.perX), 0), this.side - 1); }
  line(y) { return Math.min(Math.max(Math.floor((y - this.bottom) * this.perY), 0), this.side - 1); }
  cell(row) { return this.line(this.points[2 * row + 1]) * this.side + this.column(this.points[2 * row]); }

  /** Counts the rows of each cell, then gives each its place. */
  sort(n) {
    const { starts, rows } = this, cells = new Uint32Array(n);
    for (let row = 0; row < n; row++) {
      cells[row] = this.cell(row);
      starts[cells[row] + 1]++;
    }
    for (let cell = 1; cell < starts.length; cell++) starts[cell] += starts[cell - 1];
    const next = starts.slice();
    for (let row = 0; row < n; row++) rows[next[cells[row]]++] = row;
  }

  /** The row within `reach` pixels of a place on the picture, or −1; rows that are not active do not count. */
  nearest(view, px, py, reach, active) {
    const fromX = this.column(view.dataX(px - reach)), toX = this.column(view.dataX(px + reach));
    const fromY = this.line(view.dataY(py + reach)), toY = this.line(view.dataY(py - reach));
    let best = -1, least = reach * reach;
    for (let line = fromY; line <= toY; line++) {
      const first = this.starts[line * this.side + fromX], last = this.starts[line * this.side + toX + 1];
      for (let k = first; k < last; k++) {
        const row = this.rows[k];
        if (active && !active[row]) continue;
        const dx = view.screenX(this.points[2 * row]) - px, dy = view.screenY(this.points[2 * row + 1]) - py;
        const far = dx * dx + dy * dy;
        if (far < least) { least = far; best = row; }
      }
    }
    return best;
  }
}
