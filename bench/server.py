"""A server to measure, with its own data: starting it, asking it, and what it and its PostgreSQL use."""

import base64
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

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


def import_books(carrel, books, count):
    """Books a second, the ids in the order in which they became visible, and the most memory that the command and its readers had."""
    begun, peak = time.monotonic(), 0.0
    with tempfile.TemporaryFile("w+") as out:
        running = subprocess.Popen([carrel.binary, "ingest", "--approve", "--keep", "--json", str(books)], env=carrel.env, stdout=out)
        while running.poll() is None:
            peak = max(peak, sum(resident_or_none(pid) for pid in family(running)))
            time.sleep(0.1)
        spent = time.monotonic() - begun
        out.seek(0)
        done = json.loads(out.read())
    if running.returncode != 0 or len(done["added"]) != count:
        sys.exit(f"ingest: {running.returncode}, {len(done['added'])} of {count} books")
    return count / spent, [row["book"] for row in done["added"]], peak


def resident_or_none(pid):
    try:
        return resident_mib(pid)
    except (OSError, AttributeError):
        return 0.0


def wrk(port, path, connections=16, seconds=5, script=None, headers=(), expected=None):
    """Answers a second. With `expected` one question is asked first and must get that status."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for h in headers:
        words += ["-H", h]
    if script:
        words += ["-s", script]
    if expected:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        c.request("GET", path, headers=dict(h.split(": ", 1) for h in headers))
        if (status := c.getresponse().status) != expected:
            sys.exit(f"{path}: {status}, not {expected}")
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
