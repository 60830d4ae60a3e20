// One seed: its level with the policy, which can be edited, the activity of each shard, and numbers.
import { Board, element } from "./board.js";

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export class Seed {
  // view: has `state`, `edit`, `change(part)` and `say(text)`.
  constructor(page, seed, view) {
    this.page = page;
    this.seed = seed;
    this.view = view;
    this.held = null; // what is dragged: {kind, concept, instance, cell}
    this.cursor = null;
    this.policy = new Board(page);
    this.shards = page.shards.map((shard) => new Board(page, shard.colour));
    this.numbers = element("div", { class: "numbers" });
    this.root = element("section", { class: "seed", "aria-label": `seed ${page.seeds[seed]}` },
      element("div", { class: "boards" },
        element("figure", { class: "policy" }, (this.title = element("figcaption")), this.policy.svg),
        ...this.shards.map((board, number) => this.#shard(board, page.shards[number], number)),
        this.numbers));
    this.#listen();
  }

  #shard(board, shard, number) {
    board.svg.setAttribute("role", "img");
    board.svg.setAttribute("aria-label", `Activity of shard ${number + 1}, ${shard.name}; the numbers are in the table`);
    this.#hover(board);
    return element("figure", { class: "shard" }, element("figcaption", { title: shard.words },
      `Gate of shard ${number + 1}, ${shard.name}: 0 `,
      element("span", { class: "bar", style: `--c:${shard.colour}` }),
      ` ${shard.full.toPrecision(2)} logits per move`), board.svg);
  }

  // own: of this seed; edit: the level as it is shown, which may be newer than the answer.
  draw(own, answer, edit, state) {
    this.now = { own, answer, state };
    const policies = own[state.source];
    const off = policies.length > 1;
    const board = this.policy;
    board.setLevel(edit, state.agent);
    board.setPolicy(policies.at(-1), off ? policies[0] : null, answer.decision);
    this.title.textContent = this.#titled(answer, state);
    this.shards.forEach((one, number) => {
      one.setLevel(edit, state.agent);
      one.setActivity(own.gates[number], this.page.shards[number].full, answer.decision);
      one.svg.classList.toggle("off", answer.off.includes(number));
    });
    this.#tell();
  }

  #titled(answer, state) {
    const whose = state.source === "network" ? "network" : "fitted model";
    const gone = answer.off.map((number) => this.page.shards[number].name);
    const how = gone.length ? ` without ${words(gone)} (before: grey)` : "";
    return `Seed ${this.page.seeds[this.seed]}: policy of the ${whose}${how}`;
  }

  // -------------------------------------------------------------------- numbers

  #tell() {
    const { own, answer, state } = this.now;
    const cell = this.cursor ?? state.agent;
    for (const board of [this.policy, ...this.shards]) {
      board.setCursor(this.cursor, board === this.policy && this.held !== null);
    }
    const key = JSON.stringify([cell, state.source]);
    if (key === this.told && own === this.toldOf) return;
    this.told = key;
    this.toldOf = own;
    this.numbers.replaceChildren(this.#table(cell, own, answer));
  }

  #table(cell, own, answer) {
    const { page } = this;
    const where = `${this.#place(cell)}${this.cursor === null ? " (the agent)" : ""}`;
    if (!answer.decision[cell]) return element("p", {}, `${where}: nothing is decided here`);
    const off = answer.off.length > 0;
    const gone = words(answer.off.map((number) => page.shards[number].name));
    const columns = [["network", own.network[0]]];
    if (off) columns.push([`network without ${gone}`, own.network[1]]);
    if (own.model.length) columns.push(["fitted model", own.model[0]]);
    if (off) columns.push([`fitted without ${gone}`, own.model[1]]);
    const count = page.actions.length;
    const rows = page.actions.map((action, number) => element("tr", {}, element("th", { scope: "row" }, action),
      ...columns.map(([, policy]) => chance(policy[cell * count + number]))));
    const gates = page.shards.map((shard, number) => `${shard.name} ${own.gates[number][cell].toFixed(2)}`);
    return element("div", {}, element("table", {}, element("caption", {}, where),
      element("thead", {}, element("tr", {}, element("td"), ...columns.map(([name]) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...rows)),
      ...(gates.length ? [element("p", {}, `Gates (logits per move): ${gates.join(", ")}`)] : []));
  }

  #place(cell) {
    const width = this.page.size[1];
    return `Row ${Math.floor(cell / width)}, column ${cell % width}`;
  }

  // In words, for those who hear the page.
  #spoken(cell) {
    const { own, answer, state } = this.now;
    const things = this.#thingsAt(cell);
    const start = `${this.#place(cell)}${things.length ? `: ${words(things)}` : ""}`;
    if (!answer.decision[cell]) return start;
    const policy = own[state.source].at(-1), count = this.page.actions.length;
    const told = this.page.actions.map((action, number) => [policy[cell * count + number], action])
      .sort((a, b) => b[0] - a[0]).slice(0, 2)
      .map(([share, action]) => `${action} ${Math.round(100 * share)} %`);
    return `${start}; ${told.join(", ")}`;
  }

  #thingsAt(cell) {
    const { edit, state } = this.view;
    const found = this.page.concepts.filter((_, concept) => edit.cells[concept].includes(cell))
      .map((concept) => concept.name);
    if (edit.walls[cell]) found.push("wall");
    if (state.agent === cell) found.push("the agent");
    return found;
  }

  // -------------------------------------------------------------------- pointer and keyboard

  #listen() {
    const { svg } = this.policy;
    const keys = "Arrow keys move the cursor, Enter picks up or puts down";
    const name = `Level and policy of seed ${this.page.seeds[this.seed]}. ${keys}, Delete removes.`;
    for (const [key, value] of Object.entries({ tabindex: 0, role: "application", "aria-label": name })) {
      svg.setAttribute(key, value);
    }
    this.#hover(this.policy);
    svg.addEventListener("pointerdown", (event) => this.#press(event));
    svg.addEventListener("pointerup", (event) => this.#release(event));
    svg.addEventListener("pointercancel", () => this.#hold(null));
    svg.addEventListener("keydown", (event) => this.#key(event));
    svg.addEventListener("blur", () => this.#point(null));
  }

  #hover(board) {
    board.svg.addEventListener("pointermove", (event) => {
      const cell = board.cellAt(event);
      if (this.held && cell !== null) this.#carry(cell);
      if (cell !== this.cursor) this.#point(cell);
    });
    board.svg.addEventListener("pointerleave", () => this.held || this.#point(null));
  }

  #point(cell) {
    this.cursor = cell;
    if (this.now) this.#tell();
  }

  #hold(thing) {
    this.held = thing;
    this.policy.svg.classList.toggle("holding", thing !== null);
  }

  #press(event) {
    const cell = this.policy.cellAt(event);
    if (cell === null || !this.now) return;
    this.#hold(this.#grab(cell));
    if (this.held) this.policy.svg.setPointerCapture(event.pointerId);
  }

  #release(event) {
    if (this.held?.kind === "object" && this.policy.cellAt(event) === null) this.#remove(this.held);
    this.#hold(null);
    this.#point(this.policy.cellAt(event));
  }

  #key(event) {
    if (!this.now || event.ctrlKey || event.metaKey || event.altKey) return;
    const { state } = this.view;
    const cell = this.cursor ?? state.agent;
    const width = this.page.size[1];
    if (event.key in MOVES) {
      const [rows, columns] = MOVES[event.key];
      const row = Math.floor(cell / width) + rows, column = (cell % width) + columns;
      if (row < 0 || column < 0 || row >= this.page.size[0] || column >= width) return event.preventDefault();
      const next = row * width + column;
      if (this.held) this.#carry(next);
      this.#point(next);
    } else if (event.key === "Enter") {
      this.#hold(this.held ? null : this.#grab(cell));
    } else if (event.key === " ") {
      this.#toggle(cell);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      const found = this.#grab(cell);
      if (found?.kind === "object") this.#remove(found);
      return;
    } else if (event.key === "Escape") {
      this.#hold(null);
    } else return;
    event.preventDefault();
    if (this.cursor === null) this.#point(cell);
    this.view.say(`${this.#spoken(cell === this.cursor ? cell : this.cursor)}${this.held ? ", held" : ""}`);
    this.#tell();
  }

  // -------------------------------------------------------------------- what can be moved, and where

  #grab(cell) {
    const { edit, state } = this.view;
    for (const concept of this.page.movable) {
      const instance = edit.cells[concept].indexOf(cell);
      if (instance >= 0) return { kind: "object", concept, instance, cell };
    }
    if (cell === state.agent) return { kind: "agent", cell };
    return edit.walls[cell] && this.page.walls_move ? { kind: "wall", cell } : null;
  }

  #free(kind, cell) {
    const { edit, state } = this.view;
    if (edit.walls[cell]) return false;
    const filled = edit.cells.some((cells, concept) => cells.includes(cell) &&
      (kind === "wall" || this.page.concepts[concept].kind === "object"));
    return kind === "agent" || (!filled && !(kind === "wall" && state.agent === cell));
  }

  #carry(cell) {
    const { held, view } = this;
    if (cell === held.cell || !this.#free(held.kind, cell)) return;
    if (held.kind === "agent") {
      view.state.agent = cell;
      this.held = { ...held, cell };
      view.draw();
      return;
    }
    if (held.kind === "object") this.#put(held, cell);
    else this.#walls({ [held.cell]: 0, [cell]: 1 });
    this.held = { ...held, cell };
  }

  #put({ concept, instance }, cell) {
    const { edit } = this.view;
    const cells = edit.cells.map((row, number) => row.map((old, place) =>
      number === concept && place === instance ? cell : old));
    this.view.change({ edit: { ...edit, cells } });
  }

  #remove(thing) {
    this.#put(thing, -1);
    this.#hold(null);
    this.view.say(`${this.page.concepts[thing.concept].name} removed; “Put everything back” brings it back`);
  }

  #toggle(cell) {
    const { edit } = this.view;
    if (!this.page.walls_move) return;
    if (edit.walls[cell] || this.#free("wall", cell)) this.#walls({ [cell]: edit.walls[cell] ? 0 : 1 });
  }

  #walls(changes) {
    const { edit } = this.view;
    const walls = edit.walls.map((wall, cell) => changes[cell] ?? wall);
    this.view.change({ edit: { ...edit, walls } });
  }
}

function chance(share) {
  return element("td", { style: `--p:${share}` }, share.toFixed(3));
}

export function words(list) {
  return list.length < 2 ? list.join("") : `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
}
