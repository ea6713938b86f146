/* Numbers as a person reads them. */

const COUNT = new Intl.NumberFormat("en");

export const count = (n) => COUNT.format(n);

export function counted(n, noun) {
  return `${count(n)} ${n === 1 || noun === "series" ? noun : `${noun}s`}`;
}

/** Four digits; powers of ten where the number is very small or very large. */
export function shown(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "missing";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return COUNT.format(value).replace("-", "−");
  if (size >= 1e4 && size < 1e6) return COUNT.format(Number(value.toPrecision(4))).replace("-", "−");
  const text = size >= 1e-4 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
  return text.replace("-", "−").replace("e+", "e");
}

/** What somebody else wrote, as a sentence of its own. */
export function sentence(text) {
  if (!text) return "";
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;
}

/** 0.0012 is "0.12 %". */
export function percent(share) {
  return `${Number((100 * share).toPrecision(share < 0.1 ? 2 : 3))} %`;
}

/** 0.001 is "1 in 1,000". */
export function oneIn(rate) {
  return `1 in ${count(Number((1 / rate).toPrecision(rate > 0.1 ? 2 : 3)))}`;
}

export function probability(p) {
  if (p >= 0.001) return percent(p);
  return p > 0 ? `${(100 * p).toExponential(0).replace("-", "−")} %` : "0 %";
}

export function duration(seconds) {
  if (seconds < 90) return `${shown(Number(seconds.toPrecision(3)))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Round values between two ends, about so many. */
export function ticks(low, high, about) {
  const raw = (high - low) / Math.max(about, 1), unit = 10 ** Math.floor(Math.log10(raw)), found = [];
  const step = unit * ([1, 2, 5, 10].find((times) => times * unit >= raw * (1 - 1e-9)) || 10);
  if (!(step > 0) || !Number.isFinite(step)) return found;
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++)
    found.push(Number((k * step).toPrecision(12)));
  return found;
}

/** Powers of ten between two positive ends, with 2 and 5 times them where there is room. */
export function powers(low, high, about) {
  const parts = high > low * 10 ** about ? [1] : high > low * 100 ? [1, 3] : [1, 2, 5], found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const part of parts) {
      const tick = Number((part * 10 ** power).toPrecision(6));
      if (tick >= low * 0.999 && tick <= high * 1.001) found.push(tick);
    }
  return found;
}
