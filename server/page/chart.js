"use strict";
// Draws curves over steps into an SVG: drawChart(svg, chart), where a chart is
//   { steps, curves: [{ name, kind, values }], shifts: [{ step, seenIn }], goal, unit, at }
// steps [T] rise; values [T], null where there is none; kind is a class of page.css; goal is a
// value with a line of its own; at is the index that is read, or null. Returns nothing.

const MARGIN = { left: 56, right: 76, top: 16, bottom: 24 };
const LOGARITHMIC_FROM = 15; // the largest value over the median

function svgElement(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Three figures, without an exponent where a person would write none.
function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

function whole(value) {
  return Number(value).toLocaleString("en");
}

// Round values that cut a range into about `count` pieces.
function ticksOf(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) {
    ticks.push(Math.abs(tick) < step * 1e-6 ? 0 : tick);
  }
  return ticks;
}

function powersOf(low, high) {
  const ticks = [];
  for (let power = Math.ceil(low); power <= high; power += 1) ticks.push(power);
  return ticks.length >= 2 ? ticks : ticksOf(low, high, 3);
}

// How values become heights: { of(value) in 0..1, ticks: [{ at, text }], logarithmic }.
function scaleOf(values, goal) {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (goal !== undefined) known.push(goal);
  let low = Math.min(...known, goal === undefined ? Infinity : 0);
  let high = Math.max(...known);
  const median = known[Math.floor(known.length / 2)];
  const logarithmic = goal === undefined && low > 0 && high > LOGARITHMIC_FROM * median;
  const seen = logarithmic ? Math.log10 : (value) => value;
  if (!logarithmic && goal === undefined && low > 0 && low < high / 2) low = 0;
  [low, high] = [seen(low), seen(high)];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  if (low !== 0) low -= room;
  high += room;
  const of = (value) => (seen(value) - low) / (high - low);
  const marks = logarithmic ? powersOf(low, high) : ticksOf(low, high, 4);
  const ticks = marks.map((mark) => ({
    at: (mark - low) / (high - low), text: short(logarithmic ? 10 ** mark : mark) }));
  return { of, ticks, logarithmic };
}

function pathOf(values, x, y) {
  let path = "", pen = "M";
  values.forEach((value, index) => {
    if (value === null) { pen = "M"; return; }
    path += `${pen}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

function drawGrid(svg, frame, scale, stepTicks) {
  for (const tick of scale.ticks) {
    const height = frame.bottom - tick.at * (frame.bottom - frame.top);
    svg.append(
      svgElement("line", { class: "grid", x1: frame.left, x2: frame.right, y1: height, y2: height }),
      svgElement("text", { x: frame.left - 8, y: height + 4, "text-anchor": "end" }, tick.text));
  }
  for (const { x, text } of stepTicks) {
    svg.append(
      svgElement("text", { x, y: frame.bottom + 18, "text-anchor": "middle" }, text));
  }
  svg.append(svgElement("text", { x: frame.right + 8, y: frame.bottom + 18 }, "step"));
  if (scale.logarithmic) {
    svg.append(svgElement("text", { x: frame.left + 4, y: frame.top - 4 }, "logarithmic scale"));
  }
}

function drawShifts(svg, frame, shifts, xOfStep) {
  for (const { step } of shifts) {
    const x = xOfStep(step);
    if (x < frame.left || x > frame.right) continue;
    svg.append(
      svgElement("line", { class: "shift", x1: x, x2: x, y1: frame.top, y2: frame.bottom }),
      svgElement("path", { class: "shift-flag", d: `M${x} ${frame.top}l8 4l-8 4z` }));
  }
}

// Names at the curves' ends, kept apart.
function drawNames(svg, frame, curves, y) {
  const ends = curves.map((curve) => {
    const last = curve.values.filter((value) => value !== null).at(-1);
    return { curve, height: last === undefined ? null : y(last) };
  }).filter((end) => end.height !== null).sort((a, b) => a.height - b.height);
  ends.forEach((end, index) => {
    if (index > 0) end.height = Math.max(end.height, ends[index - 1].height + 15);
  });
  const over = ends.length === 0 ? 0 : Math.max(0, ends.at(-1).height - frame.bottom);
  for (const { curve, height } of ends) {
    svg.append(svgElement("text", { class: `${curve.kind}-name`, x: frame.right + 8,
                                    y: height - over + 4 }, curve.name));
  }
}

function drawReading(svg, frame, chart, x, y) {
  if (chart.at === null || chart.at >= chart.steps.length) return;
  const at = x(chart.at);
  svg.append(svgElement("line", { class: "at", x1: at, x2: at, y1: frame.top, y2: frame.bottom }));
  for (const { values } of chart.curves) {
    if (values[chart.at] === null) continue;
    svg.append(svgElement("circle", { class: "at-point", cx: at, cy: y(values[chart.at]), r: 3 }));
  }
}

function frameOf(svg) {
  const box = svg.getBoundingClientRect();
  return { left: MARGIN.left, right: Math.max(box.width - MARGIN.right, MARGIN.left + 40),
           top: MARGIN.top, bottom: box.height - MARGIN.bottom };
}

function drawChart(svg, chart) {
  const frame = frameOf(svg);
  const title = svgElement("title", { id: `${svg.id}-title` }, chart.title);
  svg.replaceChildren(title);
  const values = chart.curves.flatMap((curve) => curve.values);
  if (!values.some((value) => value !== null)) {
    svg.append(svgElement("text", { x: frame.left, y: frame.top + 24 }, chart.empty));
    return;
  }
  const scale = scaleOf(values, chart.goal);
  const [first, last] = [chart.steps[0], chart.steps.at(-1)];
  const width = frame.right - frame.left;
  const xOfStep = (step) => frame.left + (last > first ? (step - first) / (last - first) : 0.5) * width;
  const x = (index) => xOfStep(chart.steps[index]);
  const y = (value) => frame.bottom - scale.of(value) * (frame.bottom - frame.top);
  const stepTicks = last > first
    ? ticksOf(first, last, Math.max(3, Math.floor(width / 140))).filter(Number.isInteger)
    : [first];
  drawGrid(svg, frame, scale, stepTicks.map((step) => ({ x: xOfStep(step), text: whole(step) })));
  if (chart.goal !== undefined) {
    svg.append(svgElement("line", { class: "goal", x1: frame.left, x2: frame.right,
                                    y1: y(chart.goal), y2: y(chart.goal) }));
  }
  drawShifts(svg, frame, chart.shifts, xOfStep);
  for (const curve of chart.curves) {
    svg.append(svgElement("path", { class: `curve ${curve.kind}`, d: pathOf(curve.values, x, y) }));
  }
  drawNames(svg, frame, chart.curves, y);
  drawReading(svg, frame, chart, x, y);
}

// The index of the point nearest to where the pointer is.
function indexAt(svg, clientX, steps) {
  const frame = frameOf(svg);
  const share = (clientX - svg.getBoundingClientRect().left - frame.left) / (frame.right - frame.left);
  const wanted = steps[0] + share * (steps.at(-1) - steps[0]);
  let best = 0;
  steps.forEach((step, index) => {
    if (Math.abs(step - wanted) < Math.abs(steps[best] - wanted)) best = index;
  });
  return best;
}
