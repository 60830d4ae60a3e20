// The model behind the page in one file: answers are looked up in a table that was made beforehand.
// The table is bytes, compressed: probabilities times 255, gates as a part of the largest.
// Uses `view` of the module that stands before it.

const el = document.getElementById("view");
const stored = JSON.parse(document.getElementById("stored").textContent);

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Bytes [...shape] of one array, by its name.
function reader(bytes, arrays) {
  const found = {};
  let first = 0;
  for (const [name, shape] of Object.entries(arrays)) {
    const strides = shape.map((_, at) => shape.slice(at + 1).reduce((a, b) => a * b, 1));
    const start = first;
    found[name] = (...at) => bytes[start + at.reduce((sum, place, axis) => sum + place * strides[axis], 0)];
    first += shape.reduce((a, b) => a * b, 1);
  }
  return found;
}

function lookUp(query, table) {
  const { page, edit, object, cells, places, scale } = stored;
  const wanted = query.edit ? query.edit.cells[object[0]][object[1]] : edit.cells[object[0]][object[1]];
  const place = places.indexOf(wanted);
  if (place < 0) return { id: query.id, error: "this file holds no answer for that" };
  const shown = structuredClone(edit);
  shown.cells[object[0]][object[1]] = wanted;
  const size = page.size[0] * page.size[1], actions = page.actions.length;
  const decision = Array(size).fill(false);
  cells.forEach((cell, at) => { decision[cell] = table.decision(place, at) > 0; });
  const variants = query.off.length ? [0, 1 + query.off[0]] : [0];
  const policy = (read, seed, variant) => {
    const all = Array(size * actions).fill(0);
    cells.forEach((cell, at) => {
      for (let action = 0; action < actions; action++) {
        all[cell * actions + action] = read(query.checkpoint, seed, variant, place, at, action) / 255;
      }
    });
    return all;
  };
  const seeds = {};
  for (const seed of query.seeds) {
    const gates = page.shards.map((_, shard) => {
      const all = Array(size).fill(0);
      cells.forEach((cell, at) => {
        all[cell] = (table.gates(query.checkpoint, seed, shard, place, at) / 255) * scale[shard];
      });
      return all;
    });
    seeds[seed] = {
      network: variants.map((variant) => policy(table.network, seed, variant)),
      model: page.shards.length ? variants.map((variant) => policy(table.model, seed, variant)) : [],
      gates,
    };
  }
  return { id: query.id, level: page.level, checkpoint: query.checkpoint, off: query.off, edit: shown, decision, seeds };
}

async function start() {
  const table = reader(await inflated(stored.bytes), stored.arrays);
  const values = { linked: true, page: stored.page };
  const listeners = new Set();
  const model = {
    get: (name) => values[name],
    set: (name, value) => { values[name] = value; },
    save_changes: () => {
      values.answer = lookUp(values.query, table);
      listeners.forEach((listener) => listener());
    },
    on: (_, listener) => listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
  };
  view.render({ model, el });
}

start().catch((error) => { el.textContent = `This page cannot be shown: ${error.message}`; });
