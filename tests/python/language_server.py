"""An editor without a window: what yaml-language-server says of a file, over its stdin and stdout.

python language_server.py NODE SERVER FOLDER: JSON lines in, JSON lines out, until stdin closes.
`{"do": "settings", "yaml": {…}}` is what an editor's settings say of YAML, and comes first. `{"do": "open", "file",
"text"}` answers the diagnostics of a file, which is opened once, as `[{"line", "start", "end", "text", "message"}]`;
then of the same file `{"do": "complete", "file", "line", "column"}` answers `[{"label", "documentation", "insert"}]`,
`{"do": "hover", …}` its text. Lines and columns count from 0, as the protocol has it.
"""

import json
import pathlib
import queue
import subprocess
import sys
import threading

PATIENCE = 60


class Server:
    """The server, and what it has said so far."""

    def __init__(self, node, server, folder):
        self.process = subprocess.Popen(
            [node, server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        self.folder = pathlib.Path(folder)
        self.settings = {}
        self.fetched = threading.Event()
        self.texts = {}
        self.answers = queue.Queue()
        self.published = queue.Queue()
        self.number = 0
        threading.Thread(target=self.listen, daemon=True).start()
        self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": self.folder.as_uri(),
                "workspaceFolders": [{"uri": self.folder.as_uri(), "name": "test"}],
                "capabilities": {
                    "workspace": {"configuration": True, "workspaceFolders": True},
                    "textDocument": {
                        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
                        "hover": {"contentFormat": ["markdown"]},
                        "publishDiagnostics": {},
                    },
                },
            },
        )
        self.tell("initialized", {})

    def listen(self):
        stream = self.process.stdout
        while line := stream.readline():
            length = 0
            while line.strip():
                name, _, value = line.decode().partition(":")
                if name.lower() == "content-length":
                    length = int(value)
                line = stream.readline()
            message = json.loads(stream.read(length))
            if "method" not in message:
                self.answers.put(message)
            elif "id" in message:
                self.send({"id": message["id"], "result": self.asked(message)})
            elif message["method"] == "textDocument/publishDiagnostics":
                self.published.put(message["params"])

    def asked(self, message):
        """What an editor answers to the server."""
        if message["method"] == "workspace/configuration":
            self.fetched.set()
            return [self.settings if item.get("section") == "yaml" else {} for item in message["params"]["items"]]
        return None

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def tell(self, method, params):
        self.send({"method": method, "params": params})

    def ask(self, method, params):
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            answer = self.answers.get(timeout=PATIENCE)
            if answer["id"] == self.number:
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return answer["result"]

    def configure(self, settings):
        self.settings = settings
        self.fetched.clear()
        self.tell("workspace/didChangeConfiguration", {"settings": {"yaml": settings}})
        if not self.fetched.wait(PATIENCE):
            raise RuntimeError("the server does not ask for its settings")
        # What it is asked from now on, it answers with them.
        self.ask("textDocument/documentSymbol", {"textDocument": {"uri": self.uri("nothing.yml")}})

    def uri(self, file):
        return (self.folder / file).as_uri()

    def open(self, file, text):
        uri = self.uri(file)
        self.texts[uri] = text.split("\n")
        self.tell(
            "textDocument/didOpen",
            {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}},
        )
        while True:
            published = self.published.get(timeout=PATIENCE)
            if published["uri"] == uri:
                found = [self.diagnostic(uri, one) for one in published["diagnostics"]]
                return sorted(found, key=lambda one: (one["line"], one["start"]))

    def diagnostic(self, uri, one):
        start, end = one["range"]["start"], one["range"]["end"]
        line = self.texts[uri][start["line"]]
        upto = end["character"] if end["line"] == start["line"] else len(line)
        return {
            "line": start["line"],
            "start": start["character"],
            "end": upto,
            "text": line[start["character"] : upto],
            "message": one["message"],
        }

    def place(self, given):
        return {
            "textDocument": {"uri": self.uri(given["file"])},
            "position": {"line": given["line"], "character": given["column"]},
        }

    def complete(self, given):
        answer = self.ask("textDocument/completion", self.place(given))
        return [
            {"label": item["label"], "documentation": plain(item.get("documentation")), "insert": item.get("insertText")}
            for item in answer["items"]
        ]

    def hover(self, given):
        answer = self.ask("textDocument/hover", self.place(given))
        return plain(answer and answer["contents"])


def plain(content):
    if isinstance(content, dict):
        return content["value"]
    return content or ""


def main():
    server = Server(*sys.argv[1:])
    for line in sys.stdin:
        given = json.loads(line)
        match given["do"]:
            case "settings":
                answer = server.configure(given["yaml"])
            case "open":
                answer = server.open(given["file"], given["text"])
            case "complete":
                answer = server.complete(given)
            case "hover":
                answer = server.hover(given)
        print(json.dumps(answer), flush=True)
    server.process.kill()


main()
