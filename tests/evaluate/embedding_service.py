"""An embedding endpoint on loopback that refuses some texts, and remembers what it was asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


class EmbeddingService:
    """Vectors of letter counts; refuses texts with a word of ``refused``, and a second time one of ``once``."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.once: set[str] = set()
        self.asked: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
                again = {word for word in service.once for text in service.asked if word in text}
                service.asked += texts
                refused = any(word in text for word in service.refused | again for text in texts)
                vectors = [np.bincount([ord(c) % 32 for c in text], minlength=32).tolist() for text in texts]
                data = [{"index": place, "embedding": vector} for place, vector in enumerate(vectors)]
                content = b'{"error": {"message": "too busy"}}' if refused else json.dumps({"data": data}).encode()
                self.send_response(400 if refused else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
