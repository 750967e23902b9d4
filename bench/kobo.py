"""Kobos that sync for the first time, one after the other or all at once, and again."""

import gzip
import hashlib
import json
import statistics
import subprocess
import sys
import threading
import time

from server import family, exact_cpu_seconds, say


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
