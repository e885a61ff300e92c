// Sample images, for a model that has some.
import { element } from "./dom.js";

/** Shows the samples of `model`; `take` gets the file of one that is chosen. */
export async function showSamples(model, take) {
  const folder = `/assets/samples/${encodeURIComponent(model)}`;
  const answer = await fetch(`${folder}/samples.json`, { credentials: "omit" });
  if (!answer.ok) return;
  const { images, licence } = await answer.json();
  const section = document.querySelector("#samples");
  section.querySelector("ul").replaceChildren(...images.map(({ file, says }) => element("li", {},
    element("button", { type: "button", title: says, onclick: async () => take([await fetched(folder, file)]) },
      element("img", { src: `${folder}/${file}`, alt: says, width: 72, height: 72, loading: "lazy" })))));
  section.querySelector("p").replaceChildren(`${licence} `, element("a", { href: `${folder}/README.md` }, "Source"));
  section.hidden = false;
}

async function fetched(folder, file) {
  const content = await (await fetch(`${folder}/${file}`, { credentials: "omit" })).blob();
  return new File([content], file, { type: content.type });
}
