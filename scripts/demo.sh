#!/bin/sh
# What `make demo` shows: the sample corpus from files to measured answers. Uses only the shipped model weights.
set -eu
PATH="$BIN:$PATH"
cd "$(dirname "$0")/../sample_corpus"

say() { printf '\n%s\n' "$*"; }
run() {
    printf '$ ragcli'
    for word; do
        case "$word" in
            *' '*) printf ' "%s"' "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    ragcli "$@"
}

say "1. Read the documents and cut them into chunks"
run ingest
say "2. Embed and index what is new"
run index
say "3. Ask: by meaning and words together, then for an exact code"
run query "may I pull out a broken drive while the machine is running?" --top-k 3
run query "MRL-4008" --strategy lexical --top-k 2
say "4. Prove how well it answers: every question of the sample corpus against its judgements"
for strategy in lexical dense hybrid; do
    run eval --strategy "$strategy"
done
say "5. Decide between two configurations: every question to both in turn"
run abtest compare words.yaml hybrid.yaml
say "Done. The index is in sample_corpus/.ragcli. Next: source .venv/bin/activate, then README.md"
