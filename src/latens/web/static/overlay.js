/* What lies over the points: axes, the line being drawn around some, rings around those pointed at or dropped in. */

import { shown, ticks } from "/static/numbers.js";
import { EDGE } from "/static/view.js";

const FULL = 2 * Math.PI;

function paintAxes(context, view, map, palette) {
  const left = EDGE.left, right = view.width - EDGE.right, bottom = view.height - EDGE.bottom, top = EDGE.top;
  context.strokeStyle = palette.line;
  context.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
  context.fillStyle = palette.faint;
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "top";
  if (map.ticks[0])
    for (const tick of ticks(view.dataX(left), view.dataX(right), view.plotWidth / 70))
      context.fillText(shown(tick), view.screenX(tick), bottom + 5);
  context.fillText(map.axes[0], (left + right) / 2, bottom + (map.ticks[0] ? 24 : 10), right - left);
  context.textBaseline = "middle";
  context.textAlign = "right";
  if (map.ticks[1])
    for (const tick of ticks(view.dataY(bottom), view.dataY(top), view.plotHeight / 60))
      context.fillText(shown(tick), left - 5, view.screenY(tick));
  context.save();
  context.translate(10, (top + bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(map.axes[1], 0, 0, bottom - top);
  context.restore();
}

function paintPath(context, view, path, palette) {
  context.beginPath();
  for (const [x, y] of path) context.lineTo(view.screenX(x), view.screenY(y));
  context.closePath();
  context.setLineDash([5, 4]);
  context.strokeStyle = palette.ink;
  context.stroke();
  context.setLineDash([]);
}

function ring(context, x, y, radius, colour, width) {
  context.beginPath();
  context.arc(x, y, radius, 0, FULL);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
  context.lineWidth = 1;
}

function paintDropped(context, view, dropped, palette) {
  context.font = "bold 12px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "middle";
  dropped.forEach(({ point: [x, y] }, i) => {
    const px = view.screenX(x), py = view.screenY(y);
    ring(context, px, py, 8, `rgb(${palette.paper})`, 5);
    ring(context, px, py, 8, palette.accent, 2.5);
    context.strokeStyle = `rgb(${palette.paper})`;
    context.lineWidth = 4;
    context.strokeText(String(i + 1), px + 13, py);
    context.lineWidth = 1;
    context.fillStyle = palette.ink;
    context.fillText(String(i + 1), px + 13, py);
  });
}

/** `state`: path (lines being drawn), around (of the rows chosen), pointed ([x, y] or null), dropped, radius. */
export function paintOverlay(canvas, view, map, palette, ratio, state) {
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  paintAxes(context, view, map, palette);
  context.save();
  context.beginPath();
  context.rect(EDGE.left, EDGE.top, view.plotWidth, view.plotHeight);
  context.clip();
  for (const path of [state.around, state.path]) if (path && path.length > 1) paintPath(context, view, path, palette);
  paintDropped(context, view, state.dropped, palette);
  if (state.pointed) {
    const [x, y] = state.pointed;
    ring(context, view.screenX(x), view.screenY(y), state.radius + 3, palette.ink, 2);
  }
  context.restore();
}
