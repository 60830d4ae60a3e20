// The model behind the page that a server serves: questions go out over a WebSocket, one at a time.
import view from "./view.js";

const el = document.getElementById("view");
const values = { linked: true };
const listeners = new Set();
let socket = null;
let shown = false;

const model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; },
  save_changes: () => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(values.query));
    else told({ id: values.query.id, error: "The server has stopped; start shardsim view again and reload." });
  },
  on: (_, listener) => listeners.add(listener),
  off: (_, listener) => listeners.delete(listener),
};

function told(answer) {
  values.answer = answer;
  queueMicrotask(() => listeners.forEach((listener) => listener()));
}

function connect() {
  socket = new WebSocket(`ws://${location.host}/live`);
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (!message.page) return told(message);
    values.page = message.page;
    if (!shown) view.render({ model, el });
    shown = true;
  };
  socket.onclose = () => {
    if (!shown) el.textContent = "No answer from the server: start shardsim view again and reload this page.";
    else setTimeout(connect, 2000);
  };
}

connect();
