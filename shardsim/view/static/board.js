// A level as SVG: walls, what lies where, arrows of a policy or the activity of a shard.
// One unit is one cell. Redrawing changes attributes only, so that a drag stays within a frame.

const SVG = "http://www.w3.org/2000/svg";
const LENGTH = 0.82; // of an arrow for a sure move, in cells
const LEAST = 0.03; // shorter mean moves are not drawn

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  return dressed(made, attributes, children);
}

export function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  return dressed(made, attributes, children);
}

function dressed(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// The shortest beginnings of the names that tell them apart.
export function shortNames(names) {
  return names.map((name) => {
    for (let size = 1; size < name.length; size++) {
      const start = name.slice(0, size);
      if (names.filter((other) => other.startsWith(start)).length === 1) return capital(start);
    }
    return capital(name);
  });
}

function capital(name) {
  return name[0].toUpperCase() + name.slice(1);
}

// What stands for what in a level.
export function key(page) {
  const short = shortNames(page.concepts.map((one) => one.name));
  return element("p", { class: "key" }, ...page.concepts.map(({ name, kind, colour }, concept) =>
    element("span", {}, element("b", { class: kind, style: `--c:${colour};--i:${inkOn(colour)}` }, short[concept]), name)),
    element("span", {}, element("b", { class: "agent" }, "A"), "the agent"));
}

// Black or white, whichever is read better on a colour #rrggbb.
export function inkOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#111" : "#fff";
}

// Mean move [rows, columns] in a cell from probabilities [N·A].
function flow(policy, cell, moves) {
  const mean = [0, 0];
  moves.forEach(([rows, columns], action) => {
    mean[0] += policy[cell * moves.length + action] * rows;
    mean[1] += policy[cell * moves.length + action] * columns;
  });
  return mean;
}

function arrows(policy, decision, moves, width) {
  const parts = [];
  for (let cell = 0; cell < decision.length; cell++) {
    if (!decision[cell]) continue;
    const [rows, columns] = flow(policy, cell, moves);
    const size = Math.hypot(rows, columns);
    if (size < LEAST) continue;
    const x = (cell % width) + 0.5, y = Math.floor(cell / width) + 0.5;
    const dx = (columns * LENGTH) / 2, dy = (rows * LENGTH) / 2;
    const head = Math.min(0.2, 0.45 * size) / size;
    const hx = columns * head, hy = rows * head;
    const tip = `${(x + dx).toFixed(3)} ${(y + dy).toFixed(3)}`;
    const left = `${(x + dx - hx - 0.6 * hy).toFixed(3)} ${(y + dy - hy + 0.6 * hx).toFixed(3)}`;
    const right = `${(x + dx - hx + 0.6 * hy).toFixed(3)} ${(y + dy - hy - 0.6 * hx).toFixed(3)}`;
    parts.push(`M${(x - dx).toFixed(3)} ${(y - dy).toFixed(3)}L${tip}M${left}L${tip}L${right}`);
  }
  return parts.join("");
}

export class Board {
  // colour: of a shard whose activity is shown; without one the board shows arrows.
  constructor(page, colour = null) {
    this.page = page;
    [this.height, this.width] = page.size;
    this.walls = shape("path", { class: "walls" });
    this.ghost = shape("path", { class: "ghost" });
    this.arrows = shape("path", { class: "arrows" });
    this.cursor = shape("rect", { class: "cursor", width: 1, height: 1, visibility: "hidden" });
    this.things = shape("g", { class: "things" });
    this.cells = colour ? this.#cells(colour) : [];
    this.filled = new Float32Array(this.height * this.width).fill(-1);
    this.svg = shape(
      "svg",
      { viewBox: `-0.03 -0.03 ${this.width + 0.06} ${this.height + 0.06}`, class: "board" },
      shape("rect", { class: "floor", width: this.width, height: this.height }),
      ...this.cells, this.#grid(), this.walls, this.things, this.ghost, this.arrows, this.cursor,
    );
    this.drawn = { things: "", walls: "" };
    this.short = shortNames(page.concepts.map((one) => one.name));
  }

