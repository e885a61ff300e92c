// The live panel: what each version does, every two seconds while somebody can see it.
import { bar, count, element, milliseconds } from "./dom.js";

const EVERY_MS = 2000;

/**
 * Shows the figures of `server` from now on; returns what asks for them at once.
 *
 * @param found gets them each time.
 * @param refused gets the refusal where there are none.
 */
export function watch(server, { found, refused }) {
  const panel = document.querySelector("#live");
  const since = document.querySelector("#live-since");
  let timer;
  async function look() {
    clearTimeout(timer);
    if (document.hidden) return;
    let again = true;
    try {
      const { document: figures, ofOneReplica } = await server.live();
      since.textContent = !ofOneReplica && figures.window_s ? `the last ${Math.round(figures.window_s)} s` : "";
      panel.replaceChildren(...shown(figures, ofOneReplica));
      found(figures);
    } catch (refusal) {
      again = refusal.status !== 404 && refusal.status !== 401; // these stay as they are
      since.textContent = "";
      panel.replaceChildren(element("p", { class: "fine" }, why(refusal)));
      refused(refusal);
    }
    clearTimeout(timer);
    if (again) timer = setTimeout(look, EVERY_MS);
  }
  document.addEventListener("visibilitychange", look);
  look();
  return look;
}

function why(refusal) {
  if (refusal.status === 404) return "Not available here: this server counts nothing for the page.";
  if (refusal.status === 401) return "The figures need a key, as predictions do.";
  return `Not available: ${refusal.message}`;
}

function shown({ versions }, ofOneReplica) {
  const all = Object.values(versions).reduce((sum, { requests_per_s: each }) => sum + (each ?? 0), 0);
  const blocks = Object.entries(versions).map(([name, figures]) => block(name, figures, all, ofOneReplica));
  const note = "Several hosts answer here, and each counts its own: the figures are left out.";
  return ofOneReplica ? [...blocks, element("p", { class: "fine" }, note)] : blocks;
}

function block(name, figures, all, ofOneReplica) {
  const { weight, wanted_weight: wanted, healthy } = figures;
  const share = wanted === null || wanted === weight ? `${weight} %` : `${weight} % (wanted: ${wanted} %)`;
  const facts = ofOneReplica ? [] : [
    ["share", all ? `${Math.round(100 * figures.requests_per_s / all)} %` : "–"],
    ["a second", figures.requests_per_s === null ? "–" : count(figures.requests_per_s)],
    ["p50", figures.p50_ms === null ? "–" : milliseconds(figures.p50_ms)],
    ["p95", figures.p95_ms === null ? "–" : milliseconds(figures.p95_ms)],
    ["requests", count(figures.requests)],
    ["errors", count(figures.errors)],
  ];
  return element("article", { class: "version", "aria-label": `Version ${name}` },
    element("h3", {}, name, element("span", { class: healthy ? "health" : "health bad" }, healthy ? "healthy" : "not healthy")),
    element("p", { class: "share" }, element("span", {}, "weight"), bar(weight / 100), element("span", {}, share)),
    element("dl", {}, ...facts.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value)))));
}
