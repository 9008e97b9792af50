# SPDX-License-Identifier: Apache-2.0
"""Runs the peers of a test or bench on loopback, measures them, and leaves none behind.

    with Stage() as stage:
        ports = stage.ports(2)
        server = stage.start(peer_configs.envoy_hbone_server(stage, listen=ports[0], to=8080, identity=server_identity))
        before = server.cpu_ns()

A stage owns a work folder and every process started on it. Leaving the `with` block, an exception, SIGINT, SIGTERM or
SIGHUP ends them all by their own process groups; if Python itself is killed, the kernel kills them (PDEATHSIG).
With `root=` the stage lives inside a root folder of another distribution: a program with `inside=True` is run there.
"""

import ctypes
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

PROJECT = pathlib.Path(__file__).resolve().parents[2]
READY_SECONDS = 20.0
STOP_SECONDS = 3.0
PR_SET_PDEATHSIG = 1
CLONE_NEWNS, MS_PRIVATE, MS_REC = 0x20000, 1 << 18, 1 << 14
LISTEN_STATE = "0A"
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Program:
    """What to run: paths in `argv` are those the program sees, `ports` must listen before it counts as started."""

    name: str
    argv: list
    ports: list = field(default_factory=list)
    ready_line: str = ""
    inside: bool = False
    environment: dict = field(default_factory=dict)


class PeerFailure(Exception):
    """A peer did not start, or ended early. Carries the last lines it wrote."""


class Process:
    """One running program and everything /proc says about it. Threads are included in every figure."""

    def __init__(self, program, popen, out, err):
        self.program = program
        self.popen = popen
        self.pid = popen.pid
        self.out, self.err = out, err

    @property
    def is_alive(self):
        return self.popen.poll() is None

    def cpu_ns(self):
        """Nanoseconds on a CPU, all living threads summed (an ended thread takes its share with it)."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total

    def cpu_ticks_seconds(self):
        """User and system seconds from /proc/PID/stat: coarse (10 ms), but counts threads that ended."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_anon_bytes(self):
        return self._status("RssAnon") * 1024

    def threads(self):
        return self._status("Threads")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def output(self):
        return self.out.read_text(errors="replace")

    def errors(self):
        return self.err.read_text(errors="replace")

    def counters(self, seconds=2.0):
        """Asks one of our own programs for its counters: SIGUSR1 in, one JSON line out."""
        seen = len(self.output().splitlines())
        self.popen.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            text = self.output()
            lines = text.splitlines()
            if len(lines) > seen and text.endswith("\n"):
                return json.loads(lines[-1])
            time.sleep(0.01)
        raise PeerFailure(f"{self.program.name}: no counters after SIGUSR1")

    def stop(self, signal_number=signal.SIGTERM, seconds=STOP_SECONDS):
        """Ends the process group, gently first. Returns the exit status (negative: the signal that ended it)."""
        if self.is_alive:
            self._signal_group(signal_number)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self._signal_group(signal.SIGKILL)  # Also whatever it forked and left behind.
        return self.popen.wait()

    def _signal_group(self, number):
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def _status(self, key):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise PeerFailure(f"{self.program.name}: no {key} in /proc/{self.pid}/status")


class Stage:
    """A work folder plus the processes on it."""

    def __init__(self, root=None, keep=False, priority=None):
        self.root = pathlib.Path(root).resolve() if root else None
        self.priority = priority  # A nice value for everything started here; a bench wants to go before its neighbours.
        self.keep = keep
        self.processes = []
        self._taken = set()
        self._old_handlers = {}
        parent = self.root / "tmp" if self.root else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="skein-", dir=parent))

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._old_handlers[number] = signal.signal(number, _end_by_signal)
        return self

    def __exit__(self, *_):
        self.stop_all()
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop_all(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()

    def stop(self, *processes):
        for process in processes:
            process.stop()
            self.processes.remove(process)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def seen(self, path, inside):
        """The path as the program will see it: a program inside the root folder has another top."""
        if not (inside and self.root):
            return str(path)
        return "/" + str(pathlib.Path(path).resolve().relative_to(self.root))

    def bring(self, path, inside):
        """A host program made visible inside the root folder (copied once into the work folder)."""
        if not (inside and self.root):
            return str(path)
        copy = self.folder / pathlib.Path(path).name
        if not copy.exists():
            shutil.copy2(path, copy)
        return self.seen(copy, inside)

    def ports(self, count):
        """Free loopback ports below the kernel's ephemeral range, so that no client socket can sit on them."""
        found = []
        while len(found) < count:
            port = random.randrange(20000, 32000)
            if port not in self._taken and _is_free(port):
                self._taken.add(port)
                found.append(port)
        return found

    def start(self, program, cpu=None):
        """Starts a program, pinned to one CPU if asked, and waits until all its ports listen."""
        label = f"{program.name}-{len(list(self.folder.glob('*.out')))}"
        out, err = self.folder / (label + ".out"), self.folder / (label + ".err")
        root = str(self.root) if program.inside and self.root else None
        with out.open("wb") as out_file, err.open("wb") as err_file:
            popen = subprocess.Popen(
                program.argv, stdin=subprocess.DEVNULL, stdout=out_file, stderr=err_file, start_new_session=True,
                env={**os.environ, **program.environment}, preexec_fn=lambda: prepare_child(cpu, root, self.priority))
        process = Process(program, popen, out, err)
        self.processes.append(process)
        self._wait_ready(process)
        return process

    def _wait_ready(self, process):
        program = process.program
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if not process.is_alive:
                raise PeerFailure(f"{program.name} ended with {process.popen.returncode}: {_tail(process)}")
            if set(program.ports) <= listening_ports() and _has_line(process, program.ready_line):
                return
            time.sleep(0.02)
        raise PeerFailure(f"{program.name} is not ready after {READY_SECONDS:.0f} s: {_tail(process)}")


def listening_ports():
    """Ports in LISTEN, read from the kernel: a probing connection would travel on to the backend and be counted."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(table):
            continue
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN_STATE:
                found.add(int(fields[1].rsplit(":", 1)[1], 16))
    return found


def prepare_child(cpu, root, priority=None):
    """For `preexec_fn`: runs in the child between fork and exec."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    end_with_parent()
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    if priority is not None:
        os.setpriority(os.PRIO_PROCESS, 0, priority)
    if root:
        _enter(root)


def _enter(root):
    """Changes to the root folder, with /proc (Swift reads its arguments there) in a mount namespace that ends with us."""
    done = [_libc.unshare(CLONE_NEWNS), _libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None),
            _libc.mount(b"proc", os.fsencode(f"{root}/proc"), b"proc", 0, None)]
    if any(done):
        raise OSError(ctypes.get_errno(), "no mount namespace for the root folder")
    os.chroot(root)
    os.chdir("/")


def end_with_parent():
    """From now on the kernel kills this process when the one that started it dies."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _end_by_signal(number, _frame):
    raise SystemExit(128 + number)


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def _has_line(process, wanted):
    return not wanted or wanted in process.output().splitlines()


def _tail(process):
    text = (process.errors().strip() or process.output().strip()).splitlines()
    return " | ".join(text[-5:]) or "it wrote nothing"
