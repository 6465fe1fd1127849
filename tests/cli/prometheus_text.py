# SPDX-License-Identifier: Apache-2.0
"""A reader of Prometheus' text exposition format, version 0.0.4, that takes nothing but what the format allows; the standard library only.

It knows nothing of iolite: it was written from Prometheus' description of the format.
"""

import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
ESCAPES = {"\\": "\\", "n": "\n", '"': '"'}
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


class FormatError(ValueError):
    """The text is not in the format; the error says where."""


class Metric:
    def __init__(self, name):
        self.name = name
        self.help = self.type = None
        self.samples = {}  # (name, ((label, value), ...)): number

    def owns(self, name):
        if name == self.name:
            return self.type != "histogram"
        return self.type == "histogram" and name in (self.name + suffix for suffix in ("_bucket", "_sum", "_count"))


def number(text):
    if re.fullmatch(r"[+-]?Inf", text):
        return math.inf if text[0] != "-" else -math.inf
    if text == "NaN":
        return math.nan
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        raise FormatError(f"{text!r} is no number")
    return float(text)


def read_labels(text):
    """Of what follows the brace: labels, and what is behind the closing one."""
    labels, seen = [], set()
    while not text.startswith("}"):
        match = LABEL.match(text)
        if not match or match[0] in seen or match[0].startswith("__"):
            raise FormatError(f"no label, or not for the first time: {text!r}")
        seen.add(match[0])
        text = text[match.end():]
        if not text.startswith('="'):
            raise FormatError(f"a label without a value: {text!r}")
        text, value = text[2:], ""
        while not text.startswith('"'):
            if not text:
                raise FormatError("a value of a label without an end")
            if text[0] == "\\":
                if len(text) < 2 or text[1] not in ESCAPES:
                    raise FormatError(f"an escape that there is not: {text[:2]!r}")
                value, text = value + ESCAPES[text[1]], text[2:]
            else:
                value, text = value + text[0], text[1:]
        labels.append((match[0], value))
        text = text[1:]
        if text.startswith(","):
            text = text[1:]
        elif not text.startswith("}"):
            raise FormatError(f"neither a comma nor an end behind a label: {text!r}")
    return tuple(labels), text[1:]


def read_sample(line):
    match = NAME.match(line)
    if not match:
        raise FormatError(f"no name: {line!r}")
    rest, labels = line[match.end():], ()
    if rest.startswith("{"):
        labels, rest = read_labels(rest[1:])
    words = rest.split(" ")
    if len(words) != 2 or words[0]:
        raise FormatError(f"not one number behind a blank: {line!r}")
    return match[0], labels, number(words[1])


def check_histogram(metric):
    """Each has buckets that only grow, the last one for all, and a count that is the same."""
    series = {}
    for (name, labels), value in metric.samples.items():
        own = tuple(pair for pair in labels if pair[0] != "le")
        one = series.setdefault(own, {"buckets": []})
        if name.endswith("_bucket"):
            one["buckets"].append((number(dict(labels)["le"]), value))
        else:
            one[name.rpartition("_")[2]] = value
    for labels, one in series.items():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        if not bounds or bounds != sorted(set(bounds)) or bounds[-1] != math.inf:
            raise FormatError(f"{metric.name} {labels}: bounds are {bounds}")
        if counts != sorted(counts) or one.get("count") != counts[-1] or "sum" not in one:
            raise FormatError(f"{metric.name} {labels}: counts are {counts}, the rest is {one}")


def check(metric):
    if metric.type == "histogram":
        check_histogram(metric)
    for (name, labels), value in metric.samples.items():
        if metric.type == "counter" and not (value >= 0 and name.endswith("_total")):
            raise FormatError(f"{name} {labels} is a counter, and is {value}")
        if metric.type == "gauge" and name.endswith("_total"):
            raise FormatError(f"{name} {labels} is a gauge")


