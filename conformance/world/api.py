"""The cluster's API's side, for cri.sh: as much of it as the device plugin of a node asks, with TLS and a token.

api.py ACCOUNT PODS: makes the files of a service account in ACCOUNT, prints its port and serves: node `here`, and the pods NAMESPACE.NAME in PODS.
"""
import http.server
import json
import os
import ssl
import subprocess
import sys
import urllib.parse

account, pods = sys.argv[1:]
certificate, key = os.path.join(account, "ca.crt"), os.path.join(account, "key")
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1"]
    + ["-keyout", key, "-out", certificate],
    check=True,
    capture_output=True,
)
with open(os.path.join(account, "token"), "w") as file:
    file.write("secret")
node = {"kind": "Node", "metadata": {"labels": {}}, "status": {"capacity": {}}}


def merge(target, patch):
    for name, value in patch.items():
        if isinstance(value, dict):
            merge(target.setdefault(name, {}), value)
        elif value is None:
            target.pop(name, None)
        else:
            target[name] = value


class Api(http.server.BaseHTTPRequestHandler):
    def answer(self, status, found):
        text = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def found(self):
        if self.headers["Authorization"] != "Bearer secret":
            return self.answer(401, {"kind": "Status", "message": "Unauthorized"})
        match urllib.parse.unquote(self.path).split("/")[3:]:
            case ["nodes", "here", *_]:
                return self.answer(200, node)
            case ["namespaces", space, "pods", name]:
                path = os.path.join(pods, f"{space}.{name}")
                if os.path.exists(path):
                    with open(path) as file:
                        return self.answer(200, json.load(file))
                return self.answer(404, {"kind": "Status", "message": f'pods "{name}" not found'})
        self.answer(404, {"kind": "Status", "message": "not found"})

    def do_GET(self):
        self.found()

    def do_PATCH(self):
        merge(node, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        with open(os.path.join(account, "node"), "w") as file:
            json.dump(node, file)
        self.found()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
