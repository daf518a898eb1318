"use strict";
// The page: asks the server every PERIOD_MS, fills the tables, draws the curves of the stream that
// the address names (#stream=NAME). Nodes are kept from one answer to the next, so that the focus
// stays where it is. What a screen reader should say goes to #state and #news, and only when it is
// new. Names of streams come from clients: they are set as text, never as markup.

const PERIOD_MS = 2000;
const MOST_TABLE_POINTS = 50;

const view = {
  paused: false, after: "", model: "", next: "", stream: "", range: "recent", at: null,
  overview: null, answer: null, lastSteps: new Map(), lastTotal: null, knownShifts: new Map(),
};

// --- what is said ----------------------------------------------------------------------------------

function say(sentence) {
  byId("news").append(element("p", "", sentence));
  while (byId("news").children.length > 5) byId("news").firstElementChild.remove();
}

function setState(kind, sentence) {
  byId("state").dataset.state = kind;
  setText(byId("state"), sentence);
}

// --- the server and its streams --------------------------------------------------------------------

// Steps a second between two answers; null where it cannot be told.
function rate(before, time, steps) {
  if (before === undefined || before === null || time <= before.time) return null;
  return steps >= before.steps ? (steps - before.steps) / (time - before.time) : null;
}

function showServer(overview) {
  const time = overview.time_s;
  const steps = number(overview.steps);
  const speed = rate(view.lastTotal, time, steps);
  view.lastTotal = { time, steps };
  setText(byId("version"), overview.version);
  setState(overview.healthy ? "good" : "bad",
           overview.healthy ? "Healthy" : `Not healthy: ${overview.health}`);
  fillTerms(byId("server"), [
    ["Streams in memory", `${whole(overview.resident_streams)} of ${whole(overview.streams)}`],
    ["Steps a second", speed === null ? "–" : short(speed)],
    ["Parts waiting", whole(overview.queued_parts)],
    ["Memory of streams", `${bytes(number(overview.resident_bytes))} of ` +
                          bytes(number(overview.memory_limit_bytes))],
    ["Journal kept", bytes(number(overview.journal_bytes))],
    ["Free for the store", bytes(number(overview.store_free_bytes))],
    ["Up for", duration(time - overview.start_time_s)],
  ]);
}

function stateOf(row) {
  const words = [];
  if (row.quarantined) words.push("quarantined");
  if (row.closed) words.push("closed");
  if (row.serving_shadow) words.push("serves its shadow");
  if (row.frozen) words.push("frozen");
  if (row.resumed_inexactly) words.push("resumed inexactly");
  if (row.silent_channels > 0) words.push(`${row.silent_channels} silent channels`);
  if (!row.resident && !row.closed) words.push("paged out");
  return words.length > 0 ? words.join(", ") : "learns";
}

function newStreamRow(name) {
  const row = element("tr");
  const head = element("th");
  head.scope = "row";
  const link = element("a", "", name);
  link.href = `#stream=${encodeURIComponent(name)}`;
  head.append(link);
  row.append(head, element("td"));
  for (let column = 0; column < 7; column += 1) row.append(element("td", "number"));
  row.append(element("td"));
  return row;
}

function fillStreamRow(node, row, time) {
  const steps = number(row.applied_seq);
  const speed = rate(view.lastSteps.get(row.stream), time, steps);
  view.lastSteps.set(row.stream, { time, steps });
  node.toggleAttribute("aria-current", false);
  if (row.stream === view.stream) node.setAttribute("aria-current", "true");
  const cells = [row.model, whole(steps), speed === null ? "–" : short(speed),
                 short(number(row.live_loss)), short(number(row.shadow_loss)),
                 short(number(row.gain)), short(number(row.recovery)), whole(row.shifts),
                 stateOf(row)];
  cells.forEach((text, index) => setText(node.children[index + 1], text));
}

function showStreams(overview) {
  const rows = overview.rows ?? [];
  const nodes = keep(byId("rows"), rows.map((row) => row.stream), newStreamRow);
  nodes.forEach((node, index) => fillStreamRow(node, rows[index], overview.time_s));
  const total = whole(overview.streams);
  setText(byId("shown"), rows.length === 0 ? "No streams here." :
          `${rows[0].stream} to ${rows.at(-1).stream}: ${rows.length} of ${total} streams`);
  view.next = overview.next ?? "";
  byId("next").disabled = view.next === "";
  byId("first").disabled = view.after === "";
  const models = ["", ...(overview.models ?? [])];
  keep(byId("model"), models, (model) => {
    const option = element("option", "", model || "all");
    option.value = model;
    return option;
  });
}

// The first stream that has a loss is shown where the address names none.
function chooseStream(overview) {
  if (view.stream !== "" || (overview.rows ?? []).length === 0) return;
  const learning = overview.rows.find((row) => row.live_loss !== undefined);
  view.stream = (learning ?? overview.rows[0]).stream;
}

