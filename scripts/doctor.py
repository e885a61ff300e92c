"""Say what keeps this checkout from working as it is meant to, each with its fix: `make doctor`.

`--json` prints one object: `findings`, each with `check`, `state` (`ok`; `look`: works, but hardly as it was meant;
`broken`), `found` and `fix`; and the number of each state. Exit status 1 when something is broken. Nothing is changed
and no secret is shown. It begins before anything is installed: standard library only.
"""

from __future__ import annotations  # Old Pythons get as far as being told that they are too old.

import argparse
import json
import os
import sys
from collections import Counter
from dataclasses import asdict

from scripts import setup
from scripts.doctoring import disk, machine, python, variables
from scripts.doctoring.finding import BROKEN, LOOK, OK, Finding, broken


def findings() -> list[Finding]:
    """Return what is found, the checks that need packages last."""
    found = [*python.findings(os.environ), *variables.findings(os.environ)]
    found += [*disk.findings(setup.ROOT, os.environ), *machine.findings(setup.ROOT)]
    try:
        from scripts.doctoring import installed  # noqa: PLC0415  (needs what may not be installed yet)
    except ImportError as error:
        said = f"{error.name} is not installed: servers, files, archives and ports can't be looked at"
        return [*found, broken("packages", said, "make setup")]
    return [*found, *installed.findings(os.environ)]


def text(found: list[Finding]) -> str:
    """Return findings as a person reads them, what has to be done below each."""
    width = max(len(finding.check) for finding in found)
    lines = []
    for finding in found:
        lines.append(f"{finding.state:<6}  {finding.check:<{width}}  {finding.found}")
        if finding.fix:
            lines.append(f"{'':<6}  {'':<{width}}  → {finding.fix}")
    count = Counter(finding.state for finding in found)
    return "\n".join([*lines, f"{count[BROKEN]} broken, {count[LOOK]} to look at, {count[OK]} in order"])


def main() -> int:
    """Print what is found; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    found = findings()
    count = Counter(finding.state for finding in found)
    if as_json:
        states = {state: count[state] for state in (OK, LOOK, BROKEN)}
        print(json.dumps({"findings": [asdict(finding) for finding in found], **states}))
    else:
        print(text(found))
    return 1 if count[BROKEN] else 0


if __name__ == "__main__":
    sys.exit(main())
