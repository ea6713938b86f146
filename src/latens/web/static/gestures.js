/* Mouse, touch and keys over the map, as what they mean: move, zoom, point, choose, draw around. */

const STEP = 40; // pixels that an arrow key moves
const STILL = 4; // pixels of travel that still count as a click

const KEYS = {
  ArrowLeft: (to) => to.move(STEP, 0), ArrowRight: (to) => to.move(-STEP, 0),
  ArrowUp: (to) => to.move(0, STEP), ArrowDown: (to) => to.move(0, -STEP),
  "+": (to) => to.zoom(1.25), "=": (to) => to.zoom(1.25), "-": (to) => to.zoom(0.8), _: (to) => to.zoom(0.8),
  0: (to) => to.showAll(), Escape: (to) => to.leave(), Enter: (to) => to.pinMiddle() };

export class Gestures {
  /** `to` is told: move(dx, dy), zoom(factor, px, py), point(px, py), pin(px, py, touch), leave(), showAll(),
      pinMiddle(), surround(path, done) with the places on the picture; `to.tool` is null, "box" or "lasso". */
  constructor(canvas, to) {
    this.canvas = canvas;
    this.to = to;
    this.pointers = new Map();
    this.path = null;
    this.travelled = 0;
    const on = (name, act, options) => canvas.addEventListener(name, act.bind(this), options);
    on("wheel", this.onWheel, { passive: false });
    on("pointerdown", this.onDown);
    on("pointermove", this.onMove);
    on("pointerup", this.onUp);
    on("pointercancel", this.onUp);
    on("pointerleave", () => { if (!this.pointers.size) to.away(); });
    on("dblclick", (event) => to.zoom(2, ...this.at(event)));
    on("keydown", this.onKey);
  }

  at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  onWheel(event) {
    event.preventDefault();
    this.to.zoom(2 ** (-event.deltaY / 300), ...this.at(event));
  }

  onDown(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.at(event);
    this.pointers.set(event.pointerId, place);
    this.travelled = 0;
    this.path = this.to.tool && this.pointers.size === 1 ? [place] : null;
  }

  onMove(event) {
    const now = this.at(event), before = this.pointers.get(event.pointerId);
    if (!before) return this.to.point(...now);
    this.travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (this.path) this.draw(now);
    else this.to.move(now[0] - before[0], now[1] - before[1], this.travelled > STILL);
    this.pointers.set(event.pointerId, now);
  }

  draw([x, y]) {
    const [[left, top]] = this.path;
    if (this.to.tool === "box") this.path = [[left, top], [x, top], [x, y], [left, y]];
    else this.path.push([x, y]);
    this.to.surround(this.path, false);
  }

  pinch(id, before, now) {
    const other = [...this.pointers].find(([each]) => each !== id)[1];
    const apart = (point) => Math.max(Math.hypot(point[0] - other[0], point[1] - other[1]), 1);
    this.path = null;
    this.to.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2, true);
    this.to.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  onUp(event) {
    this.pointers.delete(event.pointerId);
    const path = this.path;
    this.path = null;
    if (path && path.length > 2) this.to.surround(path, true);
    else if (this.travelled <= STILL && event.type === "pointerup" && !this.to.tool)
      this.to.pin(...this.at(event), event.pointerType === "touch");
  }

  onKey(event) {
    if (!Object.hasOwn(KEYS, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key](this.to);
  }
}
