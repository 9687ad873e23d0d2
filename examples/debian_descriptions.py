"""The descriptions of Debian's packages as JSON lines: real English texts that any Debian machine has.

    sudo apt-get update -o Acquire::Languages=en
    python examples/debian_descriptions.py descriptions.jsonl

Each line holds the name of a package and its whole description, as one paragraph. Of descriptions that several
packages share one is kept. The order is that of the MD5 sums that Debian keeps of them: any first lines are a sample.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

APT_HELPER = "/usr/lib/apt/apt-helper"
LISTS = "/var/lib/apt/lists"


def main() -> None:
    """Read the translation files of all sources and write the texts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the .jsonl file to write")
    out = parser.parse_args().out
    files = sorted(str(path) for path in Path(LISTS).glob("*_Translation-en*"))
    if not files:
        raise SystemExit(f"no descriptions in {LISTS}; run: sudo apt-get update -o Acquire::Languages=en")
    plain = subprocess.run([APT_HELPER, "cat-file", *files], check=True, capture_output=True, text=True).stdout
    texts = dict(sorted(filter(None, map(_entry, plain.split("\n\n")))))
    lines = [json.dumps({"package": name, "text": text}) for name, text in texts.values()]
    out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    print(f"{len(lines):,} descriptions, {sum(map(len, lines)) / 1e6:.1f} MB: {out}")


def _entry(stanza: str) -> tuple[str, tuple[str, str]] | None:
    """Return (MD5 sum, (package, description)) of a stanza of a translation file."""
    name = digest = ""
    said: list[str] = []
    for line in stanza.splitlines():
        if line.startswith(" ") and said:
            said.append("" if line.strip() == "." else line.strip())
        elif line.startswith("Package: "):
            name = line.removeprefix("Package: ")
        elif line.startswith("Description-md5: "):
            digest = line.removeprefix("Description-md5: ")
        elif line.startswith("Description-en: "):
            said = [line.removeprefix("Description-en: ") + "."]
    return (digest, (name, " ".join(" ".join(said).split()))) if name and digest and said else None


if __name__ == "__main__":
    main()
