"""The demo page, in a person's hands."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# What a drag from a file manager, or a paste, hands to a page.
_GIVE = """
([where, type, files]) => {
  const data = new DataTransfer();
  for (const [name, kind, text] of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    data.items.add(new File([bytes], name, { type: kind }));
  }
  const event = type === "paste"
    ? new ClipboardEvent(type, { clipboardData: data, bubbles: true })
    : new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true });
  document.querySelector(where).dispatchEvent(event);
}
"""
File = tuple[str, str, bytes]
"""Name, content type, content."""


@dataclass(frozen=True)
class Demo:
    """The page in a tab."""

    tab: Any

    @classmethod
    def at(cls, tab: Any, url: str) -> "Demo":
        """Return the page once it knows which model is served."""
        tab.goto(url)
        tab.get_by_role("heading", level=1).filter(has_not_text="Image classifier").wait_for()
        return cls(tab)

    def drop(self, *files: File) -> None:
        """Let files fall onto the box."""
        self._give("#drop", "drop", files)

    def paste(self, *files: File) -> None:
        """Paste files, with the page's body in focus."""
        self._give("body", "paste", files)

    def choose(self, *files: File, by: str = "Choose images") -> None:
        """Choose files in the dialog that a button opens."""
        given = [{"name": name, "mimeType": kind, "buffer": content} for name, kind, content in files]
        self.tab.get_by_label(by).set_input_files(given)

    def answered_by(self, choice: str) -> None:
        """Choose who answers from now on."""
        self.tab.get_by_role("radio", name=choice, exact=True).check()

    def card(self, name: str) -> Any:
        """Return what is shown of an image once each version that was asked has answered or refused."""
        card = self.tab.get_by_role("article", name=name, exact=True)
        card.wait_for()
        card.locator(".answer:not([aria-busy])").first.wait_for()
        card.locator("[aria-busy]").first.wait_for(state="detached")
        return card

    def answers(self, name: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Return of an image who answered, the first class, and each class with its probability."""
        found = []
        for answer in self.card(name).locator(".answer").all():
            bars = [tuple(row.locator("> span:not(.bar)").all_inner_texts()) for row in answer.locator("li").all()]
            version = answer.locator(".chip").inner_text().removeprefix("version ")
            found.append((version, answer.get_by_role("heading").inner_text(), bars))
        return found

    def _give(self, where: str, event: str, files: Sequence[File]) -> None:
        texts = [[name, kind, base64.b64encode(content).decode()] for name, kind, content in files]
        self.tab.evaluate(_GIVE, [where, event, texts])


def shown(predictions: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the server's predictions as the page writes them."""
    return [(each["label"], f"{each['probability']:.1%}") for each in predictions]