// --- one stream ------------------------------------------------------------------------------------

function curvesOf(answer) {
  const curve = answer[view.range] ?? {};
  return { steps: numbers(curve.steps), times: numbers(curve.times_s), live: numbers(curve.live_loss),
           shadow: numbers(curve.shadow_loss), recovery: numbers(curve.recovery) };
}

function shiftsOf(stats) {
  return (stats.marks ?? []).map((mark) => ({
    step: number(mark.seq), found: number(mark.detected_seq),
    seenIn: mark.cause === "CAUSE_INPUT" ? "input" : "loss",
    units: number(mark.units_to_recover), censored: mark.censored === true }));
}

function ending(shift) {
  if (shift.seenIn === "input") return "not measured";
  if (shift.units !== null) return `after ${whole(shift.units)} scored units`;
  return shift.censored ? "no: the next shift came first" : "not yet";
}

// A curve in words: the text alternative of its drawing.
function inWords(name, values) {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return `${name}: no values.`;
  return `${name}: now ${short(known.at(-1))}, lowest ${short(Math.min(...known))}, ` +
         `highest ${short(Math.max(...known))}.`;
}

function describe(curves, shifts, ...named) {
  if (curves.steps.length === 0) return "No points yet.";
  const [first, last] = [curves.steps[0], curves.steps.at(-1)];
  const inside = shifts.filter((shift) => shift.step >= first && shift.step <= last);
  const marks = inside.length === 0 ? "No shifts." :
    `Shifts at ${inside.map((shift) => `step ${whole(shift.step)}`).join(", ")}.`;
  return [`Steps ${whole(first)} to ${whole(last)}.`,
          ...named.map(([name, values]) => inWords(name, values)), marks].join(" ");
}

function showReading(curves) {
  const cursor = byId("cursor");
  cursor.max = Math.max(0, curves.steps.length - 1);
  const index = view.at ?? curves.steps.length - 1;
  cursor.value = index;
  if (index < 0 || index >= curves.steps.length) return;
  const sentence = `step ${whole(curves.steps[index])}: loss ${short(curves.live[index])}, ` +
    `shadow’s ${short(curves.shadow[index])}, recovery ${short(curves.recovery[index])}`;
  setText(byId("reading"), sentence);
  cursor.setAttribute("aria-valuetext", sentence);
}

function showCurves() {
  if (view.answer === null) return;
  const stats = view.answer.stats;
  const curves = curvesOf(view.answer);
  const shifts = shiftsOf(stats);
  const reference = number(stats.reference_loss);
  const lossCurves = [
    { name: "live", kind: "live", values: curves.live },
    { name: "shadow", kind: "shadow", values: curves.shadow },
    { name: "reference", kind: "reference", values: curves.steps.map(() => reference) }];
  const common = { steps: curves.steps, shifts, at: view.at };
  drawChart(byId("loss"), { ...common, curves: lossCurves, title: `Loss of stream ${view.stream}`,
                            empty: "no loss yet: no target was given" });
  drawChart(byId("recovery"), {
    ...common, curves: [{ name: "recovery", kind: "live", values: curves.recovery }], goal: 1,
    title: `Recovery of stream ${view.stream}`,
    empty: "no recovery yet: it needs a shadow, and a shift that costs it something" });
  setText(byId("loss-text"),
          describe(curves, shifts, ["Loss", curves.live], ["Shadow’s loss", curves.shadow]));
  setText(byId("recovery-text"), describe(curves, shifts, ["Recovery", curves.recovery]));
  showReading(curves);
  if (byId("numbers").open) showPoints(curves);
}

function newRow(columns) {
  const row = element("tr");
  columns.forEach((name) => row.append(element("td", name)));
  return row;
}

function showPoints(curves) {
  const every = Math.max(1, Math.ceil(curves.steps.length / MOST_TABLE_POINTS));
  const chosen = curves.steps.map((_, index) => index).reverse().filter((_, rank) => rank % every === 0);
  const rows = keep(byId("points"), chosen.map((_, rank) => String(rank)),
                    () => newRow(["number", "", "number", "number", "number"]));
  rows.forEach((row, rank) => {
    const index = chosen[rank];
    fillCells(row, [whole(curves.steps[index]),
                    new Date(curves.times[index] * 1000).toLocaleTimeString(),
                    short(curves.live[index]), short(curves.shadow[index]),
                    short(curves.recovery[index])]);
  });
}

function showShifts(stats) {
  const shifts = shiftsOf(stats).reverse();
  setText(byId("shifts-shown"), shifts.length === 0 ? "No shift was found." :
          `${whole(stats.shifts)} found since the stream was opened, the latest first.`);
  const rows = keep(byId("shifts"), shifts.map((shift) => `${shift.found} ${shift.seenIn}`),
                    () => newRow(["number", "number", "", ""]));
  rows.forEach((row, index) => {
    const shift = shifts[index];
    fillCells(row, [whole(shift.step), whole(shift.found), shift.seenIn, ending(shift)]);
  });
}

