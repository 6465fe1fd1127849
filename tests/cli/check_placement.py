#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CPUs and memory of the host as a machine asks for them: what the kernel says in /proc of threads and mappings, before and
after a reset of the guest, and what iolite says where the host lacks something.

  check_placement.py IOLITE GUEST [NAME...]     GUEST: tests/guest/x86_64/g_debug.c; NAME: only cases with this in their names
"""

import glob
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
LIMIT = 60  # seconds for what takes a moment
MIB = 1 << 20
SIZE = 46  # MiB of guest memory: a size that no other mapping has
CPUS = sorted(os.sched_getaffinity(0))
FIRST, LAST = CPUS[0], CPUS[-1]
RESET_ON_FORK = 0x40000000
IOLITE, GUEST = (os.path.abspath(path) for path in sys.argv[1:3])


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what} is {got!r}, not {wanted!r}")


def read(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def as_list(cpus):
    """As the kernel writes it."""
    parts, cpus = [], sorted(cpus)
    while cpus:
        end = 1
        while end < len(cpus) and cpus[end] == cpus[0] + end:
            end += 1
        parts.append(f"{cpus[0]}" if end == 1 else f"{cpus[0]}-{cpus[end - 1]}")
        cpus = cpus[end:]
    return ",".join(parts)


class Machine:
    def __init__(self, *options, words="idle"):
        self.folder = tempfile.TemporaryDirectory()
        self.stdout = open(f"{self.folder.name}/out", "w+b")
        self.stderr = open(f"{self.folder.name}/err", "w+b")
        if "-m" not in options:
            options = ("-m", f"{SIZE}M", *options)
        self.process = subprocess.Popen([IOLITE, "run", "-k", GUEST, "-a", words, "-s", "stdio", *options],
                                        stdin=subprocess.PIPE, stdout=self.stdout, stderr=self.stderr)
        self.pid = self.process.pid
        self.boots = 0

    def __enter__(self):
        self.wait_for_boot()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.stdout, self.stderr):
            file.close()
        self.folder.cleanup()

    def said(self):
        with open(f"{self.folder.name}/err", "rb") as file:
            return file.read().decode(errors="replace")

    def wait_for_boot(self):
        self.boots += 1
        deadline = time.monotonic() + LIMIT
        while True:
            with open(f"{self.folder.name}/out", "rb") as file:
                if file.read().count(b"ready") >= self.boots:
                    return
            if time.monotonic() > deadline or self.process.poll() is not None:
                status, said = self.process.poll(), self.said()
                self.__exit__()
                if status == 1 and re.search("libslirp|cannot lock|never gives|no transparent|no NUMA nodes|cannot bind", said):
                    raise Skip(said.strip())
                raise Failure(f"the guest has not booted {self.boots} times; exit status {status}, stderr: {said!r}")
            time.sleep(0.01)

    def order(self, what):
        self.process.stdin.write(what.encode())
        self.process.stdin.flush()

    def reset(self):
        self.order("r")
        self.wait_for_boot()

    def power_off(self):
        self.order("q")
        expect("the exit status", self.process.wait(LIMIT), 0)

    def threads(self):
        """Numbers by name, once all have theirs; "loop" is the main one's."""
        deadline = time.monotonic() + LIMIT
        while True:
            found = {}
            for task in glob.glob(f"/proc/{self.pid}/task/*"):
                name = "loop" if task.endswith(f"/{self.pid}") else read(f"{task}/comm").strip()
                found[name] = int(os.path.basename(task))
            if "iolite" not in found or time.monotonic() > deadline:
                return found
            time.sleep(0.01)

    def children(self):
        return [int(pid) for pid in read(f"/proc/{self.pid}/task/{self.pid}/children").split()]

    def mapping(self, size=SIZE):
        """Of guest memory: its fields in /proc/PID/smaps (bytes, or text), and the line it begins with."""
        fields = None
        for line in read(f"/proc/{self.pid}/smaps").splitlines():
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                fields = {"line": line}
                continue
            key, _, value = line.partition(":")
            fields[key] = int(value.split()[0]) * 1024 if value.endswith(" kB") else value.split()
            if key == "VmFlags" and fields["Size"] == size * MIB and "io" not in value.split():
                return fields
        raise Failure(f"no mapping of {size} MiB")


def allowed(tid):
    return re.search(r"^Cpus_allowed_list:\s*(\S+)", read(f"/proc/{tid}/status"), re.M)[1]


def policy(tid):
    return os.sched_getscheduler(tid) & ~RESET_ON_FORK, os.sched_getparam(tid).sched_priority


