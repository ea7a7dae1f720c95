"""A no-op re-sync of 10,000 files against `find` with the same stat of every file."""

import sys
import tempfile
from pathlib import Path

from measure import RAGCLI, command, interleave, table, verdict

FILES = 10_000


def make_tree(root: Path) -> Path:
    """10,000 small Markdown files in 100 folders."""
    for folder in range(100):
        path = root / "docs" / f"part-{folder:03d}"
        path.mkdir(parents=True)
        for number in range(FILES // 100):
            text = f"# Page {folder}-{number}\n\nThis page describes item {number} of part {folder}.\n"
            (path / f"page-{number:03d}.md").write_text(text, encoding="utf-8")
    return root / "docs"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        docs = make_tree(root)
        settings = ["--set", "index.embedder.kind=hashing"]
        first = command([RAGCLI, "sync", str(docs), *settings], cwd=root)()
        times = interleave(
            {
                "find": command(["find", str(docs), "-type", "f", "-printf", "%T@ %s\n"]),
                "python": command([sys.executable, "-c", "pass"]),
                "help": command([RAGCLI, "--help"]),
                "ingest": command([RAGCLI, "ingest", str(docs), *settings], cwd=root),
                "sync": command([RAGCLI, "sync", str(docs), *settings], cwd=root),
            },
            rounds=7,
        )
    floor = times["find"].median * 3 + times["python"].median
    print(f"## No-op re-sync of {FILES:,} files\n")
    print(f"First sync {first:.1f} s. Floor: 3 x find ({times['find'].median * 1000:.0f} ms) + Python start "
          f"({times['python'].median * 1000:.0f} ms) = {floor * 1000:.0f} ms; "
          f"`ragcli --help` alone takes {times['help'].median * 1000:.0f} ms.\n")  # fmt: skip
    rows = [
        [f"`ragcli {name}`", f"{times[name].median:.2f} s", limit, verdict(times[name].median, value)]
        for name in ("ingest", "sync")
        for limit, value in (("under 2 s", 2.0), (f"under {floor:.2f} s (3 x find + Python start)", floor))
    ]
    print(table(["command", "median", "target", ""], rows))


if __name__ == "__main__":
    main()
