#!/usr/bin/env python3
"""bench/run.py [--build DIR] [PART ...]: the measurements of the foundation, one line a figure.

Parts: start catalog kosync kobo ingest scan download kepub (default: all). Needs wrk, nginx (download) and, for catalog and kobo, the corpus generator (CARREL_SHARED, default ../shared). Ratios are within one run; absolute figures depend on the
machine and on what else it does. Everything runs in a temporary folder, on loopback, and is ended by process id.
"""
import argparse
import base64
import collections
import gzip
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

root = pathlib.Path(__file__).resolve().parent.parent
shared = pathlib.Path(os.environ.pop("CARREL_SHARED", root.parent / "shared"))  # popped: the server refuses settings it does not know
ticks = os.sysconf("SC_CLK_TCK")


def children(pid):
    out = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                out += children(int(child))
        except OSError:
            pass
    return out


def family(server):
    """The server, its PostgreSQL and its parse processes."""
    return children(server.pid)


def cpu_seconds(pids):
    total = 0.0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / ticks
        except OSError:
            pass
    return total


def exact_cpu_seconds(pids):
    """As cpu_seconds, to the nanosecond: for work that is shorter than a tick. Of threads that live on."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except OSError:
                pass
    return total / 1e9


def resident_mib(pid, what="VmRSS"):
    """Of the program alone; with VmHWM the most that it ever was."""
    return int(re.search(what + r":\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Carrel:
    def __init__(self, build, folder):
        self.binary = str(build / "server" / "carrel")
        self.port = free_port()
        self.log = tempfile.TemporaryFile()
        self.env = dict(os.environ, CARREL_DATA_DIR=str(folder), CARREL_LISTEN=f"127.0.0.1:{self.port}",
                        CARREL_LISTEN_METRICS=f"127.0.0.1:{free_port()}", CARREL_LOG_LEVEL="warn")
        self.process = None

    def run(self, *words, stdin=None, ok=(0,)):
        done = subprocess.run([self.binary, *words, "--json"], env=self.env, input=stdin, capture_output=True, text=True)
        if done.returncode not in ok:
            sys.exit(f"carrel {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout)

    def start(self):
        begun = time.monotonic()
        self.process = subprocess.Popen([self.binary, "serve"], env=self.env, stderr=self.log)
        while True:
            try:
                c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                c.request("GET", "/readyz")
                if c.getresponse().status == 200:
                    return time.monotonic() - begun
            except OSError:
                pass
            if self.process.poll() is not None:
                self.log.seek(0)
                sys.exit("the server ended: " + self.log.read().decode())
            time.sleep(0.005)

    def rest(self, most=900):
        """Waits until what a new library makes the server do by itself is done: rows that were put in know no duplicates yet."""
        end, calm = time.monotonic() + most, 0
        while calm < 4:
            pids = family(self.process)
            before = exact_cpu_seconds(pids)
            time.sleep(0.5)
            calm = calm + 1 if exact_cpu_seconds(pids) - before < 0.02 else 0
            if time.monotonic() > end:
                sys.exit(f"the server was still busy after {most} s")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def account(self):
        self.run("user", "add", "ada", "--role", "owner", "--password-stdin", stdin="bench password\n")
        made = self.run("device", "add", "bench", "--user", "ada", "--kind", "app")
        self.password = made["password"]
        self.basic = "Basic " + base64.b64encode(f"ada:{self.password}".encode()).decode()
        return made

    def get(self, connection, path, status=200):
        connection.request("GET", path, headers={"Authorization": self.basic, "Accept-Encoding": "identity"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != status:
            sys.exit(f"{path}: {answer.status} {body[:200]}")
        return body

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)


def wrk(port, path, connections=16, seconds=5, script=None, headers=()):
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for h in headers:
        words += ["-H", h]
    if script:
        words += ["-s", script]
    out = subprocess.run([*words, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if bad:
        print(f"  (!) {bad.group(1)} answers were not 2xx or 3xx")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def say(name, value, target=""):
    print(f"{name:58} {value:>16}   {target}", flush=True)


def rows_file(folder, count):
    out = folder / f"rows-{count}"
    subprocess.run([sys.executable, str(shared / "corpus/make_corpus.py"), "--out", str(out), "--epub", "0", "--cbz", "0", "--fb2", "0",
                    "--pdf", "0", "--txt", "0", "--audio", "0", "--rows", str(count)], check=True, stdout=subprocess.DEVNULL)
    return out / "books.tsv"


def loaded(build, folder, count):
    """A server with `count` books."""
    data = folder / f"data-{count}"
    data.mkdir()
    env = dict(os.environ, CARREL_DATA_DIR=str(data))
    subprocess.run([str(build / "bench" / "load_rows"), str(rows_file(folder, count))], env=env, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    carrel = Carrel(build, data)
    return carrel


def next_link(body):
    found = re.search(rb'<link rel="next" href="([^"]+)"', body)
    return re.sub(r"^https?://[^/]+", "", found.group(1).decode().replace("&amp;", "&")) if found else None


def walk(carrel, path, pages):
    """CPU seconds a page over a walk of distinct pages, and where it ended."""
    connection = carrel.connect()
    pids = family(carrel.process)
    before = cpu_seconds(pids)
    for _ in range(pages):
        path = next_link(carrel.get(connection, path))
    return (cpu_seconds(family(carrel.process)) - before) / pages, path


def newest_after_change(carrel, times=300):
    """CPU seconds of the newest page, each time after one of its books was edited: no answer can come from a kept body."""
    key = carrel.run("token", "create", "bench", "--scope", "write")["key"]
    connection = carrel.connect()
    page = carrel.get(connection, "/opds/new").decode()
    books = re.findall(r"<id>urn:uuid:([0-9a-f-]{36})</id>\s*<title>", page.split("<entry>", 1)[1])
    spent = 0.0
    for n in range(times):
        connection.request("PATCH", f"/api/v1/books/{books[n % len(books)]}", json.dumps({"publisher": f"Bench {n}"}),
                           {"Authorization": "Bearer " + key, "Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200 or not answer.read():
            sys.exit(f"the edit was answered {answer.status}")
        pids = family(carrel.process)
        before = exact_cpu_seconds(pids)
        body = carrel.get(connection, "/opds/new").decode()
        spent += exact_cpu_seconds(pids) - before
        if f"Bench {n}<" not in body:
            sys.exit("the newest page did not show the edit")
    return spent / times


def part_start(build, folder):
    data = folder / "start"
    data.mkdir()
    carrel = Carrel(build, data)
    say("very first start to first answer", f"{carrel.start():.2f} s", "<= 2 s")
    carrel.stop()
    warm = []
    for _ in range(5):
        warm.append(carrel.start())
        carrel.stop()
    say("warm start to first answer, median of 5", f"{sorted(warm)[2]:.2f} s", "<= 0.3 s")


def part_catalog(build, folder):
    big = loaded(build, folder, 100_000)
    warm = big.start()
    say("warm start to first answer, 100,000 books", f"{warm:.2f} s", "<= 0.3 s")
    begun = time.monotonic()
    big.rest()
    say("the library's own work after the rows were put in", f"{time.monotonic() - begun:.0f} s")
    big.account()
    say("RSS idle, 100,000 books", f"{resident_mib(big.process.pid):.0f} MiB", "<= 48 MiB")
    say("newest page of 50 after a change, CPU with PostgreSQL", f"{newest_after_change(big) * 1000:.2f} ms", "<= 2 ms")
    _, unseen = walk(big, "/opds/new", 50)
    first, _ = walk(big, unseen, 300)
    say("a page of 50 that nobody asked for yet", f"{first * 1000:.2f} ms")
    _, deep_path = walk(big, unseen, 950)
    deep, _ = walk(big, deep_path, 300)
    say("page at position 50,000 / page 1", f"{deep / first:.2f} x", "<= 1.2 x")
    small = loaded(build, folder, 20_000)
    small.start()
    small.rest()
    small.account()
    _, unseen = walk(small, "/opds/new", 50)
    little, _ = walk(small, unseen, 300)
    say("100,000 books / 20,000 books", f"{first / little:.2f} x", "<= 1.2 x")
    small.stop()
    for name, path in (("root", "/opds"), ("newest page", "/opds/new")):
        rate = wrk(big.port, path, 16, 5, headers=[f"Authorization: {big.basic}"])
        say(f"{name} from cache, 16 connections", f"{rate:.0f} /s", ">= 10,000 /s" if name == "root" else "")
    rare, common = words_of_titles(big)
    say("rare-word search, CPU with PostgreSQL", f"{search_cpu(big, rare, 20) * 1000:.2f} ms", "<= 1.5 ms")
    say("common-word search, CPU with PostgreSQL", f"{search_cpu(big, common, 40) * 1000:.2f} ms", "<= 8 ms")
    wrong = [word[:2] + word[3] + word[2] + word[4:] for word in common]
    say("the same words misspelt, CPU with PostgreSQL", f"{search_cpu(big, wrong, 10) * 1000:.2f} ms")
    say("RSS after the loads", f"{resident_mib(big.process.pid):.0f} MiB", "<= 96 MiB")
    big.stop()


def words_of_titles(carrel):
    """Rare ones: title numbers belong to a handful of books each. And the most common ones of six letters and more."""
    connection = carrel.connect()
    rare, seen, path = [], collections.Counter(), "/opds/new?n=200"
    for _ in range(10):
        body = carrel.get(connection, path).decode()
        titles = re.findall(r"<title>([^<]*)</title>", body)
        rare += re.findall(r"<title>[^<]*?(\d{3,4})</title>", body)
        seen.update(word for title in titles for word in set(re.findall(r"[a-z]{6,}", title.lower())))
        path = next_link(body.encode())
    return list(dict.fromkeys(rare))[:20], [word for word, _ in seen.most_common(10)]


def search_cpu(carrel, words, times):
    """CPU seconds of a first page of results."""
    connection, pids = carrel.connect(), family(carrel.process)
    before = cpu_seconds(pids)
    for word in words * times:
        carrel.get(connection, "/opds/search?q=" + word)
    return (cpu_seconds(family(carrel.process)) - before) / (len(words) * times)


lua_put = """
local n = 0
request = function()
  n = n + 1
  local body = string.format('{"document":"%032x","percentage":0.%04d,"device":"bench","device_id":"B","progress":"/body/DocFragment[%d]"}',
                             n % 5000, n % 10000, n)
  return wrk.format("PUT", "/kosync/syncs/progress", {["x-auth-user"]="ada",["x-auth-key"]="KEY",["Content-Type"]="application/json"}, body)
