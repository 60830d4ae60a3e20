// The live view in anywidget's form. The model has `page` (what the run is), `query` (what is asked)
// and `answer`; behind it stand a server, a notebook or a table in the file itself.
import { element, key } from "./board.js";
import { Seed, words } from "./seed.js";
import { fromHash, toHash } from "./hash.js";
import { percent, timeline } from "./timeline.js";

const PATIENCE = 8000; // ms after which an answer is taken for lost
const PACE = 700; // ms a checkpoint while playing

class View {
  constructor(model, el) {
    this.model = model;
    this.page = model.get("page");
    this.root = el;
    this.linked = Boolean(model.get("linked"));
    this.cards = new Map();
    this.answer = null;
    this.asked = 0; // ids of questions
    this.open = null; // the id that is waited for
    this.again = false;
    this.playing = null;
    this.state = this.#first();
    this.#build();
    this.onAnswer = () => this.#take(this.model.get("answer"));
    this.onHash = () => this.#follow();
    model.on("change:answer", this.onAnswer);
    if (this.linked) window.addEventListener("hashchange", this.onHash);
    this.ask();
  }

  close() {
    this.#play(false);
    this.model.off("change:answer", this.onAnswer);
    window.removeEventListener("hashchange", this.onHash);
    this.root.replaceChildren();
  }

  #first() {
    const plain = {
      level: this.page.level, checkpoint: this.page.steps.length - 1, seeds: [0],
      source: "network", off: [], agent: null, edit: null,
    };
    return this.linked ? fromHash(location.hash, plain, this.page) : plain;
  }

  #follow() {
    if (toHash(this.state) === location.hash.slice(1)) return;
    this.state = fromHash(location.hash, this.#blank(), this.page);
    this.#show();
    this.ask();
  }

  #blank() {
    return { ...this.state, level: this.page.level, off: [], agent: null, edit: null };
  }

  change(part) {
    this.state = { ...this.state, ...part };
    this.#show();
    this.ask();
  }

  // Ask for what the state says; while an answer is open, only the newest question waits.
  ask() {
    if (this.open !== null) {
      this.again = true;
      return;
    }
    const { level, checkpoint, seeds, off, edit } = this.state;
    this.open = ++this.asked;
    performance.mark("asked");
    this.model.set("query", { id: this.open, level, checkpoint, seeds, off, edit });
    this.model.save_changes();
    clearTimeout(this.lost);
    this.lost = setTimeout(() => this.#lost(), PATIENCE);
  }

  #lost() {
    this.open = null;
    this.say("No answer: is the program that serves this page still running?");
  }

  #take(answer) {
    if (!answer || answer.id !== this.open) return;
    performance.measure("answer", "asked");
    clearTimeout(this.lost);
    this.open = null;
    const next = this.again;
    this.again = false;
    if (answer.error) {
      this.say(answer.error);
      this.state.edit = this.answer ? this.answer.edit : null;
    } else {
      this.answer = answer;
      if (!next) this.state.edit = answer.edit;
      this.draw();
    }
    if (next) this.ask();
  }

  // The level as it is shown now: what was asked for last, before it is answered.
  get edit() {
    return this.state.edit ?? this.answer.edit;
  }

  draw() {
    const { answer, state } = this;
    if (!answer) return;
    performance.mark("redraw-begins");
    if (state.agent === null || answer.edit.walls[state.agent]) {
      state.agent = middle(answer.decision);
    }
    for (const [seed, card] of this.cards) {
      const own = answer.seeds[seed];
      if (own) card.draw(own, answer, this.edit, state);
    }
    performance.measure("redraw", "redraw-begins");
    this.#remember();
  }

  say(text) {
    if (this.said.textContent !== text) this.said.textContent = text;
  }

  #remember() {
    if (!this.linked) return;
    clearTimeout(this.noted);
    this.noted = setTimeout(() => history.replaceState(null, "", `#${toHash(this.state)}`), 200);
  }

  #build() {
    const { page } = this;
    this.said = element("p", { class: "said", role: "status" });
    this.controls = this.#controls();
    this.time = timeline(page, (checkpoint) => this.change({ checkpoint }), () => this.#play());
    this.seeds = element("div", { class: "seeds" });
    const verdict = page.verdict ? ` · verdict: ${page.verdict}` : " · no shards identified yet";
    this.root.replaceChildren(element("div", { class: "shardsim-view" },
      element("header", {}, element("h1", {}, page.run), element("p", {},
        `${page.env}, ${page.split} level `, (this.levelName = element("span")), verdict)),
      this.time.root, this.controls, (this.note = element("p", { class: "note" })), this.said, key(page), this.seeds,
      element("p", { class: "help" }, help(page))));
    this.#show();
  }

  #controls() {
    const { page } = this;
    const boxes = element("form", { class: "controls", onsubmit: (event) => event.preventDefault() });
    this.inputs = [];
    const group = (title, kind, entries) => boxes.append(element("fieldset", {},
      element("legend", {}, title),
      ...entries.map(([text, checked, set]) => {
        const input = element("input", { type: kind, name: title, onchange: () => set(input.checked) });
        this.inputs.push([input, checked]);
        return element("label", {}, input, text);
      })));
    if (page.shards.length) {
      group("Policy of", "radio", [["network", "the network"], ["model", "the fitted model"]].map(
        ([source, text]) => [text, () => this.state.source === source, () => this.change({ source })]));
      group("Switched off", "checkbox", page.shards.map((shard, number) => [
        `${number + 1} ${shard.name}`, () => this.state.off.includes(number),
        (on) => this.change({ off: toggled(page.one_off ? [] : this.state.off, number, on) })]));
    }
    if (page.seeds.length > 1) {
      group("Seeds", "checkbox", page.seeds.map((seed, number) => [
        `${seed}`, () => this.state.seeds.includes(number),
        (on) => this.change({ seeds: atLeastOne(toggled(this.state.seeds, number, on), number) })]));
    }
    boxes.append(this.#levelBox());
    return boxes;
  }

  #levelBox() {
    const { page } = this;
    const box = element("fieldset", {}, element("legend", {}, "Level"));
    if (page.levels > 1) {
      const number = element("input", { type: "number", min: 0, max: page.levels - 1, "aria-label": "level",
        onchange: () => number.reportValidity() && number.value !== "" &&
          this.change({ level: Number(number.value), edit: null, agent: null }) });
      this.inputs.push([number, null]);
      box.append(number);
    }
    for (const [name, size] of Object.entries(page.fields)) {
      const choice = element("select", { onchange: () => {
        const fields = { ...this.edit.fields, [name]: Number(choice.value) };
        this.change({ edit: { ...this.edit, fields } });
      } }, ...Array.from({ length: size }, (_, value) => element("option", { value }, `${value}`)));
      this.inputs.push([choice, null, name]);
      box.append(element("label", {}, `${name.replaceAll("_", " ")} `, choice));
    }
    box.append(element("button", { type: "button",
      onclick: () => this.change({ edit: null, agent: null }) }, "Put everything back"));
    return box;
  }

  // Controls and cards as the state says; what the cards draw comes with the answer.
  #show() {
    const { state, page } = this;
    this.levelName.textContent = state.level;
    for (const [input, checked, field] of this.inputs) {
      if (field) input.value = (state.edit ?? this.answer?.edit)?.fields[field] ?? 0;
      else if (checked) input.checked = checked();
      else if (document.activeElement !== input) input.value = state.level;
    }
    this.note.textContent = state.off.length ? noted(page, state) : "";
    this.time.show(state.checkpoint, state.seeds);
    const wanted = state.seeds.filter((seed) => !this.cards.has(seed));
    for (const seed of wanted) this.cards.set(seed, new Seed(page, seed, this));
    for (const seed of [...this.cards.keys()]) {
      if (!state.seeds.includes(seed)) this.cards.delete(seed);
    }
    const order = state.seeds.map((seed) => this.cards.get(seed).root);
    if (order.some((root, place) => this.seeds.children[place] !== root) ||
        order.length !== this.seeds.children.length) this.seeds.replaceChildren(...order);
    this.draw();
  }

  #play(on = this.playing === null) {
    clearInterval(this.playing);
    this.playing = null;
    if (on) {
      const last = this.page.steps.length - 1;
      if (this.state.checkpoint === last) this.change({ checkpoint: 0 });
      this.playing = setInterval(() => {
        if (this.open !== null) return;
        if (this.state.checkpoint === last) this.#play(false);
        else this.change({ checkpoint: this.state.checkpoint + 1 });
      }, PACE);
    }
    this.time.playing(on);
  }
}

