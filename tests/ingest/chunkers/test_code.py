"""Source code is cut into whole definitions."""

import pytest

from ragcli.config.ingest import CodeChunkerConfig
from ragcli.ingest.chunkers.code import CodeChunker
from ragcli.models.tokens import WordCounter
from ragcli.records import Chunk, Document

_PYTHON = '''\
"""A client. ünïcödé before everything: offsets count characters."""

import json
import os

LIMIT = 3


# Says who is there.
@cache
def greet(name):
    """Greet: é."""
    return f"hello {name}, welcome to the queue service of this host"


class Client:
    """Talks to the broker."""

    retries = 3

    def __init__(self, url):
        self.url = url
        self.open = connect(url, timeout=5, retries=self.retries)

    @property
    def name(self): return self.url

    @retry(3)
    async def publish(self, topic, message):
        """Publish a message to a topic and wait until the broker has it."""
        for attempt in range(self.retries):
            await self.open.send(topic, json.dumps(message), attempt)
'''

_JAVASCRIPT = """\
import { queue } from "./queue.js";

/** Publishes. */
export class Client extends Base {
  #open = false;
  async publish(topic, message) { await this.queue.send(topic, message); this.sent += 1; log(topic, message); }
}

// Says hello.
export const greet = async (name) => { const text = `hello ${name}`; console.log(text); return text.length; };
module.exports.close = function () { for (const client of clients) { client.close(); } return clients.length; };
"""

_TYPESCRIPT = """\
@Injectable()
export class Client<T> {
  private items: T[] = [];
  @log()
  publish(topic: string, value: T): void { this.items.push(value); emit(topic, value, this.items.length); }
}
export interface Options { url: string; retries: number; timeoutSeconds: number; headers: Record<string, string> }
namespace Wire { export function encode(value: string): Uint8Array { return new TextEncoder().encode(value); } }
export type Handler = (topic: string, value: unknown, received: Date, attempts: number) => Promise<void> | void;
"""

_GO = """\
package client

import "context"

// Client talks.
type Client[T any] struct {
	url string
	max int
	log func(format string, values ...any) (written int, err error)
}

// Publish sends.
func (c *Client[T]) Publish(ctx context.Context, topic string) error {
	return c.send(ctx, topic, c.url, c.max)
}

func New(url string) *Client[int] { return &Client[int]{url: url, max: 3, log: fmt.Printf, open: time.Now()} }
"""

_RUST = """\
use std::fmt;

/// An error.
#[derive(Debug, Clone)]
pub enum Error { Closed, Full { size: usize, limit: usize }, Io(String), Timeout(Duration), Refused(String, u16) }

impl fmt::Display for Error {
    /// Writes it.
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{:?} happened at {}", self, now()) }
}

mod wire {
    pub fn encode<T: Into<String>>(value: T) -> Vec<u8> { value.into().into_bytes().iter().copied().rev().collect() }
}
"""

_JAVA = """\
package io.example;

/** Talks. */
@Component
public class Client extends Base {
    private final int max = 3;

    /** Opens. */
    public Client(String url) { this.url = url; this.open = connect(url, max, Duration.ofSeconds(5), true); }

    @Override
    public void publish(String topic, byte[] message) { for (int i = 0; i < max; i++) { send(topic, message, i); } }

    interface Listener { void published(String topic, int attempt); void failed(String topic, Exception why, int n); }
}
"""

_C = """\
#ifndef CLIENT_H
#define CLIENT_H
/* A queue. */
typedef struct { int size; int limit; char *items; void (*on_full)(int size, int limit); unsigned flags; } queue_t;
struct node { struct node *next; int value; long created_at; long expires_at; const char *owner; unsigned flags; };
/* Pushes. */
static int *push(queue_t *queue, int value) { if (queue->size >= queue->limit) { grow(queue, 2); } return at(queue); }
#endif
"""

