// Four ways in: dropped, pasted, chosen, photographed.

/** Calls `take` with the files that somebody gives the page. */
export function intake(take) {
  const drop = document.querySelector("#drop");
  for (const input of document.querySelectorAll("#choose, #photograph")) {
    input.addEventListener("change", () => {
      take([...input.files]);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) take([...event.clipboardData.files]);
  });
  // Anywhere: a file that misses the box would take the page's place.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}