// The middle one of the cells where something is decided.
function middle(decision) {
  const cells = decision.flatMap((decided, cell) => (decided ? [cell] : []));
  return cells[Math.floor(cells.length / 2)] ?? 0;
}

function toggled(list, number, on) {
  const others = list.filter((one) => one !== number);
  return (on ? [...others, number] : others).sort((a, b) => a - b);
}

function atLeastOne(list, number) {
  return list.length ? list : [number];
}

// How well switching off hits the shard, as the run's dose curves measured it.
function noted(page, state) {
  if (state.source === "model") return "In the fitted model a shard is switched off by setting its gate to 0.";
  const told = state.off.map((number) => {
    const { name, layer, slope } = page.shards[number];
    const other = slope && slope.other !== null ? `, the most affected other shard ${percent(slope.other)}` : "";
    return `${name} in ${layer}${slope ? ` (loses ${percent(slope.own)} of its strength${other})` : ""}`;
  });
  return `In the network a shard is erased from the activations that it is read from: ${words(told)}. ` +
    "Parts are those of the run's dose curves at the last checkpoint, for one shard at a time; less than 100 % of its own, or more than 0 % of others, says that the erasure is not that shard alone.";
}

function help(page) {
  const movable = page.movable.map((concept) => page.concepts[concept].name);
  const things = [...movable, "the agent's mark", ...(page.walls_move ? ["a wall"] : [])];
  const keys = "With the keyboard: Tab to a level, arrow keys move a cursor, Enter picks up and puts down, Delete removes";
  const space = page.walls_move ? ", Space adds or removes a wall." : ".";
  return `Rows and columns count from 0, as in Python. Drag ${words(things)}. Drop an object beside the level to remove it. ${keys}${space}`;
}

export default {
  render({ model, el }) {
    const view = new View(model, el);
    return () => view.close();
  },
};