_CPP = """\
namespace net::wire {
/// A queue.
template <class T>
class Queue : public Base<T> {
 public:
  explicit Queue(int limit) : limit_(limit), items_(), full_(false), closed_(false), owner_(nullptr) {}
  bool operator==(const Queue& other) const { return limit_ == other.limit_ && items_ == other.items_ && !closed_; }
  ~Queue() { close(); while (!items_.empty()) { items_.pop_back(); } delete owner_; notify(limit_, full_); }
};
template <class T>
void Queue<T>::close() { closed_ = true; while (busy()) { wait(); } log("closed", limit_, items_.size()); }
}
"""


def _chunks(
    text: str, language: str, size: int = 40, limit: int | None = None, path: str = "src/client"
) -> list[Chunk]:
    document = Document("d1", path, "s", path, "code", path, text, language=language)
    chunks = CodeChunker(CodeChunkerConfig(size_tokens=size, min_tokens=8), WordCounter(), limit).chunk(document)
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    return chunks


def _by_symbol(chunks: list[Chunk]) -> dict[str, str]:
    """The first chunk of every symbol."""
    return {str(chunk.metadata["symbol"]): chunk.text for chunk in reversed(chunks) if "symbol" in chunk.metadata}


@pytest.mark.parametrize(
    ("language", "text", "symbols"),
    [
        ("python", _PYTHON, {"greet", "Client", "Client.__init__", "Client.publish"}),
        ("javascript", _JAVASCRIPT, {"Client", "Client.publish", "greet", "module.exports.close"}),
        ("typescript", _TYPESCRIPT, {"Client", "Client.publish", "Options", "Wire", "Handler"}),
        ("tsx", _TYPESCRIPT, {"Client", "Client.publish", "Options", "Wire", "Handler"}),
        ("go", _GO, {"Client", "Client.Publish", "New"}),
        ("rust", _RUST, {"Error", "Error.fmt", "wire.encode"}),
        ("java", _JAVA, {"Client.Client", "Client.publish", "Client.Listener"}),
        ("c", _C, {"queue_t", "node", "push"}),
        ("cpp", _CPP, {"net.wire.Queue.Queue", "net.wire.Queue.operator==", "net.wire.Queue.~Queue",
                       "net.wire.Queue.close"}),
    ],
)  # fmt: skip
def test_definitions_of_every_language_are_found(language: str, text: str, symbols: set[str]) -> None:
    assert symbols <= set(_by_symbol(_chunks(text, language, size=30)))


def test_a_function_keeps_its_comment_decorator_and_docstring() -> None:
    greet = _by_symbol(_chunks(_PYTHON, "python"))["greet"]
    assert greet.startswith("# Says who is there.\n@cache\ndef greet(name):\n")
    assert greet.endswith('service of this host"')


def test_a_method_keeps_its_decorator_and_indentation() -> None:
    publish = _by_symbol(_chunks(_PYTHON, "python", size=60))["Client.publish"]
    assert publish.startswith("    @retry(3)\n    async def publish(self, topic, message):\n")
    assert publish.endswith("json.dumps(message), attempt)")


def test_rust_attributes_and_go_comments_belong_to_what_follows() -> None:
    assert "/// An error.\n#[derive(Debug, Clone)]\npub enum" in _by_symbol(_chunks(_RUST, "rust"))["Error"]
    assert _by_symbol(_chunks(_GO, "go", size=20))["Client.Publish"].startswith(
        "// Publish sends.\nfunc (c *Client[T])"
    )


def test_a_class_that_fits_is_one_chunk() -> None:
    client = _by_symbol(_chunks(_PYTHON, "python", size=90))["Client"]
    assert client.startswith("class Client:")
    assert client.endswith("attempt)")


def test_a_class_that_does_not_fit_is_its_header_and_its_methods() -> None:
    header, *methods = [
        chunk for chunk in _chunks(_PYTHON, "python", size=60) if chunk.prefix.startswith("src/client Cl")
    ]
    assert header.text == 'class Client:\n    """Talks to the broker."""\n\n    retries = 3'
    assert [method.metadata["symbol"] for method in methods] == ["Client.__init__", "Client.name", "Client.publish"]


