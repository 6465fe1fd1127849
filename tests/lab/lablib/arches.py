# SPDX-License-Identifier: Apache-2.0
"""What differs from one architecture of the lab to another."""

import dataclasses
import os
import platform
import re
import shutil
import subprocess

from . import kernels, LabError, LabSkip, TREE

SYSROOT_LIMIT = 900  # seconds; 60 MB of packages the first time, or programs to compile

# What guests have for scenarios with disks, or with networks, beside busybox: see initramfs.py.
TOOLS_ALL = ("mkfs.ext4", "e2fsck", "mkfs.xfs", "xfs_repair", "fio", "lspci", "blkdiscard")
NETS_ALL = ("ping", "iperf3", "ethtool")
TOOLS_FILES_ALL = ("/usr/share/misc/pci.ids", "/etc/mke2fs.conf")


@dataclasses.dataclass(frozen=True)
class Arch:
    """One architecture: `name` is the word for --arch and $ARCH, also that of `make` and the preset."""

    name: str
    preset: str             # where the program to test is built: build/PRESET/iolite
    faults: str             # the preset of a build with IOLITE_TEST_FAULTS, or ""
    results: str            # folder of results, in build/
    packages: tuple         # groups of scripts/install-deps.sh
    qemu: tuple             # level 1: a processor with virtualization, emulated
    # Level 1's console, and QEMU's options for its second serial port, where the agent listens.
    console: str
    channel: str
    channel_options: tuple
    l1_cmdline: str
    l1_kind: str            # kinds of scripts/fetch-kernel.sh, or of build-kernel.sh with kernels="build"
    l1_modules: tuple       # in this order, each with what it depends on
    guests: dict            # version as variants of scenarios say it: kind of kernel, for all runs
    built: dict             # the same, for scenarios that ask for it: kinds of scripts/build-kernel.sh
    guest_modules: tuple    # the power button, and a way to read it
    panic_modules: tuple    # for lab.modules=panic: what tells iolite of a panic
    watchdog_modules: tuple # for lab.modules=watchdog
    libraries: tuple        # where its dynamic loader looks
    qemu_since: tuple = ()  # the first version with all that scenarios want, in Debian's backports where the host's is older
    kernels: str = "fetch"  # how level 1's and the guests' come about
    memory: int = 7168      # level 1's, in MiB; touched lazily, and a 5 GiB guest must fit
    patience: int = 1       # times what scenarios allow, for guests that are slower than others
    tools: tuple = TOOLS_ALL            # programs of the image for disks
    tools_files: tuple = TOOLS_FILES_ALL
    nets: tuple = NETS_ALL              # those of the image for networks
    host: str = ""          # the host that lends its own file tree to level 1 and guests; "": sysroot.sh makes one

    def tree(self):
        """The file tree with programs for level 1 and guests."""
        if self.host:
            if platform.machine() != self.host:
                raise LabSkip(f"the lab for {self.name} runs on {self.host} hosts and this one is {platform.machine()}")
            return "/"
        script = os.path.join(TREE, "scripts/sysroot.sh")
        try:
            done = subprocess.run([script, self.name, "lab"], stdout=subprocess.PIPE, text=True,
                                  timeout=SYSROOT_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            raise LabError(f"unpacking programs for {self.name} took more than {SYSROOT_LIMIT} s") from None
        if done.returncode:
            raise LabError(f"no programs for {self.name} (see above)")
        return done.stdout.strip()

    def emulator(self):
        """The command that runs level 1, as far as it is the architecture's matter."""
        program = shutil.which(self.qemu[0])
        if not program:
            raise LabError(f"needs {self.qemu[0]}: run scripts/install-deps.sh {' '.join(self.packages)}")
        return [*(_newer(program, self.qemu_since) if self.qemu_since else [program]), *self.qemu[1:]]


def _version(command):
    """QEMU's: (major, minor)."""
    try:
        said = subprocess.run([*command, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                              check=False).stdout
    except OSError as error:
        said = str(error)
    found = re.match(r"QEMU emulator version (\d+)\.(\d+)", said)
    if not found:
        raise LabError(f"{' '.join(command)} --version says no version: {said.strip()[:200]!r}")
    return int(found[1]), int(found[2])


def _newer(program, since):
    """The command for PROGRAM; where it is older than SINCE that of Debian's backports, with data of its own, if they have it."""
    have = _version([program])
    if have >= since:
        return [program]
    folders = [kernels.package(name, backports=True) for name in ("qemu-system-x86", "qemu-system-data")]
    if not all(folders):
        print(f"lab: level 1 runs in QEMU {have[0]}.{have[1]}: not all can be tried that can in {since[0]}.{since[1]}", flush=True)
        return [program]
    command = [os.path.join(folders[0], "usr/bin", os.path.basename(program)), "-L", os.path.join(folders[1], "usr/share/qemu"),
               "-L", "/usr/share/seabios"]
    _version(command)  # it runs here
    return command


# A disk-less machine with KVM that reaches the host's files by virtio-9p, and what scenarios make
# disks and networks of.
L1_COMMON = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "loop", "dm-mod", "crc32c_generic", "ext4", "tun", "bridge",
             "af_packet", "veth", "vhost_net")

ARCHES = {arch.name: arch for arch in (
    Arch(
        name="x86_64", preset="release", faults="clang", results="lab", packages=("lab",), host="x86_64",
        # two nodes, for the placement of memory; the second has room for a page of 1 GiB
        qemu=("qemu-system-x86_64", "-M", "q35", "-cpu", "EPYC",
              "-object", "memory-backend-ram,id=node0,size=4608M", "-object", "memory-backend-ram,id=node1,size=2560M",
              "-numa", "node,memdev=node0,cpus=0", "-numa", "node,memdev=node1"),
        qemu_since=(10, 0),  # before it, VMRUN does not load DR7: KVM has no hardware breakpoints
        console="ttyS0", channel="ttyS1", channel_options=("-serial", "chardev:agent"),
        l1_cmdline="mitigations=off",
        l1_kind="full", l1_modules=L1_COMMON + ("kvm-amd",),
        guests={"6.1": "cloud-6.1", "6.12": "cloud-6.12"}, built={"of": "x86-of"},
        guest_modules=("button", "evdev"), panic_modules=("pvpanic-mmio",),
        watchdog_modules=("i6300esb",),  # of 6.12; the cloud kernel 6.1 has none
        libraries=("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/lib", "/usr/lib"),
    ),
    Arch(
        name="aarch64", preset="aarch64", faults="", results="lab-aarch64", packages=("lab", "aarch64"),
        qemu=("qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a72"),
        # "virt" has one UART only
        console="ttyAMA0", channel="ttyS0", channel_options=("-device", "pci-serial,chardev=agent"),
        l1_cmdline="",
        l1_kind="arm64-6.1", l1_modules=L1_COMMON,  # KVM is built in
        guests={"6.1": "arm64-6.1", "6.12": "arm64-6.12"}, built={},
        guest_modules=("gpio_keys", "evdev"), panic_modules=(),  # Debian's kernels have none
        watchdog_modules=("i6300esb",),
        libraries=("/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib", "/usr/lib"),
    ),
    Arch(
        name="powerpc", preset="powerpc", faults="", results="lab-powerpc", packages=("lab", "powerpc"),
        # a 32-bit core: a VM is part of 3 GiB of iolite's own, and what level 1 has more is high memory
        qemu=("qemu-system-ppc", "-M", "ppce500", "-cpu", "e500v2_v30"), memory=1536,
        console="ttyS0", channel="ttyS1", channel_options=("-serial", "chardev:agent"),
        l1_cmdline="",
        l1_kind="e500v2", l1_modules=(), kernels="build",  # all is built in
        guests={"6.1": "e500v2"}, built={},
        guest_modules=(), panic_modules=(), watchdog_modules=(),
        # each privileged instruction of a guest is an exit, and each of its floating point a trap in it
        patience=4,
        # cross-built: Debian has no packages for it
        tools=("mkfs.ext4", "e2fsck"), tools_files=("/etc/mke2fs.conf",), nets=(),
        libraries=("/lib", "/usr/lib"),
    ),
)}
