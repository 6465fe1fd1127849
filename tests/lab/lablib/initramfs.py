# SPDX-License-Identifier: Apache-2.0
"""initramfs images: a writer of the cpio "newc" format and the contents of ours.

Both levels boot an uncompressed archive (a decompressor costs seconds under
emulation) with a static busybox, the kernel modules they need, and an init.
"""

import functools
import hashlib
import os
import re
import shutil
import stat
import subprocess

from . import LAB, LabError

# The applets that our scripts call are links to busybox.
GUEST_APPLETS = ("sh mount mkdir cat dmesg grep sed sha256sum sleep poweroff reboot dd od awk insmod "
                 "init echo rm head uname setsid cttyhack ls ps free df date hwclock mv cp ln tail sort wc vi top kill "
                 "lspci find cut tr clear more less touch stty hostname id").split()

# The bigger images, for scenarios with disks and for others: what lab.modules=NAME loads there. Programs, with the
# libraries they need, and files are in arches.py.
DISKS_MODULES = {
    "disk": ("virtio_pci", "virtio_mmio", "virtio_blk"),
    "ext4": ("ext4", "crc32c_generic"),
    "xfs": ("xfs", "crc32c_generic"),
}
NETS_MODULES = {
    "net": ("virtio_pci", "virtio_mmio", "virtio_net", "af_packet"),
    "disk": DISKS_MODULES["disk"],
    "rng": ("virtio_pci", "virtio_mmio", "virtio_rng"),
    "console": ("virtio_pci", "virtio_mmio", "virtio_console"),
}
TOOLS_APPLETS = ("blockdev chroot cmp dirname fstrim kill mkfifo mknod readlink seq stat switch_root sync "
                 "tee test timeout touch true umount usleep basename xargs yes chmod ip nc nslookup udhcpc expr").split()


