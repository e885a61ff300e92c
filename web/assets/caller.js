// Who asks: a key and a user, kept for this tab alone.

/** Returns the caller, which follows the form; `changed` is called when it is another one. */
export function caller(changed) {
  const now = { key: sessionStorage.getItem("key") ?? "", user: sessionStorage.getItem("user") ?? "" };
  const fields = { key: document.querySelector("#key"), user: document.querySelector("#user") };
  for (const [name, field] of Object.entries(fields)) field.value = now[name];
  document.querySelector("#caller form").addEventListener("submit", (event) => {
    event.preventDefault();
    for (const [name, field] of Object.entries(fields)) {
      now[name] = field.value.trim();
      sessionStorage.setItem(name, now[name]);
    }
    changed();
  });
  return now;
}

/** Opens the form where a key is missing. */
export function askForKey() {
  document.querySelector("#caller").open = true;
  document.querySelector("#key").focus();
}
