// Who answers: the split, one version, or two side by side.
import { element } from "./dom.js";

/** Offers these versions. */
export function offer(versions) {
  const choices = [["split", "Split"], ...versions.map((version) => [version, version])];
  if (versions.length > 1) choices.push(["both", "Side by side"]);
  const set = document.querySelector("#versions");
  const pair = versions.length > 2 ? [element("span", { class: "pair" }, pick("first", versions, 0), "and", pick("second", versions, 1))] : [];
  set.replaceChildren(set.querySelector("legend"), ...choices.map(([value, name]) => element("label", {},
    element("input", { type: "radio", name: "version", value, checked: value === "split", "data-pair": value === "both" && versions.slice(0, 2).join(" ") }),
    element("span", {}, name))), ...pair);
}

/** Returns the versions to ask; null stands for the split. */
export function chosen() {
  const radio = document.querySelector("#versions input:checked");
  if (radio.value === "split") return [null];
  if (!radio.dataset.pair) return [radio.value];
  const picked = [...document.querySelectorAll("#versions select")].map((select) => select.value);
  return picked.length ? picked : radio.dataset.pair.split(" ");
}

function pick(which, versions, index) {
  return element("select", { "aria-label": `${which} of the two` },
    ...versions.map((version, at) => element("option", { selected: at === index }, version)));
}