def twice(machine, check):
    """Before and after a reset of the guest."""
    check()
    machine.reset()
    check()
    machine.power_off()


# --- CPUs ---

def cpus_case(options, vcpus, loop=None, wanted_policy=None, more=()):
    """@vcpus: for each what it may run on; None: what we may."""
    ours, our_policy = as_list(CPUS), policy(0)
    with Machine("-c", f"{len(vcpus)}{options}", *more) as machine:
        def check():
            threads = machine.threads()
            for idx, wanted in enumerate(vcpus):
                tid = threads[f"vcpu/{idx}"]
                expect(f"what vCPU {idx} may run on", allowed(tid), wanted or ours)
                expect(f"the policy of vCPU {idx}", policy(tid), wanted_policy or our_policy)
            for name, tid in threads.items():
                if name.startswith("vcpu/"):
                    continue
                expect(f"what the thread {name} may run on", allowed(tid), loop or ours)
                expect(f"the policy of the thread {name}", policy(tid), our_policy)
            for pid in machine.children():
                expect(f"what the child {pid} may run on", allowed(pid), ours)
                expect(f"the policy of the child {pid}", policy(pid), our_policy)
            expect("the number of children", len(machine.children()), len(more) // 2)
        twice(machine, check)


def nothing_asked():
    cpus_case("", [None, None])


def one_cpu_each():
    cpus_case(f",pin={FIRST}:{LAST}", [str(FIRST), str(LAST)])


def one_set_for_all():
    text = as_list(CPUS[:2])
    cpus_case(f",pin={text.replace(',', ',,')}", [text, text])


def the_loop_alone():
    cpus_case(f",loop-pin={FIRST}", [None, None], loop=str(FIRST))


def all_pinned():
    cpus_case(f",pin={LAST}:{LAST},loop-pin={FIRST}", [str(LAST)] * 2, loop=str(FIRST))


def policy_batch():
    cpus_case(",policy=batch", [None], wanted_policy=(os.SCHED_BATCH, 0))


def may_be_real_time():
    code = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))"
    if subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=False).returncode:
        raise Skip("this user may have no real-time policy")


def policy_fifo():
    may_be_real_time()
    cpus_case(f",policy=fifo:10,pin={LAST}", [str(LAST)], wanted_policy=(os.SCHED_FIFO, 10))


def policy_rr():
    may_be_real_time()
    cpus_case(",policy=rr:1", [None, None], wanted_policy=(os.SCHED_RR, 1))


def children_are_free():
    may_be_real_time()
    cpus_case(f",policy=rr:1,pin={LAST},loop-pin={FIRST}", [str(LAST)], loop=str(FIRST),
              wanted_policy=(os.SCHED_RR, 1), more=("-n", "user"))


# --- memory ---

def memory_case(keys, check):
    with Machine("-m", f"{SIZE}M,{keys}") as machine:
        twice(machine, lambda: check(machine, machine.mapping()))


def all_present(_, mapping):
    expect("Rss", mapping["Rss"], SIZE * MIB)


def prealloc():
    memory_case("prealloc", all_present)


def prealloc_without_huge_pages():
    def check(machine, mapping):
        all_present(machine, mapping)
        expect("AnonHugePages", mapping["AnonHugePages"], 0)
        expect("'nh' in the flags", "nh" in mapping["VmFlags"], True)
    memory_case("prealloc,hugepages=none", check)


def transparent():
    def check(_, mapping):
        expect("'hg' in the flags", "hg" in mapping["VmFlags"], True)
    memory_case("hugepages=transparent", check)


def lock():
    def check(_, mapping):
        expect("'lo' in the flags", "lo" in mapping["VmFlags"], True)
        expect("Locked", mapping["Locked"], mapping["Rss"])
        expect("less than all is there", mapping["Rss"] < SIZE * MIB, True)
    memory_case("lock,hugepages=none", check)


def lock_and_prealloc():
    def check(_, mapping):
        expect("Locked", mapping["Locked"], SIZE * MIB)
    memory_case("lock,prealloc", check)


def is_shared(mapping):
    expect("'memfd' in the name", "memfd:iolite-guest" in mapping["line"], True)
    expect("'sh' in the flags", "sh" in mapping["VmFlags"], True)


def share():
    def check(_, mapping):
        is_shared(mapping)
        expect("less than all is there", mapping["Rss"] < SIZE * MIB, True)
    memory_case("share,hugepages=none", check)


def share_lock_prealloc():
    def check(_, mapping):
        is_shared(mapping)
        expect("Locked", mapping["Locked"], SIZE * MIB)
    memory_case("share,lock,prealloc", check)


def nodes_with_memory():
    path = "/sys/devices/system/node/has_memory"
    return read(path).strip() if os.path.exists(path) else ""