end
"""
lua_get = """
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", string.format("/kosync/syncs/progress/%032x", n % 5000), {["x-auth-user"]="ada",["x-auth-key"]="KEY"})
end
"""


def part_kosync(build, folder):
    data = folder / "kosync"
    data.mkdir()
    carrel = Carrel(build, data)
    carrel.start()
    carrel.account()
    key = hashlib.md5(carrel.password.encode()).hexdigest()
    for name, text in (("put", lua_put), ("get", lua_get)):
        (folder / f"{name}.lua").write_text(text.replace("KEY", key))
    put = wrk(carrel.port, "/", 64, 6, str(folder / "put.lua"))
    say("KOSync durable PUT, 64 connections, own secret", f"{put:.0f} /s", ">= 10,000 /s")
    one = wrk(carrel.port, "/", 1, 3, str(folder / "put.lua"))
    say("KOSync durable PUT, 1 connection", f"{one:.0f} /s")
    get = wrk(carrel.port, "/", 64, 6, str(folder / "get.lua"))
    say("KOSync GET, 64 connections, own secret", f"{get:.0f} /s", ">= 20,000 /s")
    say("RSS after KOSync load", f"{resident_mib(carrel.process.pid):.0f} MiB", "<= 96 MiB")
    carrel.stop()
    alone = subprocess.run([str(build / "bench" / "group_commit")], env=carrel.env, capture_output=True, text=True)
    print(alone.stdout, end="")


class Kobo:
    """A reader that stores the token of each answer and takes what is compressed (kobo.md 3, 6 and Appendix C)."""

    def __init__(self, carrel, secret):
        self.connection = carrel.connect()
        self.path = f"/kobo/{secret}/v1/library/sync?Filter=ALL&DownloadUrlFilter=Generic,Android&PrioritizeRecentReads=true"
        self.headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "x-kobo-deviceid": hashlib.sha256(secret.encode()).hexdigest(),
                        "x-kobo-devicemodel": "Kobo Libra Colour", "x-kobo-appversion": "4.45.23792"}
        self.books, self.tags = set(), 0

    def ask(self):
        """Seconds until the answer was there, what it was and whether more waits."""
        begun = time.perf_counter()
        self.connection.request("GET", self.path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        spent = time.perf_counter() - begun
        if answer.status != 200:
            raise RuntimeError(f"a sync was answered {answer.status} {body[:200]}")
        if answer.getheader("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.headers["x-kobo-synctoken"] = answer.getheader("x-kobo-synctoken")
        return spent, body, answer.getheader("x-kobo-sync") == "continue"

    def first_sync(self, expected):
        """Seconds of each answer. What the answers hold is looked at afterwards."""
        times, bodies, more = [], [], True
        while more:
            spent, body, more = self.ask()
            times.append(spent)
            bodies.append(body)
        books = [item["NewEntitlement"]["BookEntitlement"]["Id"] for body in bodies for item in json.loads(body) if "NewEntitlement" in item]
        if len(books) != expected or len(set(books)) != expected:
            raise RuntimeError(f"expected {expected} books, got {len(books)}")
        return times


def kobos(build, carrel, *groups):
    """Of each group (users, devices each, books on each user's shelf) the secrets of its devices."""
    words = ["x".join(map(str, g)) for g in groups]
    done = subprocess.run([str(build / "bench" / "load_kobos"), *words], env=carrel.env, check=True, capture_output=True, text=True)
    out = {w: [] for w in words}
    for line in done.stdout.splitlines():
        word, secret = line.split()
        out[word].append(secret)
    return list(out.values())


def first_syncs(carrel, secrets, books):
    """Of several readers one after the other: each one's answer times, and CPU seconds a book."""
    readers = [Kobo(carrel, secret) for secret in secrets]
    before = exact_cpu_seconds(family(carrel.process))
    times = [k.first_sync(books) for k in readers]
    return readers, times, (exact_cpu_seconds(family(carrel.process)) - before) / len(secrets) / books


def say_nothing_new(carrel, reader, name, times=1000):
    pids = family(carrel.process)
    before = exact_cpu_seconds(pids)
    spent = []
    for _ in range(times):
        took, body, more = reader.ask()
        if body != b"[]" or more:
            sys.exit("a sync after which nothing changed was not empty")
        spent.append(took)
    cpu = (exact_cpu_seconds(pids) - before) / times
    say(f"{name}, nothing changed: p50", f"{statistics.median(spent) * 1000:.2f} ms", "<= 1 ms")
    say(f"{name}, nothing changed: CPU a request", f"{cpu * 1000:.2f} ms", "<= 0.3 ms")


def all_at_once(carrel, secrets, books):
    """First syncs, each over a connection of its own. What went wrong, and how long it took."""
    errors = []
    together = threading.Barrier(len(secrets) + 1)

    def sync(secret):
        reader = Kobo(carrel, secret)
        reader.connection.connect()
        together.wait()
        try:
            reader.first_sync(books)
        except Exception as e:
            errors.append(str(e))

    threads = [threading.Thread(target=sync, args=(secret,)) for secret in secrets]
    for t in threads:
        t.start()
    together.wait()
    begun = time.monotonic()
    for t in threads:
        t.join()
    return errors, time.monotonic() - begun


def part_kobo(build, folder):
    carrel = loaded(build, folder, 20_000)
    thousand, five, twenty, family_readers = kobos(build, carrel, (1, 3, 1000), (1, 3, 5000), (1, 1, 20_000), (30, 10, 78))
    carrel.start()
    carrel.rest()
    readers, times, cpu = first_syncs(carrel, thousand, 1000)
    say("first sync of 1,000 books, median of 3", f"{statistics.median(map(sum, times)):.2f} s", "<= 0.25 s")
    say("first sync of 1,000 books, CPU a book with PostgreSQL", f"{cpu * 1000:.3f} ms", "<= 0.2 ms")
    say_nothing_new(carrel, readers[0], "1,000 books")
    _, times, _ = first_syncs(carrel, five, 5000)
    say("first sync of 5,000 books, median of 3", f"{statistics.median(map(sum, times)):.2f} s", "<= 1.2 s")
    say("  slowest page / median page, median of 3", f"{statistics.median(max(t) / statistics.median(t) for t in times):.2f} x", "<= 2 x")
    readers, times, _ = first_syncs(carrel, twenty, 20_000)
    say("first sync of 20,000 books", f"{sum(times[0]):.2f} s")
    say("  an answer, p95", f"{statistics.quantiles(times[0], n=20)[-1] * 1000:.0f} ms", "<= 150 ms")
    say("  the slowest answer", f"{max(times[0]) * 1000:.0f} ms")
    say_nothing_new(carrel, readers[0], "20,000 books", 300)
    carrel.stop()

    carrel.start()
    before = resident_mib(carrel.process.pid)
    errors, spent = all_at_once(carrel, family_readers, 78)
    if errors:
        sys.exit(f"{len(errors)} of 300 first syncs at once failed: {errors[0]}")
    say("300 first syncs of 78 books at once", f"{spent:.2f} s", "no error")
    say("  RSS before", f"{before:.0f} MiB")
    say("  RSS afterwards", f"{resident_mib(carrel.process.pid):.0f} MiB", "<= 96 MiB")
    say("  RSS at its peak (VmHWM)", f"{resident_mib(carrel.process.pid, 'VmHWM'):.0f} MiB", "<= 96 MiB")
    carrel.stop()

    big = loaded(build, folder, 100_000)
    (thousand,) = kobos(build, big, (1, 5, 1000))
    big.start()
    big.rest()
    first = [Kobo(big, secret).ask()[0] for secret in thousand]
    say("first page of 1,000 out of 100,000 books, median of 5", f"{statistics.median(first) * 1000:.0f} ms", "<= 50 ms")
    say("  the very first", f"{first[0] * 1000:.0f} ms")
    big.stop()


def part_ingest(build, folder):
    books = folder / "books"
    subprocess.run([sys.executable, str(root / "bench" / "make_books.py"), str(books), "2000"], check=True)
    data = folder / "ingest"
    data.mkdir()
    carrel = Carrel(build, data)
    carrel.start()
    begun = time.monotonic()
    done = carrel.run("ingest", "--approve", "--keep", str(books))
    spent = time.monotonic() - begun
    if len(done["added"]) != 2000:
        sys.exit(f"expected 2,000 books, got {len(done['added'])}")
    say("import of 2,000 EPUBs of 170 KB, covers are PNG", f"{2000 / spent:.0f} /s", ">= 100 /s")
    # Of the books in the order in which they became visible: how long a hundred took.
    at = sorted(uuid_milliseconds(row["book"]) for row in done["added"])
    first, last = (at[199] - at[100]), (at[1999] - at[1900])
    say("last hundred / second hundred", f"{last / first:.2f} x", "about 1 x")
    carrel.stop()


scanned_files = 100_000


def part_scan(build, folder):
    """A folder that is read in place and has not changed: names, inodes, sizes and times against the database."""
    tree = folder / "tree"
    write_book(folder / "book.epub", 1, 500)
    bytes_of_book = (folder / "book.epub").read_bytes()
    for i in range(scanned_files):
        if i % 100 == 0:
            (tree / f"{i // 10_000}" / f"{i // 100}").mkdir(parents=True, exist_ok=True)
        (tree / f"{i // 10_000}" / f"{i // 100}" / f"{i}.epub").write_bytes(bytes_of_book)
    carrel = Carrel(build, folder / "data")
    carrel.env["CARREL_LIBRARY_ROOTS"] = str(folder.resolve())
    carrel.run("library", "add", "Bench", str(tree), "--in-place")
    first = carrel.run("library", "scan", "Bench", "--wait")
    if first["books"] != 1 or first["duplicates"] != scanned_files - 1:
        sys.exit(f"scan: {first}")
    rates = []
    for _ in range(5):
        again = carrel.run("library", "scan", "Bench", "--wait")
        rates.append(scanned_files / max(again["scan_ms"], 1) * 1000)
    say(f"{scanned_files:,} unchanged files looked through again, files/s", f"{statistics.median(rates):,.0f} (slowest {min(rates):,.0f})", "20,000")


def uuid_milliseconds(text):
    """When an id of version 7 was made; that of a book is made just before its row is committed."""
    return int(text.replace("-", "")[:12], 16)


def part_download(build, folder):
    data = folder / "download"
    data.mkdir()
    carrel = Carrel(build, data)
    carrel.start()
    carrel.account()
    big = folder / "big"
    subprocess.run([sys.executable, str(root / "bench" / "make_books.py"), str(big), "1", str(10 << 20)], check=True)
    carrel.run("ingest", "--approve", "--keep", str(big))
    connection = carrel.connect()
    body = carrel.get(connection, "/opds/new").decode()
    path = re.search(r'href="https?://[^/]+(/opds/dl/[^"]+)"', body).group(1)
    www = folder / "www"
    www.mkdir()
    source = next(big.rglob("*.epub"))
    shutil.copy(source, www / "book.epub")
    os.chmod(folder, 0o755)
    conf = folder / "nginx.conf"
    theirs_at = free_port()
    conf.write_text(f"""worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ }} http {{ sendfile on; tcp_nopush on; access_log off; server {{ listen 127.0.0.1:{theirs_at}; root {www}; }} }}""")
    nginx = subprocess.Popen(["nginx", "-c", str(conf)], stderr=subprocess.DEVNULL)
    time.sleep(1)
    ours, theirs = [], []
    for _ in range(3):
        ours.append(wrk(carrel.port, path, 4, 3, headers=[f"Authorization: {carrel.basic}"]))
        theirs.append(wrk(theirs_at, "/book.epub", 4, 3))
    nginx.terminate()
    nginx.wait()
    say("10 MB download / nginx", f"{sorted(ours)[1] / sorted(theirs)[1]:.2f} x", ">= 0.85 x")
    carrel.stop()


def write_book(path, chapters, bytes_each):
    """An EPUB of that many chapters of prose, of about that many bytes each. Returns the bytes of its documents."""
    words = "the lamp was lit and nobody came to a house by river where she had waited long for some word of it, as if winter could not end".split()
    rng = random.Random(chapters)
    total = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip")
        z.writestr("META-INF/container.xml", '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                   '<rootfile full-path="p.opf" media-type="application/oebps-package+xml"/></rootfiles></container>')
        items = "".join(f'<item id="c{i}" href="c{i}.xhtml" media-type="application/xhtml+xml"/>' for i in range(chapters))
        spine = "".join(f'<itemref idref="c{i}"/>' for i in range(chapters))
        z.writestr("p.opf", '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i"><metadata '
                   'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="i">urn:carrel:bench</dc:identifier><dc:title>Long</dc:title>'
                   f'<dc:language>en</dc:language></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>')
        for i in range(chapters):
            text, length = [f"<h2>{i}</h2>"], 0
            while length < bytes_each:
                sentences = [" ".join(rng.choice(words) for _ in range(rng.randint(4, 25))).capitalize() + rng.choice(".?!") for _ in range(rng.randint(1, 8))]
                text.append("<p>" + " ".join(sentences) + "</p>\n")
                length += len(text[-1])
            document = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>c</title></head><body>' + "".join(text) + "</body></html>"
            total += len(document)
            z.writestr(f"c{i}.xhtml", document)
    return total


def convert_book(build, book, times):
    """Of several conversions by the command the median of its milliseconds, and the most memory that one of them had, in MiB."""
    spent, most = [], 0
    for _ in range(times):
        out = book.with_suffix(".kepub.epub")
        child = subprocess.Popen([str(build / "server" / "carrel"), "--json", "kepub", str(book), str(out)], stdout=subprocess.PIPE)
        answer = json.loads(child.stdout.read())
        _, status, usage = os.wait4(child.pid, 0)
        child.stdout.close()
        child.returncode = status
        if status != 0:
            sys.exit("a conversion failed")
        spent.append(answer["milliseconds"])
        most = max(most, usage.ru_maxrss / 1024)
    return statistics.median(spent), most


def part_kepub(build, folder):
    small, novel, long = folder / "small.epub", folder / "novel.epub", folder / "long.epub"
    write_book(small, 1, 1000)
    write_book(novel, 20, 50_000)
    size = write_book(long, 400, 100_000)
    _, base = convert_book(build, small, 3)
    spent, _ = convert_book(build, novel, 9)
    say("KEPUB of a novel of 1 MB, median of 9", f"{spent:.0f} ms", "<= 60 ms")
    spent, most = convert_book(build, long, 3)
    say("KEPUB of 40 MB of XHTML in 400 documents, one core", f"{size / 1e6 / spent * 1000:.0f} MB/s", ">= 40 MB/s")
    say("  memory above that of a book of a page", f"{most - base:.0f} MiB", "<= 32 MiB")


parts = {"start": part_start, "catalog": part_catalog, "kosync": part_kosync, "kobo": part_kobo, "ingest": part_ingest, "scan": part_scan, "download": part_download, "kepub": part_kepub}


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--build", default=str(root / "build" / "release"))
    words.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    given = words.parse_args()
    for name in given.parts or parts:
        if name not in parts:
            words.error(f"there is no part {name}")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="carrel-bench-"))
        os.chmod(folder, 0o755)
        try:
            parts[name](pathlib.Path(given.build).resolve(), folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


main()
