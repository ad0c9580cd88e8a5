"""samba: a Samba server and a client of it in namespaces of their own, for scripts that
change how it is configured; tools/lab has a whole network that stays as it is.
"""
import json
import os
import re
import shutil
import tempfile
import time

from lib import wait_for

USER, PASSWORD = "games", "plays-Well-7"  # a Unix user that every Debian has
SERVER, CLIENT = "10.97.0.2", "10.97.0.1"

DIRS = """	private dir = {dir}/private
	lock directory = {dir}/lock
	state directory = {dir}/state
	cache directory = {dir}/cache
	pid directory = {dir}/lock
	ncalrpc dir = {dir}/ncalrpc
	log file = {dir}/log/log.%m
	usershare path = {dir}/usershares
"""
GLOBAL = """[global]
	workgroup = CORP
	netbios name = FS1
	server role = standalone server
	passdb backend = smbpasswd:{dir}/private/smbpasswd
	server min protocol = NT1
	map to guest = Bad User
	disable spoolss = yes
	smb ports = 445
	logging = file
""" + DIRS


class Server:
    """A Samba of its own in a namespace of its own."""

    folders = []

    def __init__(self, net, name, build):
        self.space, self.build = net.space(name), build
        self.dir = tempfile.mkdtemp(prefix="bh-audit-")
        self.folders.append(self.dir)
        os.chmod(self.dir, 0o755)
        for d in "private", "lock", "state", "cache", "ncalrpc", "log", "usershares", "share", "spool", USER, "units", "bin":
            os.mkdir(f"{self.dir}/{d}")
        os.chmod(f"{self.dir}/share", 0o777)
        with open(f"{self.dir}/share/a", "w") as f:
            f.write("a file\n")
        open(f"{self.dir}/private/smbpasswd", "w").close()
        self.conf, self.child, self.inside = f"{self.dir}/smb.conf", None, ()

    def at_home(self):
        """From here on with the folders that Samba means by itself, empty and its own."""
        r, w = os.pipe()
        holder = self.space.start("unshare", "-m", "sh", "-ec",
                                  "for d in /etc /var/lib /var/cache /var/log /run; do mkdir -p $d/samba; mount -t tmpfs none $d/samba; "
                                  f"done; mkdir /var/lib/samba/private; echo ready >&{w}; exec sleep 1000", pass_fds=[w])
        os.close(w)
        os.read(r, 10)
        os.close(r)
        self.inside = ("nsenter", "-m", "-t", str(holder.pid))
        self.conf = "/etc/samba/smb.conf"

    def journal(self):
        """A journal of its own, on a /run and a /dev of its own; False where there can be none."""
        daemon = next((p for p in ("/lib/systemd/systemd-journald", "/usr/lib/systemd/systemd-journald") if os.path.exists(p)), None)
        if not daemon or not shutil.which("journalctl"):
            return False
        self.must("sh", "-ec", "mount -t tmpfs none /run; mount -t tmpfs none /var/log; mkdir -p /run/systemd/journal /run/log/journal "
                  "/run/samba; mount -t tmpfs none /mnt; cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/tty /mnt/ && "
                  "mount --move /mnt /dev; ln -s /run/systemd/journal/dev-log /dev/log; ln -s /proc/self/fd /dev/fd; mkdir /dev/shm; "
                  "mount -t cgroup2 none /sys/fs/cgroup || true")
        self.space.start(*self.inside, daemon)
        return wait_for(lambda: self.run("sh", "-c", "ls /run/log/journal/*/system.journal").status == 0, 10)

    def write(self, text, name="smb.conf"):
        with open(f"{self.dir}/{name}", "w") as f:
            f.write(text.format(dir=self.dir))

    def read(self, name="smb.conf"):
        with open(f"{self.dir}/{name}", "rb") as f:
            return f.read()

    def run(self, *argv, **more):
        return self.space.run(*self.inside, *argv, **more)

    def must(self, *argv, **more):
        return self.space.must(*self.inside, *argv, **more)

    def start(self, *argv):
        self.child = self.space.start(*self.inside, *(argv or ("smbd", "--foreground", "--no-process-group",
                                                 f"--configfile={self.conf}")))
        if not wait_for(lambda: ":445" in self.run("ss", "-tlnH").out, 30):
            raise RuntimeError("smbd does not listen")

    def stop(self):
        self.child.terminate()
        self.child.wait()

    def user(self):
        self.must("smbpasswd", "-c", self.conf, "-s", "-a", USER, text=f"{PASSWORD}\n{PASSWORD}\n")

    def plan(self, *more):
        return self.run(f"{self.build}/bulkhead", "audit", "samba", "--config", self.conf, *more)

    def plan_json(self, *more):
        r = self.plan("--json", *more)
        return json.loads(r.out) if r.status == 0 else {"shares": [], "notes": [], "error": str(r)}

    def begin(self, *more):
        return self.run("sh", f"{self.dir}/plan/bulkhead-audit-begin", *(more or ("--no-timer",)))

    def end(self):
        return self.run("sh", f"{self.dir}/bulkhead-audit-end")

    def objects(self):
        """What testparm says of each share's vfs objects now."""
        out = self.must("testparm", "-s", self.conf)
        found, section = {}, None
        for line in out.splitlines():
            if line.startswith("["):
                section = line[1:-1]
            elif line.startswith("\tvfs objects ="):
                found[section] = line.split("=", 1)[1].strip()
        shares = re.findall(r"(?m)^\[(.*)\]$", out)
        return {k: found.get(k, found.get("global", "")) for k in shares}

    def rows(self, log):
        db = f"{self.dir}/rows.db"
        if os.path.exists(db):
            os.unlink(db)
        r = self.run(f"{self.build}/bulkhead", "read", "--db", db, log)
        if r.status:
            return [{"error": str(r)}]
        return json.loads(self.must(f"{self.build}/bulkhead", "show", "conversations", "--json", "--db", db))


class Client:
    def __init__(self, net, folder):
        self.space, self.folder = net.space("c"), folder
        with open(f"{folder}/client.conf", "w") as f:
            f.write(f"[global]\nclient min protocol = NT1\nprivate dir = {folder}\nlock directory = {folder}\n"
                    f"state directory = {folder}\ncache directory = {folder}\nnetbios name = WS1\nworkgroup = CORP\n")

    def use(self, share, *more, user=f"{USER}%{PASSWORD}", server=SERVER, what="ls"):
        r = self.space.run("timeout", "20", "smbclient", "-s", f"{self.folder}/client.conf",
                           f"//{server}/{share}", "-U", user, "-c", what, *more)
        time.sleep(0.2)
        return r


def cable(net, client, server, n):
    """Each server has the same address on a wire of its own, which the client takes in turn."""
    net.wire(client.space, f"c{n}", server.space, "eth0")
    server.space.ip("address", "add", f"{SERVER}/24", "dev", "eth0")


def plug(client, n):
    for i in range(9):
        client.space.run("ip", "address", "flush", "dev", f"c{i}")
    client.space.ip("address", "add", f"{CLIENT}/24", "dev", f"c{n}")


def last(share):
    return (share or "").split("\\")[-1]


def has(rows, **want):
    return [r for r in rows if all((last(r[k]) if k == "share" else r[k]) == v for k, v in want.items())]


def clean():
    for d in Server.folders:
        shutil.rmtree(d, ignore_errors=True)
