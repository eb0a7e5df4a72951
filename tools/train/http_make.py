#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Made-up requests: harmless values, sites, and attacks put into them.

Lives here: values that people and programs send, sites that they are sent to,
and CSIC's normal requests spoilt. What doesn't: lists (http_data.py), and how
attacks are written (http_attack.py).
"""
import base64
import string
import urllib.parse

from http_attack import Attacks

EXTENSIONS = ("", "", "", "/", ".php", ".html", ".asp", ".jsp", ".do", ".json", ".cgi", ".js", ".css", ".png",
              ".jpg", ".gif", ".svg", ".woff2", ".pdf", ".xml", ".txt")
# Words of attacks that people use as well.
HARD = """select union insert update delete drop table from where order by group having or and not like in
between null exec script alert confirm prompt style iframe onload image body passwd etc bin cat ls id ping echo sleep
wait delay benchmark char concat version user database root shell cmd system windows file include eval script
document cookie location window javascript admin count limit join values into set case when then else end
create alter grant exists all any distinct top if""".split()


class Maker(Attacks):
    """Attacks, harmless values, and requests with either."""

    def __init__(self, seed, text):
        super().__init__(seed, text)
        self.exacts = [self.draw_exact() for _ in range(10000)]
        self.filling = [self.benign() for _ in range(20000)]

    def hard(self):
        """Words and signs of attacks as people use them."""
        words = self.r.choice(self.text["sentences"]).split()[:8]
        for _ in range(self.r.randint(1, 4)):
            words.insert(self.r.randint(0, len(words)), self.r.choice(HARD))
        s = " ".join(words)
        x = self.r.random()
        if x < 0.35:
            return s
        if x < 0.45:
            return s.upper().replace(" ", self.one("-", "_", " "))
        if x < 0.6:
            a, b = self.word(), self.word()
            return self.one("%s & %s", "%s-%s", "%s or %s", "%s and %s", "select %s from %s", "%s's %s", "%s/%s", "%s (%s)", "%s; %s", "%s | %s", "union of %s and %s", "\"%s %s\"", "'%s %s'", "%s + %s", "%s = %s",
                            "%s -- %s", "%s > %s", "#%s %s", "%s, %s", "%s: %s", "%s > %s", "%s <%s>", "%s*%s", "the %s of '%s'", "drop the %s %s", "o'%s %s", "%s %% %s", "where is %s in %s", "like %s, %s",
                            "and %s or %s", "%s=%s", "if %s then %s", "how to select %s in %s", "insert %s into %s", "order %s by %s", "delete %s from %s", "update %s set %s", "%s's and %s's", "%s... %s") % (a, b)
        if x < 0.72:
            n = self.number
            return self.one(f"{n(2)}-{n(1)}-{self.word()}", f"{self.word()}-{n(3)}", f"{n(2)}+{n(2)}={n(3)}", f"{n(1)}/{n(1)}", f"{n(3)} - {n(3)}", f"{n(2)}%", f"-{n(3)}", f"#{n(3)}", f"{n(2)}' {n(1)}\"",
                            f"({n(3)}) {n(3)}-{n(4)}", f"{n(2)}x{n(2)}", f"1 or {n(1)} {self.word()}", f"{n(1)} and {n(1)}", f"{n(2)}*{n(2)}", f"{n(3)}={n(3)}", f"<{n(2)}", f">{n(2)}", f"${n(3)}.{n(2)}", f"{n(2)} & {n(2)}",
                            f"{self.word()} {n(2)}-{n(2)}", f"{n(2)} or {n(2)}", f"{self.word()} #{n(2)}", f"{n(2)};{n(2)};{n(2)}", f"{n(1)}--{n(1)}", f"{n(2)} like {self.word()}")
        if x < 0.82:
            return self.one("-", "_", "--", " - ", "'", "/").join(self.r.choice(HARD) if self.r.random() < 0.4 else self.word() for _ in range(self.r.randint(2, 6)))
        if x < 0.9:
            return self.r.choice(self.text["names"]) + self.one("'s", " o'", " d'", "-", " & ", " and ", ", ") + self.r.choice(self.text["names"]) + self.maybe(0.3, " " + self.r.choice(HARD))
        return s + self.one("?", "!", ":)", ";)", " :-(", "...", " <3", " \\o/", "!!!", " (sic)", " --" + self.word(), " *grin*", " #" + self.word(), " @" + self.word(), " ;-)", " :/", " '", " xd", " ->", " =)")

    def exact(self):
        """What programs send."""
        return self.r.choice(self.exacts)

    def draw_exact(self):
        r, n = self.r, self.number
        return r.choice((
            n(), n(3), n(10), "%s.%s" % (n(3), n(2)), "-" + n(3), "true", "false", "on", "1", "0", "", "asc", "desc", self.letters(1, 2), "en-us", "de_de", self.letters(8, 40, "0123456789abcdef"),
            "%04d-%02d-%02d" % (r.randint(1970, 2030), r.randint(1, 12), r.randint(1, 28)), "%02d:%02d:%02d" % (r.randrange(24), r.randrange(60), r.randrange(60)),
            "-".join(self.letters(k, k, "0123456789abcdef") for k in (8, 4, 4, 4, 12)), base64.b64encode(r.randbytes(r.randint(6, 60))).decode(), base64.urlsafe_b64encode(r.randbytes(24)).decode(),
            "%s@%s" % (self.letters(), r.choice(self.text["domains"])), "http://%s/%s/%s" % (r.choice(self.text["domains"]), self.word(), self.word()), "https://www.%s/" % r.choice(self.text["domains"]),
            "https://%s/%s?%s=%s&%s=%s" % (r.choice(self.text["domains"]), self.word(), self.word(), n(), self.word(), self.word()), r.choice(self.text["domains"]), "/%s/%s" % (self.word(), self.word()),
            "/%s/%s%s" % (self.word(), self.word(), r.choice(EXTENSIONS)), "%s.%s.%s.%s" % (n(2), n(2), n(2), n(2)), "%s:%s" % (self.word(), n(3)), "%s,%s,%s" % (n(3), n(3), n(3)), "[%s,%s]" % (n(2), n(2)),
            '{"%s":"%s","%s":%s}' % (self.word(), self.word(), self.word(), n()), "%s_%s" % (self.word(), self.word()), "%s-%s-%s" % (self.word(), self.word(), n()), "v%s.%s.%s" % (n(1), n(2), n(2)),
            "%s.%s" % (self.word(), r.choice(("jpg", "png", "pdf", "zip", "docx", "js", "mp4"))), "#" + self.letters(6, 6, "0123456789abcdef"), "mozilla/5.0 (%s; rv:%s.0) gecko/%s %s/%s.%s (%s)" % (
                self.one("x11; linux x86_64", "windows nt 10.0; win64; x64", "macintosh; intel mac os x 10_15"), n(2), n(5), self.word(), n(2), n(1), self.word()),
            self.letters(6, 14, string.ascii_letters + string.digits + "!$_-.*"), "%s|%s" % (self.word(), self.word()), "%s;%s" % (self.word(), self.word()), "(%s)" % n(3), "%s~%s" % (n(4), n(4)), "{%s}" % self.letters(),
            "%s %s" % (n(2), self.word()), "+%s %s %s" % (n(2), n(3), n(7)), "%sT%sZ" % (n(8), n(6)), "text/%s; q=0.%s" % (self.word(), n(1)), "c:\\%s\\%s.%s" % (self.word(), self.word(), self.letters(3, 3)), "\u00fc\u00e9" + self.word(),
            "".join(chr(r.randrange(0x4e00, 0x9000)) for _ in range(r.randint(2, 9))), "".join(chr(r.randrange(0x430, 0x450)) for _ in range(r.randint(3, 12)))))

    def benign(self):
        x, t = self.r.random(), self.text
        if x < 0.3:
            return self.exact()
        if x < 0.42:
            return self.word()
        if x < 0.62:
            return self.hard()
        if x < 0.72:
            return self.r.choice(t["sentences"])
        if x < 0.78:
            return " ".join(self.word() for _ in range(self.r.randint(2, 5)))
        if x < 0.83:
            return self.r.choice(t["names"]) + self.maybe(0.6, " " + self.r.choice(t["names"]))
        if x < 0.88:
            return self.r.choice(t["logs"])[:120]
        return self.r.choice(t["params"])

    # ---- requests -------------------------------------------------------

    def path(self):
        parts = [self.word() if self.r.random() < 0.8 else self.exact() for _ in range(self.r.choice((0, 1, 1, 2, 2, 3, 3, 4)))]
        case = self.one(str, str, str, str.capitalize, str.upper)
        return "/" + urllib.parse.quote("/".join(case(p) for p in parts), safe="/") + (self.r.choice(EXTENSIONS) if parts else "")

    def key(self):
        return self.one(self.word(), self.word(), self.letters(1, 3), "%s_%s" % (self.word(), self.word()), self.word() + self.word().capitalize(), "id", "q", "p", "s", self.word() + "[]",
                        self.word() + self.number(1), self.word() + "Id", "utm_source", "_")

    def encode(self, value):
        """In a URL; attacks that are written with escapes keep them."""
        safe = self.one("", "", "/:,", "()'*!,;:@/~")
        if "%" in value and self.r.random() < 0.97:
            safe += "%"
        s = self.one(urllib.parse.quote, urllib.parse.quote_plus)(value, safe=safe)
        return s.replace("%", "%25") if self.r.random() < 0.02 and "%" not in value else s

    def request(self, value=None):
        """(line, body) of a made-up site, with the value somewhere in it."""
        n = self.r.choice((0, 1, 1, 2, 2, 3, 4, 5, 7, 9))
        pairs = [(self.key(), self.encode(self.r.choice(self.filling))) for _ in range(n)]
        path, x = self.path(), self.r.random()
        if value is not None and x < 0.07:
            path = path.rstrip("/") + "/" + urllib.parse.quote(value, safe="/%")
        elif value is not None and x < 0.17:
            return self.json_request(path, value)
        elif value is not None:
            pairs.insert(self.r.randint(0, n), (self.key(), self.encode(value)) if x < 0.96 else (self.encode(value), ""))
        text = "&".join(k + "=" + v if v or self.r.random() < 0.9 else k for k, v in pairs)
        host = self.maybe(0.1, "http://" + self.r.choice(self.text["domains"]))
        version = self.one(" HTTP/1.1", " HTTP/1.1", " HTTP/1.0", " HTTP/2.0")
        if self.r.random() < 0.35 and pairs:
            cut = self.maybe(0.2, "?%s=%s" % (self.key(), self.number()))
            return self.one("POST ", "POST ", "PUT ") + host + path + cut + version, text
        return self.one("GET ", "GET ", "GET ", "HEAD ", "DELETE ", "OPTIONS ") + host + path + self.maybe(1.0 if pairs else 0.03, "?" + text) + version, ""

    def json_request(self, path, value):
        pairs = [(self.key(), self.r.choice(self.filling)) for _ in range(self.r.randint(0, 4))]
        pairs.insert(self.r.randint(0, len(pairs)), (self.key(), value))
        escaped = (v.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") for _, v in pairs)
        return "POST " + path + " HTTP/1.1", "{" + ",".join('"%s":%s"%s"' % (k, self.maybe(0.5, " "), v) for (k, _), v in zip(pairs, escaped)) + "}"


def tamper(make, pairs, i):
    """A parameter as CSIC's tool spoils it: renamed, emptied, or with a sign that isn't its own."""
    name, _, value = pairs[i].partition("=")
    x = make.r.random()
    if x < 0.4 or name in ("direccion", "pwd", "password"):
        return name + "A=" + value
    if x < 0.5:
        return name + "=" + make.one("+", "%2520", "%3F", "")
    if x < 0.9:
        return name + "=" + value + make.one("%2F", "%3F", "%2520", "+", "%2B", "%27", "%4040", "*", "%2C", ".", "A", "%3B", "par")
    return name + "=" + make.one("%2F", "%3F", "%2B", "%27", "*", "%2C", ".*%3F", "%4040") + value


def forge(requests, make, known):
    """CSIC's normal requests with one value replaced by an attack of another list, or spoilt."""
    out, label = [], []
    for line, body in requests:
        at, query = ("body", body) if body else ("line", line.split(" ")[1].partition("?")[2])
        if not query:
            continue
        pairs = query.split("&")
        i, kind = make.r.randrange(len(pairs)), make.one("sqli", "xss", "traversal", "command")
        if make.r.random() < 0.65:
            kind, pairs[i] = "other", tamper(make, pairs, i)
        else:
            value = make.r.choice(known[kind]["train"]) if make.r.random() < 0.4 else getattr(make, kind)()
            name, _, old = pairs[i].partition("=")
            pairs[i] = name + "=" + make.maybe(0.4, old) + make.encode(value)
        new = "&".join(pairs)
        out.append((line, new) if at == "body" else (line.replace(query, new), ""))
        label.append(("benign", "sqli", "xss", "traversal", "command", "other").index(kind))
    return out, label