class Archive:
    """A cpio archive of the kind the Linux kernel unpacks as its initramfs."""

    def __init__(self):
        self.parts = []
        self.folders = set()
        self.files = set()
        self.inode = 0

    def _entry(self, path, mode, data):
        self.inode += 1
        name = path.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self.parts.append(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def folder(self, path):
        if path and path not in self.folders:
            self.folder(os.path.dirname(path))
            self.folders.add(path)
            self._entry(path, stat.S_IFDIR | 0o755, b"")

    def file(self, path, data, mode=0o644):
        """Add a file; a second one of the same name is left out."""
        if path in self.files:
            return
        self.files.add(path)
        self.folder(os.path.dirname(path))
        self._entry(path, stat.S_IFREG | mode, data)

    def link(self, path, target):
        """Add a symbolic link, unless there is a file of that name."""
        if path in self.files:
            return
        self.files.add(path)
        self.folder(os.path.dirname(path))
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def write(self, path):
        """Write the archive to PATH by a rename, so that a reader sees all of it or nothing."""
        self._entry("TRAILER!!!", 0, b"")
        temp = f"{path}.{os.getpid()}"
        with open(temp, "wb") as file:
            file.write(b"".join(self.parts))
        os.rename(temp, path)


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Modules:
    """The modules of one kernel package, found by name; reads dependencies from .modinfo."""

    def __init__(self, folder):
        self.files = {}
        for base, _, names in os.walk(folder):
            for name in names:
                if ".ko" in name:
                    self.files[self._plain(name.split(".ko")[0])] = os.path.join(base, name)

    @staticmethod
    def _plain(name):
        return name.replace("-", "_")

    def _load(self, name):
        path = self.files[name]
        if path.endswith(".xz"):
            return subprocess.run(["xz", "-dc", path], capture_output=True, check=True).stdout
        return read(path)

    def closure(self, names):
        """[(file name, contents)] of the modules and all they need, in loading order.

        A name that is no module of this kernel is taken to be built in.
        """
        done = {}

        def visit(name):
            if name in done or name not in self.files:
                return
            data = self._load(name)
            depends = re.search(rb"\0depends=([^\0]*)\0", data)
            for other in depends.group(1).decode().split(",") if depends else ():
                visit(self._plain(other))
            done[name] = data

        for name in names:
            visit(self._plain(name))
        return [(f"{name}.ko", data) for name, data in done.items()]


class Programs:
    """What a file tree of some architecture has: programs, and the libraries that they need."""

    def __init__(self, arch):
        self.arch = arch
        self.tree = arch.tree()

    def path(self, name):
        """Where a file of the tree is for us."""
        return os.path.join(self.tree, name.lstrip("/"))

    def find(self, name):
        """Where a program is for us."""
        folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
        if self.tree == "/":
            folders = os.environ.get("PATH", "").split(":") + folders
        found = shutil.which(name, path=":".join(self.path(folder) for folder in folders))
        if not found:
            raise LabError(f"needs {name}: run scripts/install-deps.sh {' '.join(self.arch.packages)}")
        return found

    def busybox(self):
        found = self.find("busybox")
        if b"ld-linux" in read(found)[:4096]:
            raise LabError(f"{found} is not static: run scripts/install-deps.sh {' '.join(self.arch.packages)}")
        return read(found)

    @functools.lru_cache(maxsize=None)
    def needs(self, path):
        """What the dynamic loader will look for, for a program or library here: full names in the tree."""
        text = subprocess.run(["readelf", "-dlW", path], capture_output=True, text=True, check=True).stdout
        found = re.findall(r"\[Requesting program interpreter: (\S+)\]", text)
        folders = [f for runpath in re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", text) for f in runpath.split(":")]
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
            places = [os.path.join(folder, name) for folder in (*folders, *self.arch.libraries)]
            there = [place for place in places if os.path.exists(self.path(place))]
            if not there:
                raise LabError(f"{path} needs {name}, which is in none of {', '.join(os.path.dirname(p) for p in places)}")
            found.append(there[0])
        return found

    def libraries(self, path):
        """All that a program needs, directly or not: full names in the tree."""
        done = []
        todo = list(self.needs(path))
        while todo:
            name = todo.pop()
            if name not in done:
                done.append(name)
                todo += self.needs(self.path(name))
        return done


def _modules(archive, known, names, order):
    """Add modules and what they need; the file ORDER tells in which order to load them."""
    loading = known.closure(names)
    for name, data in loading:
        archive.file(f"modules/{name}", data)
    archive.file(f"modules/{order}", "".join(f"{name}\n" for name, _ in loading).encode())


def _base(programs, known, modules):
    archive = Archive()
    for folder in ("proc", "sys", "dev", "tmp", "run"):
        archive.folder(folder)
    archive.file("bin/busybox", programs.busybox(), 0o755)
    _modules(archive, known, modules, "order")
    return archive


def build_l1(programs, kernel, config, target):
    """Level 1's image: CONFIG is a dict that its init reads as shell variables."""
    archive = _base(programs, Modules(os.path.join(kernel, "modules")), programs.arch.l1_modules)
    archive.link("bin/sh", "busybox")
    archive.file("init", read(os.path.join(LAB, "l1/init")), 0o755)
    quoted = ("{}='{}'\n".format(name, str(value).replace("'", "'\\''")) for name, value in config.items())
    archive.file("lab.conf", "".join(quoted).encode())
    archive.write(target)


def _tools(programs, archive, known, modules, tools, files):
    for name, wanted in modules.items():
        _modules(archive, known, wanted, f"order.{name}")
    for name in TOOLS_APPLETS:
        archive.link(f"bin/{name}", "busybox")
    for name in tools:
        path = programs.find(name)
        archive.file(f"bin/{name}", read(path), 0o755)
        for library in programs.libraries(path):
            archive.file(library.lstrip("/"), read(programs.path(library)), 0o755)
    for path in files:
        archive.file(path.lstrip("/"), read(programs.path(path)))
    scripts = os.path.join(LAB, "guest/scripts")
    for name in sorted(os.listdir(scripts)):
        archive.file(f"scripts/{name}", read(os.path.join(scripts, name)))


def build_guest(programs, kernel, target, kind="guest"):
    """A guest's image: guest/init does what lab.do= on the kernel's command line says.

    Those of the kinds "disks" and "nets" have real programs, modules for devices, and guest/scripts.
    """
    known = Modules(os.path.join(kernel, "modules"))
    archive = _base(programs, known, programs.arch.guest_modules)
    _modules(archive, known, programs.arch.panic_modules, "order.panic")
    _modules(archive, known, programs.arch.watchdog_modules, "order.watchdog")
    if kind == "disks":
        _tools(programs, archive, known, DISKS_MODULES, programs.arch.tools, programs.arch.tools_files)
    if kind == "nets":
        _tools(programs, archive, known, NETS_MODULES, programs.arch.nets, ())
    for name in GUEST_APPLETS:
        archive.link(f"bin/{name}", "busybox")
    archive.file("init", read(os.path.join(LAB, "guest/init")), 0o755)
    archive.file("etc/inittab", read(os.path.join(LAB, "guest/inittab")))
    # A file whose sum the guest verifies: 1 MiB without long repeats.
    payload = b"".join(b"%07d\n" % (i * 7919 % 10000000) for i in range(131072))
    archive.file("payload", payload)
    for name, data in (("payload", payload), ("tmp/fill", payload * 32)):
        archive.file(f"{os.path.basename(name)}.sha256", f"{hashlib.sha256(data).hexdigest()}  /{name}\n".encode())
    archive.write(target)