def test_small_neighbours_are_packed_together() -> None:
    text = (
        "import os\nimport sys\n\nA = 1\nB = 2\n\ndef one(): return 1\n\ndef two(): return 2\n" + "C = [1, 2, 3]\n" * 9
    )
    first, *_ = _chunks(text, "python", size=40)
    assert first.text.startswith("import os")
    assert "def two(): return 2" in first.text
    assert first.metadata["symbols"] == ["one", "two"]
    assert "symbol" not in first.metadata


def test_a_huge_function_is_cut_between_statements() -> None:
    body = "".join(f"    if ready({n}):\n        value_{n} = call({n})\n        store(value_{n})\n" for n in range(30))
    chunks = _chunks(f"def huge():\n{body}", "python", size=60)
    assert len(chunks) > 3
    assert chunks[0].text.startswith("def huge():\n    if ready(0):")
    assert all(chunk.text.startswith("    if ready(") for chunk in chunks[1:])
    assert {chunk.metadata["symbol"] for chunk in chunks} == {"huge"}


def test_functions_inside_a_huge_function_are_kept_whole() -> None:
    inner = "".join(
        f"  function step{n}(a, b) {{ return a.map(x => x * {n}).filter(b).reduce(join); }}\n" for n in range(9)
    )
    chunks = _chunks(f"function outer() {{\n{inner}}}\n", "javascript", size=35)
    assert {"outer.step0", "outer.step8"} <= set(_by_symbol(chunks))
    assert _by_symbol(chunks)["outer.step4"].strip().startswith("function step4(a, b)")


def test_line_numbers_and_prefix() -> None:
    publish = next(chunk for chunk in _chunks(_PYTHON, "python", size=60, limit=100) if "publish" in chunk.prefix)
    lines = _PYTHON.splitlines()
    assert publish.metadata["start_line"] == lines.index("    @retry(3)") + 1
    assert publish.metadata["end_line"] == len(lines)
    assert publish.metadata["language"] == "python"
    assert publish.headings == ("Client", "publish")
    assert publish.prefix == "src/client Client.publish"
    assert publish.embedded_text.startswith("src/client Client.publish\n    @retry(3)")


def test_a_long_path_gives_way_to_the_limit() -> None:
    path = "/".join(f"folder{n}" for n in range(40)) + "/client.py"
    chunks = _chunks(_PYTHON, "python", size=50, limit=80, path=path)
    assert {chunk.prefix for chunk in chunks} >= {"client.py Client.publish", "client.py greet"}
    assert max(WordCounter().count(chunk.embedded_text) for chunk in chunks) <= 80


def test_a_cpp_header_named_as_c_is_understood() -> None:
    assert "net.wire.Queue.close" in _by_symbol(_chunks(_CPP, "c", size=30))


def test_another_language_is_cut_where_lines_are_blank() -> None:
    paragraph = "MOVE A TO B.\nADD 1 TO C.\nIF D THEN\n    PERFORM E.\n"
    chunks = _chunks("\n".join([paragraph] * 12), "cobol", size=30)
    assert {chunk.text for chunk in chunks} == {f"{paragraph}\n{paragraph}".strip()}
    assert "symbol" not in chunks[0].metadata


def test_text_that_is_no_code_at_all_is_still_cut() -> None:
    text = "%%% ((( [[[ not } python ] at ) all\n" * 60
    chunks = _chunks(text, "python", size=40)
    assert " ".join(chunk.text for chunk in chunks).split() == text.split()


def test_minified_code_is_cut_inside_its_line() -> None:
    text = "function a(b){return b+1};" * 400
    chunks = _chunks(text, "javascript", size=50, limit=64)
    assert "".join("".join(chunk.text for chunk in chunks).split()) == "".join(text.split())
    assert max(WordCounter().count(chunk.embedded_text) for chunk in chunks) <= 64


def test_deep_nesting_is_no_obstacle() -> None:
    text = "x = " + "[" * 3000 + "1" + "]" * 3000 + "\n" + "".join(f"def f{n}(): return {n}\n" for n in range(50))
    chunks = _chunks(text, "python", size=50)
    assert "".join("".join(chunk.text for chunk in chunks).split()) == "".join(text.split())
