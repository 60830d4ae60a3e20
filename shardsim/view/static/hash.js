// A state of the page as the part of its address behind the #, so that a link shows the same.

export function toHash(state) {
  const found = new URLSearchParams({
    level: state.level, checkpoint: state.checkpoint, seeds: state.seeds.join(","),
    policy: state.source,
  });
  if (state.off.length) found.set("off", state.off.join(","));
  if (state.agent !== null) found.set("agent", state.agent);
  if (state.edit) {
    found.set("cells", state.edit.cells.map((cells) => cells.join(",")).join(";"));
    found.set("walls", packed(state.edit.walls));
    for (const [name, value] of Object.entries(state.edit.fields)) found.set(`field.${name}`, value);
  }
  return found.toString().replaceAll("%2C", ",").replaceAll("%3B", ";");
}

// What a hash says, over `plain`; what makes no sense for this page is left out.
export function fromHash(hash, plain, page) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const size = page.size[0] * page.size[1];
  const list = (name, count) => (given.get(name) ?? "").split(",").filter((text) => text !== "")
    .map(Number).filter((number) => Number.isInteger(number) && number >= 0 && number < count);
  const one = (name, count, other) => list(name, count)[0] ?? other;
  const seeds = list("seeds", page.seeds.length);
  const off = list("off", page.shards.length);
  return {
    ...plain,
    level: page.levels > 1 ? one("level", page.levels, plain.level) : plain.level,
    checkpoint: one("checkpoint", page.steps.length, plain.checkpoint),
    seeds: seeds.length ? seeds : plain.seeds,
    source: given.get("policy") === "model" && page.shards.length ? "model" : plain.source,
    off: page.one_off ? off.slice(0, 1) : off,
    agent: one("agent", size, null),
    edit: edited(given, page, size),
  };
}

function edited(given, page, size) {
  if (!given.has("cells") || !given.has("walls")) return null;
  const cells = given.get("cells").split(";").map((part) => part.split(",").map(Number));
  const walls = unpacked(given.get("walls"), size);
  const fields = {};
  for (const name of Object.keys(page.fields)) {
    if (given.has(`field.${name}`)) fields[name] = Number(given.get(`field.${name}`));
  }
  return cells.length === page.concepts.length && walls ? { cells, walls, fields } : null;
}

// Walls [N] of 0 and 1 as hexadecimal digits of four cells each.
function packed(walls) {
  let text = "";
  for (let first = 0; first < walls.length; first += 4) {
    const four = [0, 1, 2, 3].map((at) => walls[first + at] ?? 0);
    text += parseInt(four.join(""), 2).toString(16);
  }
  return text;
}

function unpacked(text, size) {
  if (!/^[0-9a-f]*$/.test(text) || text.length !== Math.ceil(size / 4)) return null;
  const bits = [...text].map((digit) => parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
  return [...bits.slice(0, size)].map(Number);
}
