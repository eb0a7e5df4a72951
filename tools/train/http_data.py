#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The requests of `http`: lists, de-duplication, splits, templates of the test.

Lives here: reading CSIC 2010, HttpParams and the payload lists that are held
out whole; which part each request or value is in; the requests that values of
the test are put into. What doesn't: made-up requests (http_make.py), the model
and its training (http_train.py).

CSIC 2010 is de-duplicated on request line and body, then split by a hash of
path and parameters, so that the GET and the POST of the same form are on one
side. Values of HttpParams (its benign ones come from CSIC) that are in a valid
or test request, and attacks that are in a list held out, are dropped.
"""
import collections
import csv
import hashlib
import io
import json
import lzma
import os
import re
import subprocess
import urllib.parse

import numpy as np

TOOL = "build/inkling-http"
WINDOW = np.dtype([("line", "<u4"), ("tokens", "<u2", 256)])
CLASSES = ("benign", "sqli", "xss", "traversal", "command", "other")

# Lists that are held out, by class; those of "apart" are no attack of these classes.
LISTS = {
    "sqli": ("fuzzdb/sql-injection_", "libinjection/sqli-"),
    "xss": ("fuzzdb/xss_", "libinjection/xss-"),
    "traversal": ("fuzzdb/lfi_", "fuzzdb/path-traversal_"),
    "command": ("fuzzdb/os-cmd-execution_command",),
    "apart": ("fuzzdb/ldap_", "fuzzdb/xpath_", "fuzzdb/http-protocol_crlf", "fuzzdb/rfi_",
              "fuzzdb/os-cmd-execution_Commands-Linux"),
    "benign": ("libinjection/false_positives", "fuzzdb/http-protocol_user-agents"),
}
HTTPPARAMS = {"norm": "benign", "sqli": "sqli", "xss": "xss", "path-traversal": "traversal",
              "cmdi": "command"}

# Requests that values of the test go into, on paths and with names that training has not:
# q is a value of the query, b of a form in the body, p a part of the path, j a JSON string.
TEMPLATES = (
    ("q", "GET /shop/catalog.aspx?section=garden&find={} HTTP/1.1", ""),
    ("q", "GET /cgi-bin/guestbook.cgi?entry={}&lang=en HTTP/1.0", ""),
    ("q", "GET /forum/viewtopic.php?f=12&t=40871&hilit={}&start=15 HTTP/1.1", ""),
    ("q", "GET /rest/2.0/tickets/?{} HTTP/1.1", ""),
    ("q", "HEAD /kiosk/map.do?zoom=4&place={}#top HTTP/1.1", ""),
    ("q", "GET http://intranet.example/hr/absence.pl?staff={} HTTP/1.1", ""),
    ("b", "POST /portal/session/new HTTP/1.1", "account={}&secret=w4lnut-Tree&stay=1"),
    ("b", "POST /clinic/appointment.jsf HTTP/1.1", "patient=Mary+Evans&remark={}"),
    ("b", "PUT /bank/transfer/771 HTTP/1.1", "amount=12.50&purpose={}&iban=DE02120300000000202051"),
    ("j", "POST /graph/v3/comments HTTP/2.0", '{"post": 99, "author": "kim", "text": "{}"}'),
    ("j", "POST /telemetry HTTP/1.1", '{"event":"click","label":"{}","ts":1700000000}'),
    ("p", "GET /library/{}/index.html HTTP/1.1", ""),
)
TEMPLATES_OF_EACH = 4		# templates that a value is tried in


def read(path):
    """Bytes of a file that may be compressed."""
    for name in (path, path + ".xz"):
        if os.path.exists(name):
            with (lzma.open if name.endswith(".xz") else open)(name, "rb") as f:
                return f.read()
    raise FileNotFoundError(path)


def share(key):
    """A number in 0..1 for a key."""
    return int.from_bytes(hashlib.sha256(b"http" + key).digest()[:4], "big") / 2**32


def part_of(key, train, valid):
    s = share(key)
    return "train" if s < train else "valid" if s < train + valid else "test"


# ---- CSIC 2010 ----------------------------------------------------------

def csic_file(path):
    """Distinct (request line, body)."""
    text = read(path).replace(b"\r\n", b"\n").decode("latin-1")
    out = {}
    for one in re.split(r"(?m)^(?=(?:GET|POST|PUT) http://)", text):
        if one.strip():
            head, _, body = one.partition("\n\n")
            out[head.split("\n")[0], body.strip("\n")] = None
    return list(out)


def twin(request):
    """What the GET and the POST of a form have in common."""
    line, body = request
    path, _, query = line.split(" ")[1].partition("?")
    return (path + "?" + (query or body)).encode("latin-1")


def values(request):
    line, body = request
    for pair in (line.split(" ")[1].partition("?")[2] + "&" + body).split("&"):
        yield plain(pair.partition("=")[2], "latin-1")


def plain(value, encoding="utf-8"):
    """A value without escapes, letters small: what de-duplication goes by."""
    for _ in range(2):
        value = urllib.parse.unquote_plus(value, encoding, "replace")
    return " ".join(value.lower().split())


class Csic:
    """normal[part], anomalous[part]: lists of (line, body)."""

    def __init__(self, folder):
        self.normal, self.anomalous = (
            self.split(csic_file(os.path.join(folder, name)))
            for name in ("normalTrafficTraining.txt", "anomalousTrafficTest.part70.txt"))

    @staticmethod
    def split(requests):
        out = {"train": [], "valid": [], "test": []}
        for r in requests:
            out[part_of(twin(r), 0.6, 0.15)].append(r)
        return out


# ---- payloads -----------------------------------------------------------

class Payloads:
    """held[list] lines of lists held out; known[class][part] values of HttpParams."""

    def __init__(self, folder, csic):
        self.held, self.of_class = {}, {}
        for kind, prefixes in LISTS.items():
            for path in self.files(folder, prefixes):
                name = os.path.basename(path)
                self.held[name] = self.lines(path)
                self.of_class[name] = kind
        seen = {plain(line) for lines in self.held.values() for line in lines}
        hidden = {v for p in ("valid", "test") for r in csic.normal[p] + csic.anomalous[p]
                  for v in values(r)}
        self.known = {c: {"train": [], "valid": [], "test": []} for c in CLASSES[:5]}
        self.dropped = collections.Counter()
        text = read(os.path.join(folder, "httpparams_payload_train.csv")).decode("utf-8", "replace")
        for row in csv.DictReader(io.StringIO(text)):
            kind, value = HTTPPARAMS[row["attack_type"]], row["payload"]
            if plain(value) in (hidden if kind == "benign" else seen):
                self.dropped[kind] += 1
                continue
            # Attacks of the test are in the lists.
            shares = (0.7, 0.15) if kind == "benign" else (0.85, 0.15)
            self.known[kind][part_of(value.encode(), *shares)].append(value)

    @staticmethod
    def files(folder, prefixes):
        for prefix in prefixes:
            sub = os.path.join(folder, os.path.dirname(prefix))
            for name in sorted(os.listdir(sub)):
                if name.startswith(os.path.basename(prefix)):
                    yield os.path.join(sub, name.removesuffix(".xz"))

    @staticmethod
    def lines(path):
        comments = "libinjection" in path or "user-agents" in path
        out = {}
        for line in read(path).decode("utf-8", "replace").splitlines():
            if not line.strip() or (comments and line.startswith("#")):
                continue
            out[line.removeprefix("User-Agent: ")] = None
        return list(out)


# ---- text for benign values ---------------------------------------------

def sentences(folder, name):
    text = read(os.path.join(folder, "text", name)).decode("utf-8", "replace")
    return [s.strip() for s in re.split(r"(?<=[.!?])\s+|\n+", text) if 3 < len(s.strip()) < 160]


def log_lines(folder, name):
    text = read(os.path.join(folder, "loghub", name)).decode("utf-8", "replace")
    return list(dict.fromkeys(re.sub(r"^.{16,60}?: ", "", s) for s in text.splitlines() if s))


def domains(folder, name):
    lines = read(os.path.join(folder, "dga", name)).decode("ascii", "replace").split()
    return [s.split(",")[0] for s in lines[1:]]


# ---- requests -----------------------------------------------------------

ESCAPED = re.compile("%[0-9a-fA-F]{2}")


def escape(value, safe=""):
    """A value in a URL. One that was written with escapes keeps them."""
    if ESCAPED.search(value):
        return urllib.parse.quote(value, safe="%+" + safe)
    return urllib.parse.quote(value, safe=safe)


def fill(template, value):
    """(line, body) of a template of the test."""
    kind, line, body = template
    if kind == "j":
        return line, body.replace("{}", json.dumps(value)[1:-1])
    return line.replace("{}", escape(value, "/" if kind == "p" else "")), \
        body.replace("{}", escape(value))


def in_templates(value):
    """The requests of the test with this value, always the same ones."""
    at = int(share(value.encode("utf-8", "replace")) * len(TEMPLATES))
    step = 5			# has no factor in common with their number
    return [fill(TEMPLATES[(at + step * i) % len(TEMPLATES)], value)
            for i in range(TEMPLATES_OF_EACH)]


def log_line(request):
    line, body = request
    entry = {"client": "", "request": line, "body": body}
    return json.dumps(entry, ensure_ascii=False).encode("latin-1", "xmlcharrefreplace")


def tokens(requests):
    """Array of windows (line: index of the request, tokens), as the scorer makes them."""
    done = subprocess.run([TOOL, "--tokens"], input=b"\n".join(map(log_line, requests)),
                          stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, WINDOW)
