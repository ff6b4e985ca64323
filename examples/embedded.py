#!/usr/bin/env python3
"""README.md and docs/ against what they show: blocks of code and output are those of examples/, links lead somewhere.

In a page, the comment above a block says what the block is:

    <!-- examples/x.cpp -->            the whole file
    <!-- examples/x.cpp: name -->      what stands there between `// name` and `// end`
    <!-- examples/x.expected: part --> lines that follow each other there

A block of C++ must have such a comment, so that no page shows code that nothing compiles.
"""

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(?:^<!-- (examples/[\w.]+)(?:: ([^>]+))? -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
README_LINES = 150


def named_part(text, name):
    """The lines between `// name` and `// end`, without their common indentation; None if there are none."""
    found = re.search(rf"^ *// {re.escape(name)}\n(.*?)^ *// end$", text, re.M | re.S)
    return textwrap.dedent(found[1]) if found else None


def is_shown(block, path, part):
    text = path.read_text()
    if part is None:
        return block == text
    if path.suffix == ".expected":
        return block != "" and "\n" + block in "\n" + text
    return block == named_part(text, part)


def complaints_about(page):
    text = page.read_text()
    for found in BLOCK.finditer(text):
        name, part, language, block = found.groups()
        where = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}"
        if name is None:
            if language == "cpp":
                yield f"{where}: C++ that is part of no example"
        elif not (ROOT / name).is_file():
            yield f"{where}: there is no {name}"
        elif not is_shown(block, ROOT / name, part):
            yield f"{where}: differs from {name}" + (f", {part}" if part else "")
    for target in LINK.findall(text):
        if "://" not in target and not (page.parent / target).exists():
            yield f"{page.relative_to(ROOT)}: a link to {target}, which is not there"


def main():
    readme = ROOT / "README.md"
    complaints = [c for page in [readme, *sorted((ROOT / "docs").glob("*.md"))] for c in complaints_about(page)]
    lines = readme.read_text().count("\n")
    if lines > README_LINES:
        complaints.append(f"README.md: {lines} lines, and {README_LINES} are enough")
    print("\n".join(complaints) or "what the pages show is what the examples are")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
