"use strict";
// Small parts of the page: asking the server, rows that are kept, numbers as text.

const PATIENCE_MS = 10000;
const byId = (id) => document.getElementById(id);

// --- from the wire ---------------------------------------------------------------------------------

// 64-bit integers come as text, and what is not a number as "NaN".
const number = (value) => {
  if (value === undefined || value === null) return null;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : null;
};
const numbers = (values) => (values ?? []).map(number);

async function ask(path, parameters) {
  const stop = AbortSignal.timeout(PATIENCE_MS);
  const query = new URLSearchParams(parameters).toString();
  const answer = await fetch(query ? `${path}?${query}` : path, { signal: stop });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
  return answer.json();
}

// --- small parts -----------------------------------------------------------------------------------

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Keyed rows: those of `keys` in their order, made by make(key) where they are not there yet.
function keep(parent, keys, make) {
  const present = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  keys.forEach((key, index) => {
    let child = present.get(key);
    if (child === undefined) {
      child = make(key);
      child.dataset.key = key;
    }
    present.delete(key);
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  for (const child of present.values()) child.remove();
  return [...parent.children];
}

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// A list of terms and values: pairs [term, text].
function fillTerms(list, pairs) {
  const rows = keep(list, pairs.map(([term]) => term), (term) => {
    const row = element("div");
    row.append(element("dt", "", term), element("dd"));
    return row;
  });
  rows.forEach((row, index) => setText(row.lastElementChild, pairs[index][1]));
}

function fillCells(row, texts) {
  texts.forEach((text, index) => setText(row.children[index], text));
}

function duration(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

function bytes(count) {
  if (count === null) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; count >= 1024 && unit < units.length - 1; unit += 1) count /= 1024;
  return `${count >= 100 || unit === 0 ? Math.round(count) : count.toPrecision(3)} ${units[unit]}`;
}
