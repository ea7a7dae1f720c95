"""Start-up: `ragcli --help` and `ragcli config show` against importing typer and rich alone."""

import sys

from measure import RAGCLI, command, interleave, table, verdict


def main() -> None:
    times = interleave(
        {
            "bare": command([sys.executable, "-c", "import typer, rich"]),
            "ragcli --help": command([RAGCLI, "--help"]),
            "ragcli config show": command([RAGCLI, "config", "show"]),
        },
        rounds=15,
    )
    bare = times.pop("bare")
    rows = [
        [f"`{t.name}`", f"{t.median * 1000:.0f} ms", f"{t.ratio_to(bare):.2f}x", "<= 2x", verdict(t.ratio_to(bare), 2)]
        for t in times.values()
    ]
    print("## Start-up\n\nRatio to `python -c 'import typer, rich'` (median "
          f"{bare.median * 1000:.0f} ms), 15 interleaved rounds.\n")  # fmt: skip
    print(table(["command", "median", "ratio", "target", ""], rows))


if __name__ == "__main__":
    main()
