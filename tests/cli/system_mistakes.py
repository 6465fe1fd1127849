# SPDX-License-Identifier: Apache-2.0
"""Mistaken systems of partitions, for check_system_mistakes.py: (text, what is said of each mistake). \u00a7 stands before what is
mistaken; {D} is the folder of the file, in which "there" and "link", a link to it, are files. Systems without a kernel of their
own get one by K."""

K = '"boot": {"kernel": "there"}'
D = '"defaults": {' + K + '}'


def two(first, second, more=""):
    return '{%s, "partitions": {"a": {%s},\n "b": {%s}}%s}' % (D, first, second, more)


CASES = [
    # the system itself
    ('{"partitions": \u00a75}', "partitions: 5 is a number: give an object with a machine for each name"),
    ('{"partitions": \u00a7[]}', "partitions: this is a list: give an object with a machine for each name"),
    ('{"partitions": \u00a7{}}', "partitions: no partition: give one or more"),
    ('{%s, "partitions": {"a": \u00a77}}' % D, "partitions.a: 7 is a number: give an object with what its machine has"),
    ('{"defaults": \u00a7[], "partitions": {"a": {%s}}}' % K, "defaults: this is a list: give an object with what all partitions have"),
    ('{"partitions": {"a": \u00a7{}}}', 'partitions.a: no kernel: name one, such as "boot": {"kernel": "vmlinuz"}'),
    ('{%s, "partitions": {"a": {}}, \u00a7"partition": {}}' % D, "there is no 'partition': did you mean 'partitions'?"),
    ('{%s, "partitions": {"a": {}}, \u00a7"shared-memory": []}' % D, "there is no 'shared-memory', but name, defaults, partitions, on-all-stopped"),
    ('{%s, "partitions": {"a": {}}, \u00a7"doorbells": []}' % D, "there is no 'doorbells', but name"),
    ('{%s, "partitions": {"a": {}}, \u00a7"channels": []}' % D, "there is no 'channels', but name"),
    ('{%s, "partitions": {"a": {}}, \u00a7"claimable": []}' % D, "there is no 'claimable', but name"),
    ('{%s, "partitions": {"a": {}}, \u00a7"errors": []}' % D, "there is no 'errors', but name"),
    ('{%s, "partitions": {"a": {}}, "name": \u00a7"a/b"}' % D, "name: 'a/b' is no name: give a letter or digit"),
    ('{%s, "partitions": {"a": {}}, "name": \u00a71}' % D, "name: 1 is a number: give text"),
    ('{%s, "partitions": {\u00a7"": {}}}' % D, "partitions: '' is no name: give a letter or digit"),
    ('{%s, "partitions": {\u00a7"a b": {}}}' % D, "partitions: 'a b' is no name: give a letter or digit"),
    ('{%s, "partitions": {\u00a7"%s": {}}}' % (D, "x" * 65), "is too long: a name has up to 64 bytes"),
    ('{%s, "partitions": {"a": {}, \u00a7"a": {}}}' % D, 'the key "a" is given twice: leave one out'),
    # when all have stopped
    (two("", "", ', "on-all-stopped": \u00a7"quit"'), "on-all-stopped: 'quit' is neither exit nor stay: give one of them"),
    (two("", "", ', "on-all-stopped": \u00a7true'), 'on-all-stopped: this is true: give "exit", "stay", or a program'),
    (two("", "", ', "on-all-stopped": \u00a7[]'), "on-all-stopped: an empty list: give a program"),
    (two("", "", ', "on-all-stopped": [\u00a7"reboot"]'), "on-all-stopped[0]: 'reboot' is no path from the root: give one"),
    (two("", "", ', "on-all-stopped": ["/bin/true", \u00a75]'), "on-all-stopped[1]: 5 is a number: give text"),
    # defaults: told of once, where they stand
    ('{"defaults": {%s, \u00a7"cpu": 2}, "partitions": {"a": {}, "b": {}}}' % K, "defaults: there is no 'cpu': did you mean 'cpus'?"),
    ('{"defaults": {"boot": {"kernel": \u00a7""}}, "partitions": {"a": {}, "b": {}}}', "defaults.boot.kernel: '' is no path: name a file"),
    ('{"defaults": {%s, "memory": \u00a7"1T"}, "partitions": {"a": {}, "b": {"memory": "1G"}}}' % K, "defaults.memory: '1T'"),
    ('{"defaults": {%s, "disks": [{"path": "there", \u00a7"cach": "unsafe"}]}, "partitions": {"a": {}}}' % K,
     "defaults.disks[0]: there is no 'cach': did you mean 'cache'?"),
    ('{"defaults": {%s, "restart": \u00a7"often"}, "partitions": {"a": {}, "b": {}}}' % K, "defaults.restart: 'often' is no policy: give never"),
    # a partition's own keys
    (two('\u00a7"kernel": "there"', ""), "partitions.a: 'kernel' belongs to 'boot'"),
    (two('\u00a7"afterr": []', ""), "partitions.a: there is no 'afterr': did you mean 'after'?"),
    (two('"autostart": \u00a7"yes"', ""), "partitions.a.autostart: 'yes' is text: give true or false"),
    (two('"restart": \u00a75', ""), "partitions.a.restart: 5 is a number: give never, on-failure or always"),
    (two('"restart": {"policy": \u00a7"sometimes"}', ""), "partitions.a.restart.policy: 'sometimes' is no policy: give never"),
    (two('"restart": {\u00a7"delay": 1}', ""), "partitions.a.restart: there is no 'delay', but policy, delay-ms"),
    (two('"restart": {"delay-ms": \u00a7"1s"}', ""), "partitions.a.restart.delay-ms: '1s' is text: give a whole number"),
    (two('"restart": {"delay-ms": \u00a7-1}', ""), "partitions.a.restart.delay-ms: '-1' is out of range: give 0 to 86400000"),
    (two('"restart": {"limit": \u00a71000001}', ""), "partitions.a.restart.limit: '1000001' is out of range: give 0 to 1000000"),
    (two('"serials": [\u00a7{"kind": "stdio"}]', ""), "partitions.a.serials[0]: a partition has no terminal: leave serials out"),
    (two('"console": \u00a7{"kind": "stdio"}', ""), "partitions.a.console: a partition has no terminal: leave serials out"),
    (two('"control": \u00a7"none"', ""), "partitions.a.control: a partition needs a control socket"),
    # order
    (two('"after": \u00a7"b"', ""), "partitions.a.after: 'b' is text: give a list of names of partitions"),
    (two('"after": [\u00a71]', ""), "partitions.a.after[0]: 1 is a number: give text"),
    (two('"after": ["b", \u00a7"c"]', ""), "partitions.a.after[1]: there is no 'c', but a, b"),
    (two('"after": [\u00a7"a"]', ""), "partitions.a.after[0]: 'a' would wait for itself: leave it out"),
    (two('"after": ["b", \u00a7"b"]', ""), "partitions.a.after[1]: 'b' is named twice: leave one out"),
    (two('"after": ["b"]', '"after": [\u00a7"a"]'),
     "partitions.b.after[0]: a circle, in which none can be the first: a after b after a: leave one of them out"),
    ('{%s, "partitions": {"a": {"after": ["c"]}, "b": {"after": [\u00a7"a"]}, "c": {"after": ["b"]}}}' % D,
     "partitions.b.after[0]: a circle, in which none can be the first: a after c after b after a: leave"),
    ('{"defaults": {%s, "after": [\u00a7"a"]}, "partitions": {"a": {}, "b": {}}}' % K, "defaults.after[0]: 'a' would wait for itself"),
    # across partitions
    (two('"cpus": {"pin": [0]}', '"cpus": {"pin": \u00a7[0]}'), "partitions.b.cpus.pin: a vCPU of the partition 'a' has host CPU 0 for itself: give each"),
    (two('"cpus": {"pin": "0-1"}', '"cpus": {"pin": \u00a7[1]}'), "partitions.b.cpus.pin: host CPU 1 is one of the partition 'a'"),
    (two('"cpus": {"pin": [0]}', '"cpus": {"pin": \u00a7"0-1"}'), "partitions.b.cpus.pin: a vCPU of the partition 'a' has host CPU 0 for itself"),
    (two('"disks": [{"path": "disk"}]', '"disks": [{"path": \u00a7"./disk"}]'),
     "partitions.b.disks[0].path: '{D}/./disk' is a disk of the partition 'a' (disk0) already, and one of them writes: give each"),
    (two('"disks": [{"path": "link", "ro": true}]', '"disks": [{"path": "x"}, {"path": \u00a7"there"}]'),
     "partitions.b.disks[1].path: '{D}/there' is a disk of the partition 'a' (disk0) already"),
    (two('"disks": [{"path": "x"}]', '"serials": [\u00a7{"kind": "file", "path": "x"}]'),
     "partitions.b.serials[0]: '{D}/x' belongs to the partition 'a' (disk0) already: give each files of its own"),
    (two('"serials": [{"kind": "null", "log": "x"}]', '"serials": [\u00a7{"kind": "null", "log": "x"}]'),
     "partitions.b.serials[0]: '{D}/x' belongs to the partition 'a' (serial0) already"),
    (two('"nets": [{"kind": "tap", "ifname": "tap7"}]', '"nets": [{"kind": "tap", "ifname": \u00a7"tap7"}]'),
     "partitions.b.nets[0].ifname: the tap 'tap7' belongs to the partition 'a' (net0) already: give each its own"),
    (two('"nets": [{"kind": "socket", "path": "n", "listen": true}]', '"nets": [{"kind": "socket", "path": \u00a7"n", "listen": true}]'),
     "partitions.b.nets[0].path: '{D}/n' is a socket of the partition 'a' (net0) already: give each"),
    (two('"control": "c"', '"control": \u00a7"./c"'), "partitions.b.control: '{D}/./c' is a socket of the partition 'a' (the control socket) already"),
    (two('"control": "c"', '"serials": [\u00a7{"kind": "unix", "path": "c"}]'),
     "partitions.b.serials[0]: '{D}/c' is a socket of the partition 'a' (the control socket) already"),
    (two('"gdb": {"listen": "tcp:4711"}', '"gdb": \u00a7{"listen": "tcp:4711"}'),
     "partitions.b.gdb: the partition 'a' (gdb) listens at port 4711 already: give each its own"),
    (two('"serials": [{"kind": "tcp", "host": "0.0.0.0", "port": 4711, "expose": true}]', '"gdb": \u00a7{"listen": "tcp:4711"}'),
     "partitions.b.gdb: the partition 'a' (serial0) listens at port 4711 already"),
    (two('"name": "m"', '"name": \u00a7"m"'), "partitions.b.name: the machine of the partition 'a' is named 'm' already: give each a name"),
    (two('"name": "b"', "").replace('"b": {', '"b": \u00a7{'), "partitions.b.name: the machine of the partition 'a' is named 'b' already: give each a name"),
    ('{"defaults": {%s, "name": \u00a7"m"}, "partitions": {"a": {}, "b": {}}}' % K, "defaults.name: the machine of the partition 'a' is named 'm' already"),
    # several at once, in the order of the file
    (two('"restart": \u00a75, "after": [\u00a7"x"]', '"autostart": \u00a75', ', \u00a7"nam": "x"'),
     "partitions.a.restart: 5", "partitions.a.after[0]: there is no 'x'", "partitions.b.autostart: 5", "there is no 'nam': did you mean 'name'?"),
]

# What is right, though it looks like some of the above.
RIGHT = [
    two("", ""),
    two('"after": ["b"]', '"autostart": false'),
    two('"cpus": {"pin": "0-1"}', '"cpus": {"pin": "0-1"}'),
    two('"disks": [{"path": "there", "ro": true}]', '"disks": [{"path": "there", "ro": true}]'),
    two('"gdb": {"listen": "tcp:0"}', '"gdb": {"listen": "tcp:0"}'),
    two('"serials": [{"kind": "unix", "path": "s", "connect": true}]', '"serials": [{"kind": "unix", "path": "s", "connect": true}]'),
    two('"restart": "always"', '"restart": {"policy": "on-failure", "delay-ms": 0, "limit": 0}', ', "on-all-stopped": ["/bin/true", "x"]'),
    '{"defaults": {%s, "memory": "512M", "restart": "always"}, "partitions": {"a": {"memory": {"lock": false}, "restart": {"limit": 2}}}}' % K,
]
