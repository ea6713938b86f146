/* A scatter that is drawn from the JSON in the page: every element with data-scatter="ID" becomes one.
   Whatever comes from the data is set as textContent, never as markup. Points are drawn pixel by pixel into one
   buffer, because a canvas takes seconds for 70,000 circles. */
"use strict";
(() => {
  const EDGE = { left: 54, right: 12, top: 10, bottom: 44 };
  const KINDS = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };
  const SHOWN_FIELDS = 10;
  const REACH = 14; // pixels from the pointer in which a point is found
  const NUMBER = new Intl.NumberFormat("en");

  const numbers = (packed) => new KINDS[packed.type](Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0)).buffer);

  function element(tag, properties = {}, children = []) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function shown(value) {
    if (Number.isNaN(value)) return "missing";
    if (Number.isInteger(value)) return String(value);
    const size = Math.abs(value);
    return size >= 1e-4 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
  }

  // ---- columns: what can be shown, searched and coloured by --------------------------------------------------------

  function readColumn(column) {
    if (column.values) {
      const values = numbers(column.values);
      let low = Infinity, high = -Infinity, missing = 0;
      for (const value of values) {
        if (Number.isNaN(value)) missing++;
        else { low = Math.min(low, value); high = Math.max(high, value); }
      }
      return { name: column.name, number: true, colours: true, values, low, high, missing, text: (i) => shown(values[i]) };
    }
    const codes = numbers(column.codes);
    const sizes = new Array(column.classes ? column.classes.length : 0).fill(0);
    if (column.classes) for (const code of codes) sizes[column.class_of[code]]++;
    return { ...column, number: false, colours: Boolean(column.classes), codes, sizes, text: (i) => column.texts[codes[i]] };
  }

  /** The rows whose id or one of whose fields holds the words; of numbers those that are equal. */
  function search(words, ids, columns, n) {
    const wanted = words.trim().toLowerCase(), found = new Uint8Array(n);
    const number = Number(wanted);
    for (let i = 0; i < n; i++) found[i] = ids(i).toLowerCase().includes(wanted) ? 1 : 0;
    for (const column of columns) {
      if (column.number) {
        if (wanted === "" || Number.isNaN(number)) continue;
        for (let i = 0; i < n; i++) if (column.values[i] === number || column.text(i) === wanted) found[i] = 1;
      } else {
        const hits = column.texts.map((text) => text.toLowerCase().includes(wanted));
        for (let i = 0; i < n; i++) if (hits[column.codes[i]]) found[i] = 1;
      }
    }
    return found;
  }

  // ---- colours -----------------------------------------------------------------------------------------------------

  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const css = (colour) => `rgb(${colour.join(",")})`;
  const light = ([r, g, b]) => (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;

  /** A colour made for white paper, lighter where the paper is dark. */
  function onPaper(hex, dark) {
    const colour = rgb(hex);
    if (!dark) return colour;
    const share = Math.max(0, 0.56 - light(colour));
    return colour.map((part) => Math.round(part + (255 - part) * share));
  }

  function onScale(stops, share) {
    const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1), first = Math.floor(place);
    const next = Math.min(first + 1, stops.length - 1);
    return stops[first].map((part, i) => Math.round(part + (stops[next][i] - part) * (place - first)));
  }

  /** Three bytes for every row. */
  function colourRows(column, palette, n) {
    const colours = new Uint8Array(3 * n);
    const paint = (i, colour) => colours.set(colour, 3 * i);
    if (!column) for (let i = 0; i < n; i++) paint(i, palette.plain);
    else if (column.number) {
      const width = column.high - column.low || 1;
      for (let i = 0; i < n; i++) {
        const value = column.values[i];
        paint(i, Number.isNaN(value) ? palette.other : onScale(palette.stops, (value - column.low) / width));
      }
    } else {
      const own = column.classes.map((each) => onPaper(each.colour, palette.dark));
      for (let i = 0; i < n; i++) paint(i, own[column.class_of[column.codes[i]]]);
    }
    return colours;
  }

  // ---- drawing -----------------------------------------------------------------------------------------------------

  /** How much of each pixel a disc covers, from 0 to 256. */
  function disc(radius, opacity) {
    const reach = Math.ceil(radius), side = 2 * reach + 1, cover = new Uint16Array(side * side);
    for (let y = -reach; y <= reach; y++)
      for (let x = -reach; x <= reach; x++) {
        const inside = Math.min(Math.max(radius + 0.5 - Math.hypot(x, y), 0), 1);
        cover[(y + reach) * side + x + reach] = Math.round(256 * inside * opacity);
      }
    return { reach, side, cover };
  }

  function stamp(image, width, box, mark, px, py, r, g, b) {
    const x0 = Math.round(px), y0 = Math.round(py), { reach, side, cover } = mark;
    if (x0 < box.left || x0 > box.right || y0 < box.top || y0 > box.bottom) return;
    const fromX = Math.max(x0 - reach, box.left), toX = Math.min(x0 + reach, box.right);
    const fromY = Math.max(y0 - reach, box.top), toY = Math.min(y0 + reach, box.bottom);
    for (let y = fromY; y <= toY; y++) {
      let at = 4 * (y * width + fromX), from = (y - y0 + reach) * side + fromX - x0 + reach;
      for (let x = fromX; x <= toX; x++, at += 4, from++) {
        const share = cover[from];
        image[at] += ((r - image[at]) * share) >> 8;
        image[at + 1] += ((g - image[at + 1]) * share) >> 8;
        image[at + 2] += ((b - image[at + 2]) * share) >> 8;
      }
    }
  }

  function tickValues(low, high, about) {
    const raw = (high - low) / about, unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * ([1, 2, 5, 10].find((m) => m * unit >= raw) || 10), ticks = [];
    if (!(step > 0) || !Number.isFinite(step)) return ticks;
    for (let k = Math.ceil(low / step); k * step <= high; k++) ticks.push(Number((k * step).toPrecision(12)));
    return ticks;
  }

  /** A fixed shuffle: drawn class by class, the last one would hide the others. */
  function shuffled(n) {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    let state = 12345;
    for (let i = n - 1; i > 0; i--) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const j = state % (i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  // ---- one scatter -------------------------------------------------------------------------------------------------

  class Scatter {
    constructor(host, data) {
      this.host = host;
      this.data = data;
      this.n = data.n;
      this.x = numbers(data.x);
      this.y = numbers(data.y);
      this.ground = { x: numbers(data.ground.x), y: numbers(data.ground.y) };
      this.columns = data.columns.map(readColumn);
      this.order = shuffled(this.n);
      this.id = data.ids ? (i) => data.ids[i] : (i) => String(i);
      this.title = data.ids ? this.id : (i) => `row ${i}`;
      this.found = this.kept = this.chosen = null;
      this.hovered = -1;
      this.pinned = false;
      this.pointers = new Map();
      this.dark = window.matchMedia("(prefers-color-scheme: dark)");
      if (data.pictures) {
        this.sheet = new Image();
        this.sheet.src = data.pictures.source;
      }
      this.build();
      this.listen();
      this.recolour();
      new ResizeObserver(() => this.resize()).observe(this.canvas);
    }

    build() {
      const colourable = this.columns.filter((column) => column.colours);
      this.select = element("select", {}, [element("option", { value: "", textContent: "nothing" })]);
      colourable.forEach((column) =>
        this.select.append(element("option", { value: String(this.columns.indexOf(column)), textContent: column.name })));
      this.select.value = String(this.columns.findIndex((column) => column.colours && column.name === this.data.colour));
      if (this.select.selectedIndex < 0) this.select.value = "";
      this.box = element("input", { type: "search", placeholder: "an id or a field", autocomplete: "off", spellcheck: false });
      this.lassoButton = element("button", { type: "button", textContent: "Lasso", title: "Draw around points to choose them" });
      this.lassoButton.setAttribute("aria-pressed", "false");
      this.resetButton = element("button", { type: "button", textContent: "Show all" });
      this.saveButton = element("button", { type: "button", textContent: "Save ids as CSV", hidden: true });
      this.status = element("p", { className: "scatter-status" });
      this.status.setAttribute("role", "status");
      this.canvas = element("canvas", { tabIndex: 0 });
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label",
        `Map of ${NUMBER.format(this.n)} rows. Arrow keys move it, plus and minus zoom, 0 shows all.`);
      this.tip = element("div", { className: "scatter-tip", hidden: true });
      this.legend = element("div", { className: "scatter-legend" });
      this.host.append(
        element("div", { className: "scatter-tools" }, [
          element("label", {}, ["Colour by ", this.select]), element("label", {}, ["Search ", this.box]),
          this.lassoButton, this.resetButton, this.saveButton]),
        this.status,
        element("div", { className: "scatter-body" }, [
          element("div", { className: "scatter-plot" }, [this.canvas, this.tip]), this.legend]));
    }

    // ---- view: the middle of the picture in the data's units, and pixels to a unit

    fit() {
      const range = (...each) => {
        let low = Infinity, high = -Infinity;
        for (const values of each) for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
        return [low, high];
      };
      const [left, right] = range(this.x, this.ground.x), [bottom, top] = range(this.y, this.ground.y);
      const scale = (length, pixels) => (0.92 * pixels) / (length > 0 ? length : 1);
      this.cx = (left + right) / 2;
      this.cy = (bottom + top) / 2;
      this.sx = scale(right - left, this.plotWidth());
      this.sy = scale(top - bottom, this.plotHeight());
      if (this.data.equal) this.sx = this.sy = Math.min(right > left ? this.sx : Infinity, top > bottom ? this.sy : this.sx);
      this.home = this.sx;
      this.draw();
    }

    plotWidth() { return this.width - EDGE.left - EDGE.right; }
    plotHeight() { return this.height - EDGE.top - EDGE.bottom; }
    screenX(x) { return EDGE.left + this.plotWidth() / 2 + (x - this.cx) * this.sx; }
    screenY(y) { return EDGE.top + this.plotHeight() / 2 - (y - this.cy) * this.sy; }
    dataX(px) { return this.cx + (px - EDGE.left - this.plotWidth() / 2) / this.sx; }
    dataY(py) { return this.cy - (py - EDGE.top - this.plotHeight() / 2) / this.sy; }

    move(dx, dy) {
      this.cx -= dx / this.sx;
      this.cy += dy / this.sy;
      this.draw();
    }

    zoom(factor, px, py) {
      const bounded = Math.min(Math.max(factor, (0.3 * this.home) / this.sx), (1e5 * this.home) / this.sx);
      const x = this.dataX(px), y = this.dataY(py);
      this.sx *= bounded;
      this.sy *= bounded;
      this.cx += x - this.dataX(px);
      this.cy += y - this.dataY(py);
      this.draw();
    }

    resize() {
      const ratio = window.devicePixelRatio || 1, { clientWidth, clientHeight } = this.canvas;
      if (!clientWidth || !clientHeight) return;
      const first = this.width === undefined, before = this.width;
      [this.width, this.height, this.ratio] = [clientWidth, clientHeight, ratio];
      this.canvas.width = Math.round(clientWidth * ratio);
      this.canvas.height = Math.round(clientHeight * ratio);
      if (first || before !== clientWidth) this.fit();
      else this.draw();
    }

    // ---- drawing

    recolour() {
      const style = getComputedStyle(this.host), dark = this.dark.matches;
      const named = (name) => style.getPropertyValue(name).trim();
      this.palette = {
        dark, ink: named("--ink"), faint: named("--faint"), line: named("--line"), paper: rgb(named("--paper")),
        other: rgb(named("--other")), plain: onPaper(this.data.plain, dark),
        stops: this.data.scale[dark ? "dark" : "light"].map(rgb) };
      this.column = this.select.value === "" ? null : this.columns[Number(this.select.value)];
      this.colours = colourRows(this.column, this.palette, this.n);
      this.drawLegend();
      this.draw();
    }

    draw() {
      if (this.width === undefined || this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; this.paint(); });
    }

    paint() {
      const context = this.canvas.getContext("2d"), ratio = this.ratio, { width, height } = this.canvas;
      const image = context.createImageData(width, height), pixels = image.data, paper = this.palette.paper;
      new Uint32Array(pixels.buffer).fill((255 << 24) | (paper[2] << 16) | (paper[1] << 8) | paper[0]);
      const box = {
        left: Math.round(EDGE.left * ratio), right: Math.round((this.width - EDGE.right) * ratio) - 1,
        top: Math.round(EDGE.top * ratio), bottom: Math.round((this.height - EDGE.bottom) * ratio) - 1 };
      const grown = Math.min(Math.max(this.sx / this.home, 1) ** 0.35, 2.5);
      const radius = Math.min(Math.max(Math.sqrt(9000 / this.n), 1.3), 4.5) * grown * ratio;
      const mark = disc(radius, this.n < 2000 ? 0.9 : 0.7), faint = disc(radius, 0.3), [r, g, b] = this.palette.other;
      const active = (i) => this.isActive(i), sx = this.sx * ratio, sy = this.sy * ratio;
      const ox = this.screenX(0) * ratio, oy = this.screenY(0) * ratio;
      for (let i = 0; i < this.ground.x.length; i++)
        stamp(pixels, width, box, faint, ox + this.ground.x[i] * sx, oy - this.ground.y[i] * sy, r, g, b);
      if (this.found || this.kept || this.chosen)
        for (const i of this.order)
          if (!active(i)) stamp(pixels, width, box, faint, ox + this.x[i] * sx, oy - this.y[i] * sy, r, g, b);
      for (const i of this.order)
        if (active(i))
          stamp(pixels, width, box, mark, ox + this.x[i] * sx, oy - this.y[i] * sy,
            this.colours[3 * i], this.colours[3 * i + 1], this.colours[3 * i + 2]);
      context.putImageData(image, 0, 0);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      this.paintAxes(context);
      this.paintLasso(context);
      this.paintRing(context, radius / ratio);
      this.frames = (this.frames || 0) + 1;
    }

    paintAxes(context) {
      const left = EDGE.left, bottom = this.height - EDGE.bottom, right = this.width - EDGE.right;
      context.strokeStyle = this.palette.line;
      context.strokeRect(left + 0.5, EDGE.top + 0.5, right - left - 1, bottom - EDGE.top - 1);
      context.fillStyle = this.palette.faint;
      context.font = "12px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "top";
      if (this.data.ticks[0])
        for (const tick of tickValues(this.dataX(left), this.dataX(right), this.plotWidth() / 70))
          context.fillText(shown(tick), this.screenX(tick), bottom + 5);
      context.fillText(this.data.axes[0], (left + right) / 2, bottom + (this.data.ticks[0] ? 24 : 10), right - left);
      context.textBaseline = "middle";
      context.textAlign = "right";
      if (this.data.ticks[1])
        for (const tick of tickValues(this.dataY(bottom), this.dataY(EDGE.top), this.plotHeight() / 60))
          context.fillText(shown(tick), left - 5, this.screenY(tick));
      context.save();
      context.translate(10, (EDGE.top + bottom) / 2);
      context.rotate(-Math.PI / 2);
      context.textAlign = "center";
      context.fillText(this.data.axes[1], 0, 0, bottom - EDGE.top);
      context.restore();
    }

    paintLasso(context) {
      if (!this.path || this.path.length < 2) return;
      context.beginPath();
      this.path.forEach(([x, y]) => context.lineTo(this.screenX(x), this.screenY(y)));
      context.closePath();
      context.setLineDash([5, 4]);
      context.strokeStyle = this.palette.ink;
      context.stroke();
      context.setLineDash([]);
    }

    paintRing(context, radius) {
      if (this.hovered < 0) return;
      context.beginPath();
      context.arc(this.screenX(this.x[this.hovered]), this.screenY(this.y[this.hovered]), radius + 3, 0, 2 * Math.PI);
      context.strokeStyle = this.palette.ink;
      context.lineWidth = 2;
      context.stroke();
      context.lineWidth = 1;
    }

    drawLegend() {
      const column = this.column;
      this.kept = null;
      this.legend.replaceChildren();
      this.tell();
      if (!column) return;
      this.legend.append(element("h3", { textContent: column.name, dir: "auto" }));
      if (column.number) this.drawScale(column);
      else column.classes.forEach((each, k) => this.legend.append(this.classButton(column, each, k)));
    }

    classButton(column, each, k) {
      const swatch = element("span", { className: "swatch" });
      swatch.style.background = css(onPaper(each.colour, this.palette.dark));
      const button = element("button", { type: "button", className: "class" }, [
        swatch, element("bdi", { textContent: each.name }), element("small", { textContent: NUMBER.format(column.sizes[k]) })]);
      button.setAttribute("aria-pressed", "false");
      button.title = "Show this class alone";
      button.addEventListener("click", () => this.keepClass(column, k, button));
      return button;
    }

    drawScale(column) {
      const bar = element("div", { className: "scale" });
      bar.style.background = `linear-gradient(to right, ${this.palette.stops.map(css).join(", ")})`;
      const ends = element("div", { className: "ends" }, [
        element("span", { textContent: shown(column.low) }), element("span", { textContent: shown(column.high) })]);
      this.legend.append(bar, ends);
      if (!column.missing) return;
      const swatch = element("span", { className: "swatch" });
      swatch.style.background = css(this.palette.other);
      this.legend.append(element("p", {}, [swatch, `missing ${NUMBER.format(column.missing)}`]));
    }

    // ---- what is shown strongly: rows found, of the chosen class, inside the lasso

    isActive(i) {
      return (!this.found || this.found[i]) && (!this.kept || this.kept[i]) && (!this.chosen || this.chosen[i]);
    }

    keepClass(column, k, button) {
      const on = button.getAttribute("aria-pressed") !== "true";
      this.legend.querySelectorAll("button").forEach((each) => each.setAttribute("aria-pressed", "false"));
      button.setAttribute("aria-pressed", String(on));
      this.kept = on ? Uint8Array.from(column.codes, (code) => (column.class_of[code] === k ? 1 : 0)) : null;
      this.changed();
    }

    find() {
      this.found = this.box.value.trim() ? search(this.box.value, this.id, this.columns, this.n) : null;
      this.changed();
    }

    changed() {
      this.tell();
      this.draw();
    }

    activeRows() {
      const rows = [];
      for (let i = 0; i < this.n; i++) if (this.isActive(i)) rows.push(i);
      return rows;
    }

    tell() {
      const all = `${NUMBER.format(this.n)} row${this.n === 1 ? "" : "s"}`;
      const some = this.found || this.kept || this.chosen, rows = some ? this.activeRows().length : 0;
      this.status.textContent = !some ? (this.lassoing ? "Draw around the points to choose" : all)
        : rows ? `${NUMBER.format(rows)} of ${all} chosen` : `None of ${all}: nothing matches; Show all starts again`;
      this.saveButton.hidden = !(some && rows);
    }

    save() {
      const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
      const lines = ["id", ...this.activeRows().map((i) => quoted(this.id(i)))];
      const address = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
      const link = element("a", { href: address, download: "ids.csv" });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    }

    showAll() {
      this.found = this.kept = this.chosen = this.path = null;
      this.box.value = "";
      this.legend.querySelectorAll("button").forEach((each) => each.setAttribute("aria-pressed", "false"));
      this.setLasso(false);
      this.hover(-1);
      this.fit();
    }

    // ---- hover

    nearest(px, py, reach) {
      let best = -1, least = reach * reach;
      for (let i = 0; i < this.n; i++) {
        const dx = this.screenX(this.x[i]) - px, dy = this.screenY(this.y[i]) - py, far = dx * dx + dy * dy;
        if (far < least && this.isActive(i)) { least = far; best = i; }
      }
      return best;
    }

    hover(i) {
      if (i === this.hovered) return;
      this.hovered = i;
      this.tip.hidden = i < 0;
      if (i >= 0) this.fillTip(i);
      this.draw();
    }

    fillTip(i) {
      const order = [...this.columns].sort((a, b) => (b === this.column) - (a === this.column));
      const list = element("dl");
      for (const column of order.slice(0, SHOWN_FIELDS))
        list.append(element("dt", { textContent: column.name, dir: "auto" }), element("dd", { textContent: column.text(i), dir: "auto" }));
      const rest = order.length - SHOWN_FIELDS;
      this.tip.replaceChildren(element("strong", { textContent: this.title(i), dir: "auto" }), ...this.picture(i), list,
        ...(rest > 0 ? [element("small", { textContent: `and ${rest} more column${rest > 1 ? "s" : ""}` })] : []));
      const x = this.screenX(this.x[i]), y = this.screenY(this.y[i]);
      const { offsetWidth, offsetHeight } = this.tip;
      const aside = x + 14 + offsetWidth > this.width ? x - 14 - offsetWidth : x + 14;
      this.tip.style.left = `${Math.min(Math.max(aside, 2), Math.max(this.width - offsetWidth - 2, 2))}px`;
      this.tip.style.top = `${Math.min(Math.max(y - offsetHeight / 2, 2), Math.max(this.height - offsetHeight - 2, 2))}px`;
    }

    picture(i) {
      const sheet = this.data.pictures;
      if (!sheet) return [];
      const { width, height, across } = sheet, times = Math.max(1, Math.floor(112 / Math.max(width, height)));
      const canvas = element("canvas", { width: width * times, height: height * times });
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      const place = () => context.drawImage(this.sheet, (i % across) * width, Math.floor(i / across) * height, width, height,
        0, 0, canvas.width, canvas.height);
      if (this.sheet.complete) place();
      else this.sheet.addEventListener("load", place, { once: true });
      return [canvas];
    }

    // ---- mouse, touch, keys

    setLasso(on) {
      this.lassoing = on;
      this.lassoButton.setAttribute("aria-pressed", String(on));
      this.canvas.classList.toggle("lasso", on);
      this.tell();
    }

    listen() {
      const on = (target, name, act, options) => target.addEventListener(name, act.bind(this), options);
      on(this.dark, "change", this.recolour);
      on(this.select, "change", this.recolour);
      on(this.box, "input", () => { clearTimeout(this.typing); this.typing = setTimeout(() => this.find(), 120); });
      on(this.lassoButton, "click", () => this.setLasso(!this.lassoing));
      on(this.resetButton, "click", this.showAll);
      on(this.saveButton, "click", this.save);
      on(this.canvas, "wheel", this.onWheel, { passive: false });
      on(this.canvas, "pointerdown", this.onDown);
      on(this.canvas, "pointermove", this.onMove);
      on(this.canvas, "pointerup", this.onUp);
      on(this.canvas, "pointercancel", this.onUp);
      on(this.canvas, "pointerleave", () => { if (!this.pointers.size && !this.pinned) this.hover(-1); });
      on(this.canvas, "dblclick", (event) => { const [x, y] = this.at(event); this.zoom(2, x, y); });
      on(this.canvas, "keydown", this.onKey);
    }

    at(event) {
      const { left, top } = this.canvas.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top];
    }

    onWheel(event) {
      event.preventDefault();
      const [x, y] = this.at(event);
      this.zoom(2 ** (-event.deltaY / 300), x, y);
    }

    onDown(event) {
      this.canvas.setPointerCapture(event.pointerId);
      const [x, y] = this.at(event);
      this.pointers.set(event.pointerId, [x, y]);
      this.travelled = 0;
      if (this.lassoing && this.pointers.size === 1) this.path = [[this.dataX(x), this.dataY(y)]];
    }

    onMove(event) {
      const [x, y] = this.at(event), before = this.pointers.get(event.pointerId);
      if (!before) {
        if (!this.pinned) this.hover(this.nearest(x, y, REACH));
        return;
      }
      this.travelled += Math.hypot(x - before[0], y - before[1]);
      if (this.pointers.size === 2) this.pinch(event.pointerId, before, [x, y]);
      else if (this.lassoing) { this.path.push([this.dataX(x), this.dataY(y)]); this.draw(); }
      else this.drag(x - before[0], y - before[1]);
      this.pointers.set(event.pointerId, [x, y]);
    }

    drag(dx, dy) {
      if (this.travelled > 4) this.unpin();
      this.move(dx, dy);
    }

    pinch(id, before, now) {
      const other = [...this.pointers].find(([each]) => each !== id)[1];
      const apart = (point) => Math.max(Math.hypot(point[0] - other[0], point[1] - other[1]), 1);
      this.path = null;
      this.unpin();
      this.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      this.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    }

    unpin() {
      this.pinned = false;
      this.hover(-1);
    }

    onUp(event) {
      this.pointers.delete(event.pointerId);
      if (this.lassoing && this.path) this.closeLasso();
      else if (this.travelled <= 4 && event.type === "pointerup") this.pin(event);
    }

    /** A click or a tap keeps the card of a point open, so that its text can be read and copied. */
    pin(event) {
      const [x, y] = this.at(event), i = this.nearest(x, y, event.pointerType === "touch" ? 2 * REACH : REACH);
      this.pinned = i >= 0;
      this.hover(i);
    }

    closeLasso() {
      const path = this.path, chosen = new Uint8Array(this.n);
      if (path.length > 2) {
        for (let i = 0; i < this.n; i++) chosen[i] = this.inside(path, this.x[i], this.y[i]) ? 1 : 0;
        this.chosen = chosen;
      }
      this.path = null;
      this.setLasso(false);
      this.changed();
    }

    inside(path, x, y) {
      let within = false;
      for (let k = 0, before = path.length - 1; k < path.length; before = k++) {
        const [ax, ay] = path[k], [bx, by] = path[before];
        if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
      }
      return within;
    }

    onKey(event) {
      const step = 40, x = EDGE.left + this.plotWidth() / 2, y = EDGE.top + this.plotHeight() / 2;
      const keys = {
        ArrowLeft: () => this.move(step, 0), ArrowRight: () => this.move(-step, 0),
        ArrowUp: () => this.move(0, step), ArrowDown: () => this.move(0, -step),
        "+": () => this.zoom(1.25, x, y), "=": () => this.zoom(1.25, x, y), "-": () => this.zoom(0.8, x, y),
        0: () => this.showAll(), Escape: () => this.showAll() };
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.unpin();
      keys[event.key]();
      if (event.key !== "0" && event.key !== "Escape") this.hover(this.nearest(x, y, 60)); // whoever has no mouse reads what is in the middle
    }
  }

  for (const host of document.querySelectorAll("[data-scatter]")) {
    try {
      const data = JSON.parse(document.getElementById(host.dataset.scatter).textContent);
      if (!data.n) throw new Error("there are no rows");
      host.replaceChildren();
      host.scatter = new Scatter(host, data);
    } catch (error) {
      const words = `The map cannot be drawn: ${error.message}. Make the page again with latens map.`;
      host.replaceChildren(element("p", { className: "failed", textContent: words }));
    }
  }
})();
