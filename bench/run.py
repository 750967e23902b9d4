#!/usr/bin/env python3
"""bench/run.py [--build DIR] [PART ...]: the measurements of the foundation, one line a figure.

Parts: start catalog million pictures kosync kobo ingest scan download kepub (default: all). Needs wrk, nginx (download) and, for catalog and kobo, the corpus generator (CARREL_SHARED, default ../shared). Ratios are within one run; absolute figures depend on the
machine and on what else it does. Everything runs in a temporary folder, on loopback, and is ended by process id.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

from catalog import part_catalog, part_million, part_pictures
from kobo import Kobo, kobos, first_syncs, say_nothing_new, all_at_once
from server import root, family, cpu_seconds, exact_cpu_seconds, resident_mib, free_port, Carrel, import_books, wrk, say, loaded


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
    rate, added, peak = import_books(carrel, books, 2000)
    say("import of 2,000 EPUBs of 170 KB, covers are PNG", f"{rate:.0f} /s", ">= 125 /s")
    say("  RSS of the command and its readers at its peak", f"{peak:.0f} MiB", "<= 400 MiB")
    # Of the books in the order in which they became visible: how long a hundred took.
    at = sorted(uuid_milliseconds(book) for book in added)
    first, last = (at[199] - at[100]), (at[1999] - at[1900])
    say("last hundred / second hundred", f"{last / first:.2f} x", "about 1 x")
    carrel.stop()
    big = loaded(build, folder, 100_000)
    big.start()
    big.rest()
    late, _, _ = import_books(big, books, 2000)
    say("the same into a library of 100,000 books", f"{late:.0f} /s")
    say("  of the rate into an empty one", f"{late / rate:.2f} x", ">= 0.9 x")
    big.stop()


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


parts = {"start": part_start, "catalog": part_catalog, "million": part_million, "pictures": part_pictures, "kosync": part_kosync, "kobo": part_kobo, "ingest": part_ingest, "scan": part_scan, "download": part_download, "kepub": part_kepub}


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
