// One image and what was answered about it.
import { bar, element, milliseconds, percent } from "./dom.js";
import { draw, ramp } from "./overlay.js";

export class Card {
  #asking = new AbortController();

  /**
   * @param file the image, as it is sent.
   * @param ask gives the answers to it: a list with one promise for each version that is asked; like the next it gets
   *   a signal, which ends what nobody waits for any more.
   * @param explain gives the explanation of a version's answer.
   * @param changed is told whenever there is something new.
   */
  constructor(file, { ask, explain, changed }) {
    Object.assign(this, { file, ask, explain, changed });
    this.agrees = null; // whether all versions named the same class; null: one was asked, or one gave no answer
    this.image = element("img", { src: URL.createObjectURL(file), alt: file.name });
    this.image.addEventListener("error", () => this.picture.classList.add("unshown"));
    this.canvas = element("canvas", { hidden: true, role: "img" });
    this.picture = element("div", { class: "picture" }, this.image, this.canvas,
      element("p", { class: "fine" }, "The browser can't show this file."));
    this.why = element("div", { class: "why", hidden: true });
    this.verdict = element("p", { class: "verdict", hidden: true });
    this.answers = element("div", { class: "answers" });
    this.element = element("article", { class: "card", "aria-label": file.name },
      element("figure", {}, this.picture,
        element("figcaption", {}, element("span", { title: file.name }, file.name),
          element("button", { class: "link", onclick: () => this.refresh() }, "Ask again")),
        this.why),
      element("div", {}, this.verdict, this.answers));
  }

  /** Asks anew, as the page's settings are now. */
  async refresh() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#hideWhy();
    this.agrees = null;
    this.verdict.hidden = true;
    const asked = this.ask(this.file, signal);
    const places = asked.map(() => element("section", { class: "answer", "aria-busy": "true" }, element("p", { class: "fine" }, "Waiting…")));
    this.answers.replaceChildren(...places);
    const found = await Promise.all(asked.map((answer, index) => answer.then(
      (given) => this.#show(places[index], given),
      (refusal) => this.#refuse(places[index], refusal))));
    if (signal.aborted) return;
    if (found.length > 1 && found.every(Boolean)) this.#compare(found.map(({ predictions: [first] }) => first.label));
    this.changed(this.file.name, found.filter(Boolean));
  }

  /** Asks no more, and lets go of what the browser keeps for it. */
  close() {
    this.#asking.abort();
    URL.revokeObjectURL(this.image.src);
    this.element.remove();
  }

  #show(place, given) {
    const [first] = given.predictions;
    const button = element("button", { class: "button small", "aria-pressed": "false", onclick: () => this.#toggleWhy(button, given) }, "Show why");
    place.removeAttribute("aria-busy");
    place.replaceChildren(
      element("h3", {}, first.label),
      element("p", { class: "fine" }, element("span", { class: "chip" }, `version ${given.version}`), milliseconds(given.ms)),
      element("ol", { class: "bars" }, ...given.predictions.map(({ label, probability }) => element("li", {},
        element("span", {}, label), element("span", {}, percent(probability)), bar(probability)))),
      button);
    return given;
  }

  #refuse(place, refusal) {
    place.removeAttribute("aria-busy");
    place.replaceChildren(refused(refusal));
    return null;
  }

  #compare(labels) {
    this.agrees = labels.every((label) => label === labels[0]);
    this.verdict.className = this.agrees ? "verdict" : "verdict bad";
    this.verdict.textContent = this.agrees ? "Both agree" : "They disagree";
    this.verdict.hidden = false;
  }

  async #toggleWhy(button, given) {
    const shown = button.getAttribute("aria-pressed") === "true";
    this.#hideWhy();
    if (shown) return;
    button.setAttribute("aria-pressed", "true");
    this.why.replaceChildren(element("p", { class: "fine" }, "Looking…"));
    this.why.hidden = false;
    try {
      const explanation = await this.explain(this.file, given.version, this.#asking.signal);
      if (button.getAttribute("aria-pressed") === "true") this.#showWhy(explanation, given.version);
    } catch (refusal) {
      if (button.getAttribute("aria-pressed") === "false") return; // another is shown, or none
      button.setAttribute("aria-pressed", "false");
      const missing = refusal.code === "no_explanations";
      this.why.replaceChildren(missing ? element("p", { class: "fine" }, "This server gives no explanations.") : refused(refusal));
    }
  }

  #showWhy(explanation, version) {
    draw(this.canvas, { width: this.image.naturalWidth, height: this.image.naturalHeight }, explanation);
    const told = `What speaks for ${explanation.label}, to version ${version}`;
    this.canvas.setAttribute("aria-label", told);
    this.canvas.hidden = false;
    const slider = element("input", { type: "range", min: 0, max: 100, value: 65, "aria-label": "Strength of the overlay" });
    const apply = () => { this.canvas.style.opacity = slider.value / 100; };
    slider.addEventListener("input", apply);
    apply();
    const colours = element("span", { class: "ramp", "aria-hidden": "true" });
    colours.style.background = ramp();
    this.why.replaceChildren(element("p", { class: "fine" }, told), slider,
      element("p", { class: "scale fine" }, element("span", {}, "little"), colours, element("span", {}, "much")));
  }

  #hideWhy() {
    this.canvas.hidden = true;
    this.why.hidden = true;
    for (const button of this.answers.querySelectorAll("[aria-pressed]")) button.setAttribute("aria-pressed", "false");
  }
}

function refused({ code, message, requestId }) {
  const request = requestId ? [element("p", { class: "fine" }, `request ${requestId}`)] : [];
  return element("div", { class: "refusal" }, element("code", {}, code), element("p", {}, message), ...request);
}
