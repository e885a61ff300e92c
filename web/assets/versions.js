// Who answers: the split, one version, or two side by side.
import { element } from "./dom.js";

let offered = "";

/** Offers these versions; a choice that is still there stays. */
export function offer(versions) {
  if (offered === versions.join(" ")) return;
  offered = versions.join(" ");
  const set = document.querySelector("#versions");
  const before = set.querySelector(":checked").value;
  const choices = [["split", "Split"], ...versions.map((version) => [version, version])];
  if (versions.length > 1) choices.push(["both", "Side by side"]);
  const now = choices.some(([value]) => value === before) ? before : "split";
  set.replaceChildren(set.querySelector("legend"), ...choices.map(([value, name]) => element("label", {},
    element("input", { type: "radio", name: "version", value, checked: value === now }), element("span", {}, name))));
  if (versions.length > 2) {
    set.append(element("span", { class: "pair" }, pick("first", versions, 0), "and", pick("second", versions, 1)));
  }
}

/** Returns the versions to ask; null stands for the split. */
export function chosen() {
  const { value } = document.querySelector("#versions input:checked");
  if (value === "split") return [null];
  if (value !== "both") return [value];
  const picked = [...document.querySelectorAll("#versions select")].map((select) => select.value);
  return picked.length ? picked : offered.split(" ");
}

function pick(which, versions, index) {
  return element("select", { "aria-label": `${which} of the two` },
    ...versions.map((version, at) => element("option", { selected: at === index }, version)));
}
