/* All points in one draw: their places and colours lie in buffers of the graphics card, moving changes four numbers. */

const VERTEX = `
attribute vec2 place;
attribute vec4 colour;
uniform vec2 middle;
uniform vec2 scale;
uniform mediump float size;
uniform float wanted;
varying mediump vec3 paint;
void main() {
  bool other = (colour.a > 0.5) != (wanted > 0.5);
  gl_Position = other ? vec4(2.0, 2.0, 0.0, 1.0) : vec4((place - middle) * scale, 0.0, 1.0);
  gl_PointSize = size;
  paint = colour.rgb;
}`;

const FRAGMENT = `
precision mediump float;
uniform mediump float size;
uniform float opacity;
uniform vec4 same;
varying mediump vec3 paint;
void main() {
  float far = length(gl_PointCoord - 0.5) * size;
  float cover = clamp(0.5 * size - far, 0.0, 1.0) * opacity;
  gl_FragColor = vec4(mix(paint, same.rgb, same.a) * cover, cover);
}`;

const SMOOTH = 60; // milliseconds that two pictures may take while they move
const MANY = 50_000;
const UNIFORMS = ["middle", "scale", "size", "wanted", "opacity", "same"];

function compiled(gl, kind, text) {
  const shader = gl.createShader(kind);
  gl.shaderSource(shader, text);
  gl.compileShader(shader);
  return shader;
}

export class Points {
  /** `places` are x and y in turn, in the order they are drawn in. Throws if there is no WebGL. */
  constructor(canvas, places) {
    this.canvas = canvas;
    this.places = places;
    this.n = places.length / 2;
    this.budget = Math.min(this.n, 2 * MANY); // until it is known how fast it goes
    this.took = 0; // milliseconds for two pictures of all of them
    this.begin();
    canvas.addEventListener("webglcontextlost", (event) => { event.preventDefault(); this.gl = null; });
    canvas.addEventListener("webglcontextrestored", () => { this.begin(); this.onRestored?.(); });
  }

  begin() {
    const gl = this.canvas.getContext("webgl", { antialias: false, depth: false, premultipliedAlpha: true });
    if (!gl) throw new Error("This browser draws no WebGL, which the map needs. Allow hardware or software rendering "
      + "in its settings, or use another browser; the other panels work without it.");
    const program = gl.createProgram();
    gl.attachShader(program, compiled(gl, gl.VERTEX_SHADER, VERTEX));
    gl.attachShader(program, compiled(gl, gl.FRAGMENT_SHADER, FRAGMENT));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
      throw new Error(`The map's drawing program was refused: ${gl.getProgramInfoLog(program)}`);
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.gl = gl;
    this.uniforms = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]));
    this.feed(program, "place", 2, gl.FLOAT, false, this.places);
    const colours = this.colours || new Uint8Array(4 * this.n);
    this.colourBuffer = this.feed(program, "colour", 4, gl.UNSIGNED_BYTE, true, colours);
  }

  feed(program, name, parts, type, normalised, data) {
    const { gl } = this, buffer = gl.createBuffer(), place = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, parts, type, normalised, 0, 0);
    return buffer;
  }

  /** Four bytes for each point; `someFaint`: not all of them are to be seen. */
  paint(colours, someFaint) {
    this.colours = colours;
    this.someFaint = someFaint;
    const { gl } = this;
    if (!gl) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colourBuffer);
    gl.bufferData(gl.ARRAY_BUFFER, colours, gl.STATIC_DRAW);
  }

  /** `moving`: only as many points as keep up with a hand; what is drawn first is a fair sample of all. */
  draw(view, { radius, opacity, other, ratio, moving }) {
    const { gl, uniforms } = this;
    if (!gl) return;
    const n = moving ? Math.min(this.n, this.budget) : this.n;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(uniforms.middle, view.cx, view.cy);
    gl.uniform2f(uniforms.scale, (2 * view.sx) / view.plotWidth, (2 * view.sy) / view.plotHeight);
    gl.uniform1f(uniforms.size, (2 * radius + 1) * ratio);
    if (this.someFaint) this.pass(n, 0, 0.3, [...other.map((part) => part / 255), 1]);
    this.pass(n, 1, opacity, [0, 0, 0, 0]);
    if (this.n > MANY) this.measure(n);
  }

  pass(n, wanted, opacity, same) {
    const { gl, uniforms } = this;
    gl.uniform1f(uniforms.wanted, wanted);
    gl.uniform1f(uniforms.opacity, opacity);
    gl.uniform4f(uniforms.same, ...same);
    gl.drawArrays(gl.POINTS, 0, n);
  }

  /** How many points a picture can have while it moves, from how soon the browser comes back after one. */
  measure(n) {
    if (this.measuring) return;
    this.measuring = true;
    const started = performance.now();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      this.measuring = false;
      const took = performance.now() - started;
      if (n === this.n) this.took = took;
      this.budget = Math.min(this.n, Math.max(MANY, Math.round((n * SMOOTH) / took)));
    }));
  }
}
