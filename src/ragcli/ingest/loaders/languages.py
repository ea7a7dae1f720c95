"""Programming languages by file suffix, file name and the names people write after a code fence."""

_SUFFIXES = {
    "python": ".py .pyi .pyw .pyx",
    "javascript": ".js .mjs .cjs .jsx",
    "typescript": ".ts .mts .cts",
    "tsx": ".tsx",
    "go": ".go",
    "rust": ".rs",
    "java": ".java",
    "c": ".c .h",
    "cpp": ".cpp .cc .cxx .c++ .hpp .hh .hxx .h++ .ipp .tpp .inl",
    "csharp": ".cs",
    "ruby": ".rb .rake .gemspec",
    "php": ".php",
    "shell": ".sh .bash .zsh .ksh .fish",
    "powershell": ".ps1 .psm1 .psd1",
    "batch": ".bat .cmd",
    "sql": ".sql",
    "kotlin": ".kt .kts",
    "swift": ".swift",
    "scala": ".scala .sc",
    "groovy": ".groovy .gradle",
    "lua": ".lua",
    "r": ".r",
    "julia": ".jl",
    "perl": ".pl .pm",
    "haskell": ".hs",
    "elixir": ".ex .exs",
    "erlang": ".erl .hrl",
    "clojure": ".clj .cljs .cljc",
    "ocaml": ".ml .mli",
    "fsharp": ".fs .fsx",
    "dart": ".dart",
    "zig": ".zig",
    "nim": ".nim",
    "objectivec": ".m .mm",
    "fortran": ".f .f90 .f95 .f03",
    "solidity": ".sol",
    "cuda": ".cu .cuh",
    "proto": ".proto",
    "thrift": ".thrift",
    "graphql": ".graphql .gql",
    "terraform": ".tf .tfvars",
    "hcl": ".hcl",
    "css": ".css",
    "scss": ".scss .sass",
    "less": ".less",
    "vue": ".vue",
    "svelte": ".svelte",
    "yaml": ".yaml .yml",
    "toml": ".toml",
    "ini": ".ini .cfg .conf .properties .editorconfig",
    "cmake": ".cmake",
    "makefile": ".mk .mak",
    "dockerfile": ".dockerfile",
    "nix": ".nix",
    "vim": ".vim",
    "lisp": ".lisp .el .scm",
    "latex": ".tex",
    "assembly": ".s .asm",
    "diff": ".diff .patch",
}
_NAMES = {
    "makefile": "makefile",
    "gnumakefile": "makefile",
    "dockerfile": "dockerfile",
    "containerfile": "dockerfile",
    "jenkinsfile": "groovy",
    "vagrantfile": "ruby",
    "gemfile": "ruby",
    "rakefile": "ruby",
    "podfile": "ruby",
    "brewfile": "ruby",
    "procfile": "yaml",
    "justfile": "makefile",
    "cmakelists.txt": "cmake",
    ".bashrc": "shell",
    ".zshrc": "shell",
    ".profile": "shell",
    ".gitignore": "ini",
    ".editorconfig": "ini",
}
_ALIASES = {
    "py": "python",
    "python3": "python",
    "py3": "python",
    "ipython": "python",
    "ipython3": "python",
    "pycon": "python",
    "js": "javascript",
    "jsx": "javascript",
    "node": "javascript",
    "ts": "typescript",
    "golang": "go",
    "rs": "rust",
    "c++": "cpp",
    "cxx": "cpp",
    "cc": "cpp",
    "c#": "csharp",
    "cs": "csharp",
    "rb": "ruby",
    "sh": "shell",
    "bash": "shell",
    "zsh": "shell",
    "console": "shell",
    "shell-session": "shell",
    "kt": "kotlin",
    "yml": "yaml",
    "ps1": "powershell",
    "hs": "haskell",
    "docker": "dockerfile",
    "make": "makefile",
    "tex": "latex",
    "none": "",
    "text": "",
    "txt": "",
    "plain": "",
    "plaintext": "",
    "default": "",
    "nohighlight": "",
}
_INTERPRETERS = {
    "python": "python",
    "pypy": "python",
    "node": "javascript",
    "deno": "typescript",
    "sh": "shell",
    "bash": "shell",
    "dash": "shell",
    "zsh": "shell",
    "ksh": "shell",
    "fish": "shell",
    "ruby": "ruby",
    "perl": "perl",
    "php": "php",
    "lua": "lua",
    "rscript": "r",
    "awk": "awk",
    "make": "makefile",
}

LANGUAGE_OF_SUFFIX = {suffix: language for language, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}


def language_of_name(name: str) -> str:
    """The language of a file called so (any case, no folders), or nothing."""
    lowered = name.lower()
    if lowered in _NAMES:
        return _NAMES[lowered]
    if lowered.startswith(("dockerfile.", "makefile.")):
        return lowered.split(".", 1)[0]
    dot = lowered.rfind(".")
    return LANGUAGE_OF_SUFFIX.get(lowered[dot:], "") if dot >= 0 else ""


def language_of_shebang(line: str) -> str:
    """The language that a first line such as ``#!/usr/bin/env python3`` names, or nothing."""
    if not line.startswith("#!"):
        return ""
    words = [word for word in line[2:].split() if not word.startswith("-")]
    programs = [word.rsplit("/", 1)[-1].lower() for word in words if "=" not in word]
    if programs[:1] == ["env"]:
        programs = programs[1:]
    return _INTERPRETERS.get(programs[0].rstrip("0123456789."), "") if programs else ""


def fence_language(info: str) -> str:
    """The language of a code block from what stands after its fence, such as ``rust,ignore`` or ``{.python}``."""
    word = info.strip().lstrip("{.").replace(",", " ").replace("{", " ").replace("}", " ").replace(":", " ")
    name = word.split()[0].lower() if word.split() else ""
    return _ALIASES.get(name, name)[:40]