def read_comment(line, metrics, current):
    match = re.fullmatch(r"# (HELP|TYPE) (\S+) (.*)", line)
    if not match:
        raise FormatError(f"a comment of no use: {line!r}")
    kind, name, text = match.groups()
    if not NAME.fullmatch(name):
        raise FormatError(f"no name: {line!r}")
    if not current or current.name != name:
        if name in metrics:
            raise FormatError(f"{name} comes in two places")
        current = metrics[name] = Metric(name)
    if current.samples:
        raise FormatError(f"{line!r} behind samples of it")
    if kind == "HELP":
        if current.help is not None or re.search(r"\\(?![\\n])", text):
            raise FormatError(f"a second HELP, or an escape that there is not: {line!r}")
        current.help = text
    else:
        if current.type is not None or text not in TYPES:
            raise FormatError(f"a second TYPE, or one that there is not: {line!r}")
        current.type = text
    return current


def read(text):
    """All metrics by name, in order."""
    metrics, current = {}, None
    if text and not text.endswith("\n"):
        raise FormatError("the last line has no end")
    for line in text.split("\n")[:-1]:
        if line.startswith("#"):
            current = read_comment(line, metrics, current)
            continue
        name, labels, value = read_sample(line)
        if not current or not current.help or not current.type or not current.owns(name):
            raise FormatError(f"{line!r} is not of the metric before it, or that has no HELP or TYPE")
        if (name, labels) in current.samples:
            raise FormatError(f"{line!r} comes a second time")
        current.samples[name, labels] = value
    for metric in metrics.values():
        check(metric)
    return metrics


def value_of(metrics, metric, suffix="", **labels):
    """The one sample of it that has these labels, and perhaps others."""
    found = [value for (name, has), value in metrics[metric].samples.items()
             if name == metric + suffix and set(labels.items()) <= set(has)]
    if len(found) != 1:
        raise KeyError(f"{len(found)} samples of {metric}{suffix} with {labels}")
    return found[0]


# What is wrong with each.
WRONG = {
    "no end": "# HELP a b\n# TYPE a gauge\na 1",
    "no TYPE": "# HELP a b\na 1\n",
    "two values": "# HELP a b\n# TYPE a gauge\na 1 2 3\n",
    "a value that is none": "# HELP a b\n# TYPE a gauge\na 1,5\n",
    "the same twice": '# HELP a b\n# TYPE a gauge\na{x="1"} 1\na{x="1"} 1\n',
    "in two places": "# HELP a b\n# TYPE a gauge\na 1\n# HELP b b\n# TYPE b gauge\nb 1\n# HELP a b\n",
    "an escape": '# HELP a b\n# TYPE a gauge\na{x="\\x"} 1\n',
    "a quote": '# HELP a b\n# TYPE a gauge\na{x="""} 1\n',
    "a label twice": '# HELP a b\n# TYPE a gauge\na{x="1",x="2"} 1\n',
    "a name": "# HELP a-b b\n# TYPE a-b gauge\na-b 1\n",
    "a counter's name": "# HELP a b\n# TYPE a counter\na 1\n",
    "a counter below 0": "# HELP a_total b\n# TYPE a_total counter\na_total -1\n",
    "buckets that shrink": '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    "no last bucket": '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_sum 1\na_count 2\n',
    "another count": '# HELP a b\n# TYPE a histogram\na_bucket{le="+Inf"} 2\na_sum 1\na_count 3\n',
    "bounds that shrink": '# HELP a b\n# TYPE a histogram\na_bucket{le="2"} 1\na_bucket{le="1"} 1\na_bucket{le="+Inf"} 2\na_sum 1\na_count 2\n',
}
RIGHT = ('# HELP a_total b\n# TYPE a_total counter\na_total{x="q\\"\\\\\\n",y=""} 1e3\na_total{x="2"} +Inf\n'
         '# HELP h b\\n\n# TYPE h histogram\nh_bucket{le="0.5"} 1\nh_bucket{le="+Inf"} 2\nh_sum 1.25\nh_count 2\n')


def self_test():
    """That it finds what is wrong, so that its silence means something."""
    got = read(RIGHT)
    if value_of(got, "a_total", x='q"\\\n') != 1000 or value_of(got, "h", "_bucket", le="0.5") != 1:
        raise FormatError(f"what is right is read as {[metric.samples for metric in got.values()]}")
    for what, text in WRONG.items():
        try:
            read(text)
        except FormatError:
            continue
        raise FormatError(f"takes what is wrong: {what}")
