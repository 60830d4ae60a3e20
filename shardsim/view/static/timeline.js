// The time line: shares of the shards over training, and the slider through the checkpoints.
import { element, shape } from "./board.js";

const WIDTH = 1000, HEIGHT = 100;

export function timeline(page, choose, play) {
  const last = page.steps.length - 1;
  const range = element("input", { type: "range", min: 0, max: last, step: 1,
    "aria-label": "checkpoint", oninput: () => choose(Number(range.value)) });
  const button = element("button", { type: "button", class: "play", onclick: () => play() });
  const said = element("output", {});
  const marker = shape("line", { class: "now", y1: 0, y2: HEIGHT });
  const x = (checkpoint) => (last ? (checkpoint / last) * WIDTH : 0);
  const tracked = page.shards.some((shard) => shard.shares);
  const lines = shape("g");
  const top = tracked ? ceiling(page.shards) : 1;
  const root = element("section", { class: "time", "aria-label": "training" });
  button.textContent = "Play";
  if (tracked) root.append(chart(page, lines, marker, top));
  root.append(element("div", { class: "slider" }, range),
    element("div", { class: "ticks", "aria-hidden": true }, ...ticks(page.steps)),
    element("p", { class: "moment" }, button, said));
  return {
    root,
    show(checkpoint, seeds) {
      range.value = checkpoint;
      const steps = page.steps[checkpoint].toLocaleString("en-US");
      said.textContent = `${steps} env steps of each seed${checkpoint === 0 ? " (untrained)" : ""}`;
      range.setAttribute("aria-valuetext", said.textContent);
      marker.setAttribute("x1", x(checkpoint));
      marker.setAttribute("x2", x(checkpoint));
      if (tracked) lines.replaceChildren(...page.shards.flatMap((shard) => curves(shard, seeds, x, top)));
    },
    playing(on) {
      button.textContent = on ? "Pause" : "Play";
    },
  };
}

// The largest share, up to the next tenth.
function ceiling(shards) {
  return Math.max(0.1, Math.ceil(Math.max(...shards.map((one) => Math.max(...one.shares.flat()))) * 10) / 10);
}

function chart(page, lines, marker, top) {
  const names = page.shards.map((shard, number) =>
    element("span", {}, element("i", { style: `background:${shard.colour}` }), `${number + 1} ${shard.name}`));
  const told = page.shards.map((shard) => `${shard.name} ends at ${percent(mean(shard.shares.at(-1)))}`);
  return element("figure", {},
    element("figcaption", {}, "Share of decision influence, target battery: mean over seeds (bold), shown seeds (thin)", ...names),
    element("div", { class: "plot" },
      element("div", { class: "scale", "aria-hidden": true }, element("span", {}, percent(top)), element("span", {}, "0 %")),
      shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
        "aria-label": `Shares over training: ${told.join(", ")}.` },
        shape("path", { class: "axis", d: `M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}` }),
        lines, marker)));
}

function curves(shard, seeds, x, top) {
  const line = (values, kind) => shape("path", { class: kind, stroke: shard.colour,
    d: values.map((share, at) => `${at ? "L" : "M"}${x(at).toFixed(1)} ${((1 - share / top) * HEIGHT).toFixed(1)}`).join("") });
  const own = shard.shares[0].length > 1
    ? seeds.map((seed) => line(shard.shares.map((at) => at[seed]), "one")) : [];
  return [...own, line(shard.shares.map(mean), "mean")];
}

function ticks(steps) {
  const last = steps.length - 1;
  const places = [...new Set([0, 1, 2, 3, 4].map((part) => Math.round((part / 4) * last)))];
  return places.map((place) => element("span", { style: `left:${last ? (100 * place) / last : 0}%` }, short(steps[place])));
}

function short(number) {
  if (number >= 1e6) return `${Number((number / 1e6).toPrecision(2))}M`;
  return number >= 1e3 ? `${Number((number / 1e3).toPrecision(2))}k` : `${number}`;
}

export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
