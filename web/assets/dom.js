// Elements and figures, as every part of the page writes them.

const PERCENT = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const percent = (share) => PERCENT.format(share);
export const count = (number) => COUNT.format(number);
export const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/** Returns a new element; attributes that start with "on" are listeners, children are nodes or texts. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Returns a bar of a share from 0 to 1. What it shows is said in text beside it. */
export function bar(share) {
  const fill = element("span");
  fill.style.inlineSize = `${100 * share}%`;
  return element("span", { class: "bar", "aria-hidden": "true" }, fill);
}
