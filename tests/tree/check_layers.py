#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the dependency rule of docs/architecture.md over include/ and src/.

  cli -> config, vmm -> arch, devices, backend -> boot -> base headers

Every folder lists the public headers it may include; everything else is a mistake. Also: a folder
does not reach into another one's private headers, only cli prints or exits, and KVM's headers stay
where KVM is.

  check_layers.py          check this tree; exit status 1 and a line for each mistake
  check_layers.py --self-test   show that mistakes are found
"""

import pathlib
import re
import sys

BASE = {"macros", "count", "error", "leftover", "log", "endian", "size", "unix_path", "version"}
SANDBOX = {"privileges", "landlock", "limits", "jail", "jail_config", "sandbox"}
PLACE = {"place_config", "place"}
SERVICES = {"loop", "bus", "irq", "memory", "device", "event", "kick", "gate"}
IMAGES = {"image", "bzimage", "elf", "arm64_image", "gzip", "kernel_kind", "uimage"}
TREES = {"fdt", "tree_edit", "describe"}
DEVICES = {"uart", "rtc", "i8042", "acpi_pm", "acpi_pm_regs", "pci", "msix", "pl031", "pl061", "power_key", "gpio",
           "fsl_guts", "fsl_gpio", "fsl_pci", "pvpanic", "i6300esb"}
VIRTIO = {"virtqueue", "virtio", "virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "virtio_rng",
          "virtio_console"}
BACKENDS = {"char", "char_config", "net", "vhost", "block", "block_cache", "block_fault"}
DEBUG = {"gdb", "gdb_target"}
MACHINE = {"arch", "arch_debug", "kvm_half", "layout", "tree", "vcpu", "vm", "lifecycle", "exit_status"}
ALL = BASE | PLACE | SERVICES | IMAGES | TREES | DEVICES | VIRTIO | BACKENDS | MACHINE | DEBUG | {"control"} | {"config", "system_config", "system", "terminal"} | SANDBOX

# Folder -> public headers it may include. The longest matching folder counts.
ALLOWED = {
    "src/base": BASE,
    "src/config": BASE | {"config", "system_config", "block_cache", "char_config", "tree_edit", "place_config", "jail_config", "sandbox"},
    # A tree is read as any other image.
    "src/fdt": BASE | TREES | {"layout", "image"},
    "src/boot": BASE | IMAGES | {"memory"},
    "src/arch": BASE | IMAGES | {"fdt", "describe", "memory", "arch", "layout", "acpi_pm_regs", "gdb_target"},
    "src/devices": BASE | {"fdt", "describe"} | SERVICES - {"memory"} | DEVICES | {"char"},
    # A virtio device reaches guest memory through its queues, and a backend through its operations.
    "src/devices/virtio": BASE | {"fdt", "describe"} | SERVICES | VIRTIO | {"pci", "msix", "block", "char", "net", "vhost"},
    "src/backend": BASE | BACKENDS | {"loop", "event", "terminal", "sandbox", "privileges"},
    "src/gdb": BASE | DEBUG,
    "src/control": BASE | {"control", "loop"},
    "src/system": BASE | {"config", "system_config", "system", "control", "loop", "exit_status"},
    "src/sandbox": BASE | SANDBOX,
    "src/vmm": ALL - {"terminal"} - SANDBOX | {"sandbox"},
    "src/cli": ALL,
}
# The KVM half of an architecture knows the machine, and still no device.
KVM_HALF = re.compile(r"src/arch/([^/]+/)?kvm_[^/]+$")
KVM_HALF_ALLOWED = BASE | SERVICES | IMAGES | MACHINE | {"gdb_target"}

# What runs in a child process may end it.
CHILD = re.compile(r"src/(backend/net(_[a-z]+)?_child|system/child)\.c$")

# Who knows JSON: configurations, and the control socket with its commands and its client.
JSON = re.compile(r"src/(config|control|system)/|src/vmm/control_|src/cli/(control_|cmd_|main\.c$)|include/iolite/control\.h$")

KVM_FOLDERS = ("src/vmm", "src/arch", "src/cli", "src/sandbox")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
OUTPUT = re.compile(r"(?<![\w.>])(printf|puts|putchar|fprintf|exit|_exit|abort_with)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')


def allowed_for(path):
    if KVM_HALF.match(path):
        return KVM_HALF_ALLOWED
    folder = max((f for f in ALLOWED if path.startswith(f + "/")), key=len, default=None)
    return None if folder is None else ALLOWED[folder]


def check_include(path, kind, target):
    if kind == '"':
        if "/" in target and not target.startswith("pci/"):
            return f"includes {target}: a folder's private headers are its own"
        return None
    if target in ("linux/kvm.h", "asm/kvm.h") and not path.startswith(KVM_FOLDERS + ("include/",)):
        return f"includes <{target}>: KVM is for {', '.join(KVM_FOLDERS)}"
    if target == "jansson.h" and not JSON.match(path):
        return "includes <jansson.h>: JSON is for configurations and the control socket"
    if not target.startswith("iolite/"):
        return None
    name = target[len("iolite/"):-len(".h")]
    allowed = allowed_for(path)
    if path.startswith("include/"):
        return None if name in ALL else f"includes <{target}>, which has no layer in {__file__}"
    if allowed is None:
        return "lies in a folder that has no layer"
    if name not in allowed:
        return f"includes <{target}>: above or beside its layer"
    return None


def check_text(path, text):
    mistakes = []
    for kind, target in INCLUDE.findall(text):
        mistake = check_include(path, kind, target)
        if mistake:
            mistakes.append(mistake)
    if path.startswith("src/") and not path.startswith("src/cli/") and not CHILD.match(path):
        code = STRING.sub('""', COMMENT.sub("", text))
        for call in OUTPUT.findall(code):
            mistakes.append(f"calls {call}(): only src/cli prints or exits")
    return [f"{path}: {mistake}" for mistake in mistakes]


def check_tree(root):
    mistakes = []
    headers = {p.stem for p in (root / "include/iolite").glob("*.h")}
    for name in sorted(headers - ALL):
        mistakes.append(f"include/iolite/{name}.h: has no layer in tests/tree/check_layers.py")
    for name in sorted(ALL - headers):
        mistakes.append(f"tests/tree/check_layers.py: include/iolite/{name}.h does not exist")
    files = [p for folder in ("src", "include") for p in sorted((root / folder).rglob("*.[ch]"))]
    for path in files:
        mistakes += check_text(str(path.relative_to(root)), path.read_text())
    return len(files), mistakes


def self_test():
    cases = [
        ("src/backend/x.c", "#include <iolite/memory.h>\n", True),
        ("src/backend/x.c", "#include <iolite/loop.h>\n", False),
        ("src/devices/uart.c", "#include <iolite/vm.h>\n", True),
        ("src/devices/uart.c", "#include <linux/kvm.h>\n", True),
        ("src/arch/x86_64/load.c", "#include <iolite/uart.h>\n", True),
        ("src/arch/x86_64/load.c", "#include <iolite/vm.h>\n", True),
        ("src/arch/x86_64/kvm_vm.c", "#include <iolite/vm.h>\n", False),
        ("src/arch/x86_64/kvm_vm.c", "#include <iolite/uart.h>\n", True),
        ("src/vmm/vm.c", '#include "../cli/cli.h"\n', True),
        ("src/vmm/vm.c", "#include <jansson.h>\n", True),
        ("src/config/json.c", "#include <jansson.h>\n", False),
        ("src/vmm/control_run.c", "#include <jansson.h>\n", False),
        ("src/vmm/vm.c", "void f(void) { exit(1); }\n", True),
        ("src/vmm/vm.c", "/* exit(1) */ void f(void) { on_exit_printf(1); }\n", False),
        ("src/backend/net_user_child.c", "void f(void) { _exit(1); }\n", False),
        ("src/backend/net_user.c", "void f(void) { _exit(1); }\n", True),
        ("src/cli/main.c", "void f(void) { printf(\"x\"); }\n", False),
        ("src/other/x.c", "#include <iolite/log.h>\n", True),
    ]
    wrong = [case for case in cases if bool(check_text(case[0], case[1])) != case[2]]
    for case in wrong:
        print(f"self test: {case}")
    return len(cases), wrong


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    count, mistakes = self_test() if sys.argv[1:] == ["--self-test"] else check_tree(root)
    for mistake in mistakes:
        print(mistake)
    print(f"{count} checked, {len(mistakes)} mistakes")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
