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

// Of the window's height: answers that begin further down are hardly seen.
const FOLD = 0.6;
// More would wait in the server's queue instead of here.
const AT_ONCE = 4;

const find = (selector) => document.querySelector(selector);
const server = new Server(caller(() => look()));
const inTurn = bounded(AT_ONCE);
const cards = [];
let model = null;

const work = {
  ask: (file, signal) => chosen().map((version) => inTurn(
    () => server.predict(model, file, { version, topK: find("#top-k").value, signal }))),
  explain: (file, version, signal) => server.explain(model, file, version, signal),
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
  const answers = find("#answers-title");
  if (answers.getBoundingClientRect().top > FOLD * innerHeight) answers.scrollIntoView();
}

function summarize() {
  const compared = cards.filter(({ agrees }) => agrees !== null);
  const agreeing = compared.filter(({ agrees }) => agrees).length;
  const images = `${cards.length} ${cards.length === 1 ? "image" : "images"}`;
  find("#summary").textContent = (cards.length ? images : "") + (compared.length ? `, versions agree on ${agreeing} of ${compared.length}` : "");
  find("#empty").hidden = find("#clear").hidden = false;
  find(cards.length ? "#empty" : "#clear").hidden = true;
}

/** Makes it the page of this model and its versions, which are none where the server does not name them. */
function serve(name, versions) {
  find("#notice").hidden = true;
  offer(versions);
  if (name === model) return;
  model = name;
  find("#model").textContent = document.title = name;
  showSamples(name, take);
}

/** Without figures the model's name is known from elsewhere, or nothing can be asked. */
async function manage(refusal) {
  try {
    if (refusal.status === 401) throw refusal;
    if (!model) serve(await server.model(), []);
  } catch ({ status, code, message }) {
    find("#notice").textContent = `${code}: ${message}`;
    find("#notice").hidden = false;
    if (status === 401) askForKey();
  }
}

find("#clear").addEventListener("click", () => {
  for (const card of cards.splice(0)) card.close();
  find("#said").replaceChildren();
  summarize();
});
intake(take);
const look = watch(server, {
  found: (figures) => serve(figures.model, Object.keys(figures.versions)),
  refused: manage,
});
