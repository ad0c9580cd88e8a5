"""lib: what the scripts of this folder share: TAP, and namespaces that always go away.

A script runs as root, makes its own namespaces through `Net` and prints TAP through
`Tap`.  Net removes what it made at the end of the `with`, also after an error, ^C or
SIGTERM; what a run that was killed with -9 left behind is swept by the next one.
"""
import atexit
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PREFIX = "bht"
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWUTS = 0x20000, 0x40000000, 0x04000000


class Tap:
    """Counts what it prints; leave with sys.exit(tap.end())."""

    def __init__(self):
        self.n = self.bad = 0

    def ok(self, holds, sentence, *details):
        self.n += 1
        print(f"{'ok' if holds else 'not ok'} {self.n} - {sentence}", flush=True)
        if not holds:
            self.bad += 1
            for d in details:
                self.note(d)
        return bool(holds)

    def note(self, text):
        for line in str(text).rstrip("\n").split("\n"):
            print(f"# {line}", flush=True)

    def skip(self, sentence, why):
        self.n += 1
        print(f"ok {self.n} - {sentence} # SKIP {why}", flush=True)

    def end(self):
        print(f"1..{self.n}", flush=True)
        return 1 if self.bad or not self.n else 0


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def need_root_and(*programs):
    if os.geteuid() != 0:
        skip_all("needs root, for namespaces")
    for p in programs:
        if not shutil.which(p):
            skip_all(f"'{p}' is not installed")


def build_folder(argv):
    """The build folder: first argument, else $BULKHEAD_BUILD, else build."""
    given = argv[1] if len(argv) > 1 and not argv[1].startswith("-") else None
    return os.path.abspath(given or os.environ.get("BULKHEAD_BUILD") or os.path.join(TOP, "build"))


def wait_for(condition, seconds=10, step=0.02):
    """Asks until the answer is true; returns it, or the last one."""
    until = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() > until:
            return answer
        time.sleep(step)


class Result:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __str__(self):
        return f"exit {self.status}\n{self.out}{self.err}"


class Space:
    """One network namespace."""

    def __init__(self, net, name):
        self.net, self.name = net, name
        self.full = f"{PREFIX}{os.getpid()}-{name}"
        ip("netns", "add", self.full)
        self.fd = os.open(f"/run/netns/{self.full}", os.O_RDONLY | os.O_CLOEXEC)
        self.sh("for k in default all; do echo 0 >/proc/sys/net/ipv6/conf/$k/accept_dad; "
                "echo 0 >/proc/sys/net/ipv6/conf/$k/accept_ra; "
                "echo 1 >/proc/sys/net/ipv6/conf/$k/addr_gen_mode; done; ip link set lo up")

    def argv(self, argv):
        return ["ip", "netns", "exec", self.full, *argv]

    def run(self, *argv, text=None, timeout=60, hostname=None, env=None):
        done = subprocess.run(self.argv(argv), input=text, text=True, capture_output=True, timeout=timeout,
                              preexec_fn=named(hostname), env=env and {**os.environ, **env})
        return Result(done)

    def must(self, *argv, **more):
        r = self.run(*argv, **more)
        if r.status:
            raise RuntimeError(f"{self.name}: {' '.join(argv)}: {r}")
        return r.out

    def sh(self, script):
        return self.must("sh", "-ec", script)

    def ip(self, *argv):
        return ip("-n", self.full, *argv)

    def start(self, *argv, hostname=None, **more):
        """A process that Net ends at the latest when it goes."""
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.DEVNULL)
        more.setdefault("stderr", subprocess.DEVNULL)
        child = subprocess.Popen(self.argv(argv), start_new_session=True, preexec_fn=named(hostname), **more)
        self.net.children.append(child)
        return child

    def socket(self, *kind):
        """A socket that lives in this namespace."""
        with self:
            return socket.socket(*kind)

    def __enter__(self):
        self.back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        if LIBC.setns(self.fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        return self

    def __exit__(self, *_):
        LIBC.setns(self.back, CLONE_NEWNET)
        os.close(self.back)

    def sysctl(self, path, value):
        with self, open(f"/proc/sys/net/{path}", "w") as f:
            f.write(str(value))

    def mac(self, ifname):
        m = re.search(r"link/ether ([0-9a-f:]+)", self.ip("link", "show", ifname))
        return bytes.fromhex(m[1].replace(":", ""))


def named(hostname):
    if not hostname:
        return None

    def child():
        if LIBC.unshare(CLONE_NEWUTS) == 0:
            LIBC.sethostname(hostname.encode(), len(hostname))
    return child


def ip(*argv):
    done = subprocess.run(["ip", *argv], text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def remove(name):
    """A namespace, who still lives in it, and what bulkhead-priv remembers of it: without
    it that is worth nothing."""
    told = subprocess.run(["ip", "netns", "pids", name], text=True, capture_output=True)
    for pid in set(map(int, told.stdout.split())) - {os.getpid()}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        there = os.stat(f"/run/netns/{name}")
        if there.st_dev == os.stat("/proc/self/ns/net").st_dev:  # else a file that names none
            shutil.rmtree(f"/run/bulkhead/netns-{there.st_ino}", ignore_errors=True)
    except FileNotFoundError:
        pass
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def sweep():
    """Namespaces of runs that are no more."""
    try:
        names = os.listdir("/run/netns")
    except FileNotFoundError:
        return
    for name in names:
        m = re.match(PREFIX + r"(\d+)-", name)
        if m and not os.path.exists(f"/proc/{m[1]}"):
            remove(name)


class Net:
    """with Net() as net: a = net.space("a") …"""

    def __init__(self):
        self.spaces, self.children, self.cleaned = [], [], False

    def __enter__(self):
        sweep()
        for s in signal.SIGTERM, signal.SIGHUP:
            signal.signal(s, lambda n, _: sys.exit(128 + n))
        atexit.register(self.clean)
        return self

    def __exit__(self, *_):
        self.clean()

    def clean(self):
        if self.cleaned:
            return
        self.cleaned = True
        for c in self.children:
            if c.poll() is None:
                try:
                    os.killpg(c.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                c.wait()
        for s in self.spaces:
            os.close(s.fd)
            remove(s.full)

    def space(self, name):
        s = Space(self, name)
        self.spaces.append(s)
        return s

    def wire(self, a, if_a, b, if_b):
        """A cable between two namespaces, both ends up."""
        ip("link", "add", if_a, "netns", a.full, "type", "veth", "peer", "name", if_b, "netns", b.full)
        a.ip("link", "set", if_a, "up")
        b.ip("link", "set", if_b, "up")


class Bulkhead:
    """The built program, inside a namespace."""

    def __init__(self, build, space, hostname=None):
        self.program = os.path.join(build, "bulkhead")
        self.space, self.hostname = space, hostname
        if not os.access(self.program, os.X_OK):
            skip_all(f"{self.program} is not built")

    def __call__(self, *argv, **more):
        more.setdefault("hostname", self.hostname)
        return self.space.run(self.program, *argv, **more)

    def start(self, *argv, **more):
        return self.space.start(self.program, *argv, hostname=self.hostname, **more)