function showFigures(stats) {
  const pairs = [
    ["Last step", whole(stats.applied_seq)],
    ["Learner behind by", `${whole(stats.trailing_steps)} steps`],
    ["Updates", whole(stats.updates)],
    ["Not finite", whole(stats.refused_updates)],
    ["Served", stats.serving || "live"],
    ["Accuracy", short(number(stats.accuracy))],
    ["Brier score", short(number(stats.brier_score))],
    ["Coverage", short(number(stats.coverage))],
    ["Novelty", short(number(stats.novelty))],
    ["Differs from shadow by", short(number(stats.disagreement))],
    ["Silent channels", (stats.silent_channels ?? []).join(", ") || "none"],
    ["Divergences", whole(stats.divergences)],
  ];
  fillTerms(byId("figures"), pairs.filter(([, text]) => text !== "–"));
  const advice = (stats.advice ?? []).map((each) => each.sentence);
  byId("advice-box").hidden = advice.length === 0;
  keep(byId("advice"), advice, (sentence) => element("li", "", sentence));
}

// Speaks of shifts that were not there at the last answer.
function announceShifts(stream, stats) {
  const before = view.knownShifts.get(stream);
  const now = number(stats.shifts);
  if (before !== undefined && now > before) {
    const latest = shiftsOf(stats).at(-1);
    say(`Stream ${stream}: a shift at step ${whole(latest.step)}, seen in the ${latest.seenIn}.`);
  }
  view.knownShifts.set(stream, now);
}

function showStream(answer) {
  byId("stream").hidden = view.stream === "";
  if (view.stream === "") return;
  view.answer = answer;
  setText(byId("stream-heading"), answer === null ? `Stream ${view.stream} is not here`
                                                  : `Stream ${view.stream}`);
  if (answer === null) return;
  announceShifts(view.stream, answer.stats);
  showFigures(answer.stats);
  showShifts(answer.stats);
  showCurves();
}

// --- what the user does ----------------------------------------------------------------------------

async function refresh() {
  try {
    const overview = await ask("page/overview.json", { after: view.after, model: view.model });
    if (view.overview === null) say("Connected.");
    view.overview = overview;
    chooseStream(overview);
    showServer(overview);
    showStreams(overview);
    const wanted = view.stream;
    const answer = wanted === "" ? null : await ask("page/stream.json", { stream: wanted });
    if (wanted === view.stream) showStream(answer);
  } catch (problem) {
    setState("bad", `No answer from the server (${problem.message}); asking again`);
  }
}

async function run() {
  for (;;) {
    if (!view.paused && !document.hidden) await refresh();
    await new Promise((resume) => setTimeout(resume, PERIOD_MS));
  }
}

function readAddress(focus) {
  const match = /^#stream=(.+)$/.exec(location.hash);
  if (match === null) return;
  view.stream = decodeURIComponent(match[1]);
  view.at = null;
  refresh().then(() => { if (focus) byId("stream-heading").focus(); });
}

function readAt(index) {
  const points = view.answer === null ? 0 : curvesOf(view.answer).steps.length;
  view.at = index === null || index >= points - 1 ? null : index;
  showCurves();
}

function page(after) {
  view.after = after;
  byId("after").value = after;
  refresh();
}

function listen() {
  byId("pause").addEventListener("click", () => {
    view.paused = !view.paused;
    byId("pause").setAttribute("aria-pressed", String(view.paused));
    if (!view.paused) refresh();
  });
  byId("find").addEventListener("submit", (event) => {
    event.preventDefault();
    view.model = byId("model").value;
    page(byId("after").value.trim());
  });
  byId("first").addEventListener("click", () => page(""));
  byId("next").addEventListener("click", () => page(view.next));
  byId("cursor").addEventListener("input", (event) => readAt(Number(event.target.value)));
  byId("numbers").addEventListener("toggle", showCurves);
  for (const radio of document.querySelectorAll("input[name=range]")) {
    radio.addEventListener("change", () => { view.range = radio.value; readAt(null); });
  }
  for (const svg of [byId("loss"), byId("recovery")]) {
    svg.addEventListener("pointermove", (event) => {
      const { steps } = view.answer === null ? { steps: [] } : curvesOf(view.answer);
      if (steps.length > 1) readAt(indexAt(svg, event.clientX, steps));
    });
    svg.addEventListener("pointerleave", () => readAt(null));
    new ResizeObserver(showCurves).observe(svg);
  }
  addEventListener("hashchange", () => readAddress(true));
}

listen();
readAddress(false);
run();
