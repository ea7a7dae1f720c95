"""What the statistics need to start."""

import subprocess
import sys


def test_importing_all_of_it_leaves_scipy_out() -> None:
    code = (
        "import pkgutil, sys, importlib, ragcli.abtest.inference as package\n"
        "names = [module.name for module in pkgutil.iter_modules(package.__path__)]\n"
        "for name in names: importlib.import_module(f'ragcli.abtest.inference.{name}')\n"
        "print(len(names), 'scipy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, scipy = run.stdout.split()
    assert int(count) >= 10
    assert scipy == "False"
