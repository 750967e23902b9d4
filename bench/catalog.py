"""The catalog as reading apps ask for it: pages, searches, pictures, and what has not changed."""

import collections
import json
import re
import subprocess
import sys
import time

from server import root, family, cpu_seconds, exact_cpu_seconds, resident_mib, Carrel, import_books, wrk, say, loaded


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
        pids = family(big.process)
        before = exact_cpu_seconds(pids)
        rate = wrk(big.port, path, 16, 5, headers=[f"Authorization: {big.basic}"])
        spent = (exact_cpu_seconds(pids) - before) / (rate * 5)
        say(f"{name} from cache, 16 connections, own password", f"{rate:.0f} /s", ">= 10,000 /s" if name == "root" else ">= 600 /s")
        say("  CPU with PostgreSQL", f"{spent * 1000:.3f} ms", "<= 0.1 ms" if name == "root" else "")
    tag = etag_of(big, "/opds/new")
    unchanged = wrk(big.port, "/opds/new", 16, 5, headers=[f"Authorization: {big.basic}", f"If-None-Match: {tag}"], expected=304)
    say("304 of the newest page, 16 connections, own password", f"{unchanged:.0f} /s", ">= 30,000 /s")
    rare, common = words_of_titles(big)
    say("rare-word search, CPU with PostgreSQL", f"{search_cpu(big, rare, 20) * 1000:.2f} ms", "<= 1.5 ms")
    say("common-word search, CPU with PostgreSQL", f"{search_cpu(big, common, 40) * 1000:.2f} ms", "<= 8 ms")
    wrong = [word[:2] + word[3] + word[2] + word[4:] for word in common]
    say("the same words misspelt, CPU with PostgreSQL", f"{search_cpu(big, wrong, 10) * 1000:.2f} ms")
    say("RSS after the loads", f"{resident_mib(big.process.pid):.0f} MiB", "<= 96 MiB")
    big.stop()


def etag_of(carrel, path):
    connection = carrel.connect()
    connection.request("GET", path, headers={"Authorization": carrel.basic})
    answer = connection.getresponse()
    answer.read()
    return answer.getheader("ETag")


def part_pictures(build, folder):
    """Covers of books that came in as files: the rows of the other parts have none."""
    books = folder / "books"
    subprocess.run([sys.executable, str(root / "bench" / "make_books.py"), str(books), "50"], check=True)
    data = folder / "pictures"
    data.mkdir()
    carrel = Carrel(build, data)
    carrel.start()
    carrel.account()
    import_books(carrel, books, 50)
    carrel.rest()
    page = carrel.get(carrel.connect(), "/opds/new").decode()
    thumbnail = re.search(r'rel="http://opds-spec.org/image/thumbnail"[^>]*href="https?://[^/]+([^"]+)"', page) or \
        re.search(r'href="https?://[^/]+([^"]+)"[^>]*rel="http://opds-spec.org/image/thumbnail"', page)
    path = thumbnail.group(1).replace("&amp;", "&")
    rate = wrk(carrel.port, path, 16, 5, headers=[f"Authorization: {carrel.basic}"])
    say(f"a thumbnail of {len(carrel.get(carrel.connect(), path)):,} bytes, 16 connections, own password", f"{rate:.0f} /s", ">= 15,000 /s")
    tag = etag_of(carrel, path)
    unchanged = wrk(carrel.port, path, 16, 5, headers=[f"Authorization: {carrel.basic}", f"If-None-Match: {tag}"], expected=304)
    say("304 of it", f"{unchanged:.0f} /s", ">= 30,000 /s")
    carrel.stop()


def part_million(build, folder):
    """What must stay within twice its figure of 100,000 books; right after the rows were put in, while duplicates are looked for."""
    figures = []
    for count in (100_000, 1_000_000):
        server = loaded(build, folder, count)
        started = server.start()
        server.account()
        server.rest() if count == 100_000 else time.sleep(20)
        _, unseen = walk(server, "/opds/new", 50)
        page, _ = walk(server, unseen, 200)
        rare, common = words_of_titles(server)
        figures.append((started, page, search_cpu(server, rare, 10), search_cpu(server, common, 20), resident_mib(server.process.pid)))
        server.stop()
    for name, small, big, unit in zip(("start to first answer", "a page of 50", "rare-word search", "common-word search", "RSS"), *figures,
                                      (1, 1000, 1000, 1000, 1)):
        say(f"1,000,000 books: {name}", f"{big * unit:.2f}", f"{small * unit:.2f} at 100,000: {big / small:.2f} x")


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