  #cells(colour) {
    return Array.from({ length: this.height * this.width }, (_, cell) =>
      shape("rect", {
        x: cell % this.width, y: Math.floor(cell / this.width), width: 1, height: 1,
        fill: colour, "fill-opacity": 0,
      }));
  }

  #grid() {
    const lines = [];
    for (let row = 0; row <= this.height; row++) lines.push(`M0 ${row}H${this.width}`);
    for (let column = 0; column <= this.width; column++) lines.push(`M${column} 0V${this.height}`);
    return shape("path", { class: "grid", d: lines.join("") });
  }

  setLevel(edit, agent) {
    const walls = edit.walls
      .map((wall, cell) => (wall ? `M${cell % this.width} ${Math.floor(cell / this.width)}h1v1h-1z` : ""))
      .join("");
    if (walls !== this.drawn.walls) this.walls.setAttribute("d", (this.drawn.walls = walls));
    const things = JSON.stringify([edit.cells, agent]);
    if (things === this.drawn.things) return;
    this.drawn.things = things;
    const marks = edit.cells.flatMap((cells, concept) =>
      cells.filter((cell) => cell >= 0).map((cell) => this.#mark(concept, cell)));
    this.things.replaceChildren(...marks, this.#agent(agent));
  }

  #mark(concept, cell) {
    const { kind, colour } = this.page.concepts[concept];
    const x = cell % this.width, y = Math.floor(cell / this.width);
    const short = this.short[concept];
    const size = short.length > 2 ? 0.26 : 0.36;
    if (kind === "place") {
      return shape("g", {},
        shape("rect", { x: x + 0.07, y: y + 0.07, width: 0.86, height: 0.86, class: "place", stroke: colour }),
        shape("text", { x: x + 0.12, y: y + 0.36, "font-size": 0.28, class: "corner" }, short));
    }
    return shape("g", {},
      shape("circle", { cx: x + 0.5, cy: y + 0.5, r: 0.38, fill: colour, class: "object" }),
      shape("text", { x: x + 0.5, y: y + 0.5 + size * 0.36, "font-size": size, "text-anchor": "middle", fill: inkOn(colour) }, short));
  }

  #agent(cell) {
    const x = cell % this.width, y = Math.floor(cell / this.width);
    return shape("g", {},
      shape("rect", { x: x + 0.06, y: y + 0.06, width: 0.88, height: 0.88, rx: 0.2, class: "agent" }),
      shape("text", { x: x + 0.72, y: y + 0.88, "font-size": 0.28, class: "corner" }, "A"));
  }

  // values: activity [N], of which `full` and more gets the full colour.
  setActivity(values, full, decision) {
    this.cells.forEach((cell, number) => {
      const level = decision[number] ? Math.min(1, values[number] / full) : 0;
      if (this.filled[number] === Math.fround(level)) return;
      this.filled[number] = level;
      cell.setAttribute("fill-opacity", level.toFixed(3));
    });
  }

  // before: the policy with nothing switched off, drawn faintly under it; null for none.
  setPolicy(policy, before, decision) {
    const draw = (one) => (one ? arrows(one, decision, this.page.moves, this.width) : "");
    this.arrows.setAttribute("d", draw(policy));
    this.ghost.setAttribute("d", draw(before));
  }

  setCursor(cell, held) {
    this.cursor.setAttribute("visibility", cell === null ? "hidden" : "visible");
    this.cursor.classList.toggle("held", held);
    if (cell === null) return;
    this.cursor.setAttribute("x", cell % this.width);
    this.cursor.setAttribute("y", Math.floor(cell / this.width));
  }

  // The cell under a pointer, or null.
  cellAt(event) {
    const box = this.svg.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * this.width);
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.height);
    const inside = column >= 0 && column < this.width && row >= 0 && row < this.height;
    return inside ? row * this.width + column : null;
  }
}