def pages_by_node(machine, mapping):
    """Of guest memory, from numa_maps: the policy, and {node: pages}."""
    start = mapping["line"].split("-")[0].lstrip("0")
    line = re.search(rf"^0*{start} (\S+)(.*)", read(f"/proc/{machine.pid}/numa_maps"), re.M)
    return line[1], {int(node): int(pages) for node, pages in re.findall(r" N(\d+)=(\d+)", line[2])}


def node():
    def check(machine, mapping):
        expect("the policy in numa_maps", pages_by_node(machine, mapping)[0], "bind:0")
    if not os.path.exists("/proc/self/numa_maps"):
        raise Skip("this kernel has no /proc/PID/numa_maps")
    memory_case("node=0,hugepages=none", check)


def second_node():
    """A vCPU runs on the first."""
    if nodes_with_memory() != "0-1":
        raise Skip("the host has not two NUMA nodes")

    def check(machine, mapping):
        policy_name, pages = pages_by_node(machine, mapping)
        expect("the policy in numa_maps", policy_name, "bind:1")
        expect("pages by node", pages, {1: SIZE * MIB // 4096})
    memory_case("node=1,hugepages=none,prealloc", check)


class Pool:
    """At least @pages free huge pages of @bytes, on @node or anywhere, as they were before when it ends."""

    def __init__(self, pages, size=2 * MIB, node=None):
        folder = f"/sys/devices/system/node/node{node}" if node is not None else "/sys/kernel/mm"
        self.folder = f"{folder}/hugepages/hugepages-{size // 1024}kB"
        if not os.path.exists(self.folder):
            raise Skip(f"the host has no pool of huge pages of {size // MIB}M")
        self.before = self.count("nr")
        self.lacking = pages - self.free()

    def count(self, what):
        path = f"{self.folder}/{what}_hugepages"
        return int(read(path)) if os.path.exists(path) else 0  # of a node no reservations are known

    def free(self):
        return self.count("free") - self.count("resv")

    def resize(self, count):
        with open(f"{self.folder}/nr_hugepages", "w", encoding="ascii") as file:
            file.write(str(count))

    def __enter__(self):
        if self.lacking > 0:
            try:
                self.resize(self.before + self.lacking)
            except OSError as error:
                raise Skip(f"too few huge pages are free, and no right to make more: {error}") from None
            if self.count("nr") < self.before + self.lacking:
                self.__exit__()
                raise Skip("the host can make no huge pages: its memory is too fragmented")
        return self

    def __exit__(self, *_):
        if self.lacking > 0:
            self.resize(self.before)


def pool_case(keys, shared=False, node_number=None):
    with Pool(SIZE // 2, node=node_number) as pool:
        before = pool.free()

        def check(_, mapping):
            expect("KernelPageSize", mapping["KernelPageSize"], 2 * MIB)
            # One process alone has even the shared ones.
            expect("its huge pages", mapping["Private_Hugetlb"] + mapping["Shared_Hugetlb"], SIZE * MIB)
            expect("'sh' in the flags", "sh" in mapping["VmFlags"], shared)
            expect("free pages", pool.free(), before - SIZE // 2)
        memory_case(f"hugepages=2M{keys}", check)
        expect("free pages behind it", pool.free(), before)


def pool_of_huge_pages():
    pool_case(",lock")


def pool_shared():
    pool_case(",share", shared=True)


def pool_of_node():
    pool_case(",node=0,prealloc", node_number=0 if nodes_with_memory() else None)


def gigantic_pages():
    """Of the last node that has memory."""
    node_number = int(re.findall(r"\d+", nodes_with_memory() or "0")[-1])
    with Pool(1, 1024 * MIB, node_number) as pool:
        before = pool.free()
        with Machine("-m", f"1G,hugepages=1G,node={node_number},lock") as machine:
            def check():
                mapping = machine.mapping(1024)
                expect("KernelPageSize", mapping["KernelPageSize"], 1024 * MIB)
                expect("its huge pages", mapping["Private_Hugetlb"] + mapping["Shared_Hugetlb"], 1024 * MIB)
                expect("policy and pages by node", pages_by_node(machine, mapping), (f"bind:{node_number}", {node_number: 1}))
                expect("free pages", pool.free(), before - 1)
            twice(machine, check)
        expect("free pages behind it", pool.free(), before)
        refused(["-m", f"64G,hugepages=1G,node={node_number}"], 1,
                rf"takes 64 huge pages of 1G, and the host has \d+ free on node {node_number}: "
                rf"echo {64 + pool.count('nr') - pool.free()} > {pool.folder}/nr_hugepages")


# --- shortages ---

def refused(options, status, pattern, wrapper=(), preexec=None):
    done = subprocess.run([*wrapper, IOLITE, "run", "-k", GUEST, "-a", "idle", *options], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False, timeout=LIMIT, preexec_fn=preexec)
    said = done.stderr.decode(errors="replace")
    expect("the exit status", (done.returncode, said), (status, said))
    expect("what the guest says", done.stdout, b"")
    if said.count("\n") != 1 or not re.search(pattern, said):
        raise Failure(f"{said!r} is not one line that says {pattern!r}")


def cpu_that_is_not_there():
    refused(["-c", "1,pin=1023"], 1, r"vCPU 0 cannot be pinned to host CPU 1023, which is not online: the host has \d")
    refused(["-c", f"2,pin={FIRST}:{FIRST}-1023"], 1, r"vCPU 1 cannot be pinned to host CPU .*1023, which is not online")
    refused(["-c", "1,loop-pin=1023"], 1, r"the event loop \(loop-pin\) cannot be pinned to host CPU 1023, which")


def without(capability):
    """The words before a command that is not to have it."""
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin")  # busybox has another one
    if not setpriv:
        raise Skip("no setpriv")
    return [setpriv, "--bounding-set", f"-{capability}", "--inh-caps", f"-{capability}"]


def no_right_to_a_policy():
    refused(["-c", "1,policy=fifo:10"], 1,
            r"vCPU 0 cannot have the policy fifo:10: the limit of real-time priorities is 0 \(ulimit -r, LimitRTPRIO=\): "
            r"raise it to 10, or give CAP_SYS_NICE", without("sys_nice"),
            lambda: resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0)))


def no_right_to_lock():
    refused(["-m", "64M,lock"], 1,
            r"cannot lock 64M of guest memory: the limit of locked memory is 8192 KiB \(ulimit -l, LimitMEMLOCK=\)",
            without("ipc_lock"), lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (8 * MIB, 8 * MIB)))


def too_few_huge_pages():
    if Pool(0).free() >= 32768:
        raise Skip("the host has 64G of huge pages")
    refused(["-m", "64G,hugepages=2M"], 1, r"takes 32768 huge pages of 2M, and the host has \d+ free: echo \d+ > /sys/")
    refused(["-m", "64G,hugepages=2M,share"], 1, "takes 32768 huge pages of 2M, and the host has")


def too_little_memory():
    kib = int(re.search(r"MemAvailable:\s+(\d+)", read("/proc/meminfo"))[1])
    if kib >= 64 << 20:
        raise Skip("the host has 64G available")
    refused(["-m", "64G,prealloc"], 1, r"64G of guest memory are to be there at the start \(prealloc\), and the host has \d+M")


def node_that_is_not_there():
    refused(["-m", "64M,node=63"], 1, "node 63 has no memory or is not there|no NUMA nodes")


def pages_that_do_not_divide():
    refused(["-m", "65M,hugepages=2M"], 2, "65M is no multiple of the 2M of its huge pages: give 66M")


def a_warning_for_shared_cpus():
    with Machine("-c", f"2,pin={FIRST}") as machine:
        said = machine.said()
        machine.power_off()
    if said.count("\n") != 1 or f"2 vCPUs are pinned to host CPU {FIRST}: some of them wait" not in said:
        raise Failure(f"{said!r} is no warning")


CASES = [nothing_asked, one_cpu_each, one_set_for_all, the_loop_alone, all_pinned, policy_batch, policy_fifo, policy_rr,
         children_are_free, prealloc, prealloc_without_huge_pages, transparent, lock, lock_and_prealloc, share,
         share_lock_prealloc, node, second_node, pool_of_huge_pages, pool_shared, pool_of_node, gigantic_pages, cpu_that_is_not_there,
         no_right_to_a_policy, no_right_to_lock, too_few_huge_pages, too_little_memory, node_that_is_not_there,
         pages_that_do_not_divide, a_warning_for_shared_cpus]


def main():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("SKIP: /dev/kvm is missing or forbidden")
        return SKIPPED
    words = [word for word in sys.argv[3:] if not word.startswith("--")]
    passed = failed = skipped = 0
    for check in CASES:
        name = check.__name__.replace("_", " ")
        if words and not any(word in name for word in words):
            continue
        try:
            check()
            print(f"PASS {name}", flush=True)
            passed += 1
        except Skip as reason:
            print(f"SKIP {name}: {reason}", flush=True)
            skipped += 1
        except (Failure, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as failure:
            print(f"FAIL {name}: {type(failure).__name__}: {failure}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0 if passed else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
