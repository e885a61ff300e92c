// The page: images in, answers out. Everything that it asks is the edge's that it came from.
import { bounded } from "./bounded.js";
import { askForKey, caller } from "./caller.js";
import { Card } from "./card.js";
import { element, percent } from "./dom.js";
import { intake } from "./intake.js";
import { watch } from "./live.js";
import { showSamples } from "./samples.js";
import { Server } from "./server.js";
import { chosen, offer } from "./versions.js";

// More would wait in the server's queue instead of here.
const AT_ONCE = 4;

const find = (selector) => document.querySelector(selector);
const server = new Server(caller(() => start()));
const inTurn = bounded(AT_ONCE);
const cards = [];
let model = null;

const work = {
  ask: (file) => chosen().map((version) => inTurn(() => server.predict(model, file, { version, topK: find("#top-k").value }))),
  explain: (file, version) => server.explain(model, file, version),
  changed: (name, answers) => {
    for (const { version, predictions: [first] } of answers) {
      find("#said").append(element("span", {}, `${name}: ${first.label}, ${percent(first.probability)}, by version ${version}. `));
    }
    summarize();
  },
};

function take(files) {
  if (!model) return;
  for (const file of files) {
    const card = new Card(file, work);
    cards.push(card);
    find("#cards").prepend(card.element);
    card.refresh();
  }
  summarize();
}

function summarize() {
  const compared = cards.filter(({ agrees }) => agrees !== null);
  const agreeing = compared.filter(({ agrees }) => agrees).length;
  const images = `${cards.length} ${cards.length === 1 ? "image" : "images"}`;
  find("#summary").textContent = (cards.length ? images : "") + (compared.length ? `, versions agree on ${agreeing} of ${compared.length}` : "");
  find("#empty").hidden = find("#clear").hidden = false;
  find(cards.length ? "#empty" : "#clear").hidden = true;
}

async function start() {
  const notice = find("#notice");
  try {
    const served = await server.served();
    model = served.model;
    find("#model").textContent = document.title = model;
    offer(served.versions);
    notice.hidden = true;
    await showSamples(model, take);
  } catch (refusal) {
    notice.textContent = `${refusal.code ?? "error"}: ${refusal.message}`;
    notice.hidden = false;
    if (refusal.status === 401) askForKey();
  }
  look();
}

find("#clear").addEventListener("click", () => {
  for (const card of cards.splice(0)) card.close();
  find("#said").replaceChildren();
  summarize();
});
intake(take);
const look = watch(server);
start();
