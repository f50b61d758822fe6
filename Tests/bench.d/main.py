"""Tests/bench, from where the tools are there: makes data and servers, runs the rows, prints the table."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial

import copying_rows as copying
import planning_rows as planning
import report
from servers import Registry
from tools import Tools

HERE = os.path.dirname(os.path.abspath(__file__))

ROWS = {
    "no-op": (planning.no_op, "plan, 1,000 tags in 100 repositories, all in place; warm cache"),
    "no-op-cold": (partial(planning.no_op, cache="cold"), "the same, cold cache"),
    "no-op-on-copy": (partial(planning.no_op, referrers="onCopy"), "the same, warm cache, referrers: onCopy"),
    "no-op-on-copy-cold": (partial(planning.no_op, cache="cold", referrers="onCopy"), "the same, cold cache, referrers: onCopy"),
    "no-op-fast": (planning.no_op_fast, "no-op over faster registries than docker-registry; warm cache"),
    "latency": (partial(planning.no_op, latency=20), "no-op with 20 ms of latency each way; warm cache"),
    "latency-cold": (partial(planning.no_op, cache="cold", latency=20), "the same, cold cache"),
    "latency-on-copy": (partial(planning.no_op, referrers="onCopy", latency=20), "the same, warm cache, referrers: onCopy"),
    "small": (copying.small_images, "first copy of 1,000 small images"),
    "small-on-copy": (partial(copying.small_images, referrers="onCopy"), "the same, referrers: onCopy"),
    "large": (partial(copying.large, targets=1), "one image of 8 × 128 MiB"),
    "large-three": (partial(copying.large, targets=3), "the same image to three registries"),
    "large-faulty": (copying.faulty, "the same to four: one answers 413 early, one resets, one stalls"),
    "shared": (copying.shared_layers, "1,000 images that share 3 layers, into 50 repositories of one registry"),
    "million": (planning.million, "plan of 1,000,000 tags of registries in memory, all in place"),
    "layouts": (planning.layouts, "plan of 100,000 tags in 100 image layouts on both sides"),
    "validate": (planning.validate, "validate of a spec of 100,000 lines"),
    "version": (planning.version, "crplan version"),
}


class Bench:
    """What every row gets: the tools, and a folder that is empty when the row begins."""

    def __init__(self, folder, tools, runs, scale):
        self.folder = folder
        self.tools = tools
        self.runs = runs
        self.scale = scale

    def scaled(self, count):
        return max(2, round(count * self.scale))

    def path(self, name):
        return f"{self.folder}/row/{name}"

    def registry(self, name):
        return Registry(self.path(name))

    @staticmethod
    def say(text):
        print(f"   {text}", file=sys.stderr, flush=True)

    def run(self, name, row):
        """The table's lines of one row, and whether crplan did its work."""
        print(f"== {name}: {ROWS[name][1]}", file=sys.stderr, flush=True)
        os.makedirs(f"{self.folder}/row")
        try:
            result = row(self)
        finally:
            shutil.rmtree(f"{self.folder}/row")
        for outcome in result.outcomes:
            if outcome.problem:
                self.say(f"{outcome.name}: {outcome.problem}")
        return report.lines_of(name, result, self.scale == 1), not result.outcomes[0].problem


def compile_helpers(folder):
    compiler = shutil.which("cc") or shutil.which("clang")
    if not compiler:
        sys.exit("Tests/bench: there is no C compiler (cc or clang); Swift's toolchain has clang")
    for name in ("measure", "head_loop", "fast_registry"):
        subprocess.run([compiler, "-O2", "-pthread", f"{HERE}/{name}.c", "-o", f"{folder}/{name}"], check=True)


def arguments():
    parser = argparse.ArgumentParser(prog="Tests/bench", add_help=False)
    parser.add_argument("--crplan", required=True)
    parser.add_argument("--planner", default="")
    parser.add_argument("--row", action="append", choices=ROWS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    if options.runs < 1 or options.connections < 1 or not 0 < options.scale <= 1:
        parser.error("--runs and --connections start at 1; --scale is above 0 and at most 1")
    return options


def main():
    if sys.argv[1:] == ["--list"]:
        for name, (_, title) in ROWS.items():
            print(f"{name:20} {title}")
        return
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lines, well = [], True
    with tempfile.TemporaryDirectory(prefix="crplan-bench-") as folder:
        compile_helpers(folder)
        tools = Tools(folder, os.path.abspath(options.crplan), options.planner, options.connections)
        bench = Bench(folder, tools, options.runs, options.scale)
        for name in options.row or ROWS:
            row_lines, row_well = bench.run(name, ROWS[name][0])
            lines += row_lines
            well = well and row_well
    print(f"\nMedians of {options.runs} interleaved runs, {options.connections} connections per registry, scale {options.scale:g}.\n")
    print(report.table(lines))
    print(NOTES)
    sys.exit(0 if well else 1)


NOTES = """
crplan ÷: crplan's figure divided by this line's. Requests and bytes are counted in a run of their own, from the registries' logs.
Bound: crplan's requests ÷ the rate of a bare HEAD loop over the same registries, measured between the same runs.
skopeo has no setting for how much it does at once. Peak memory of several processes is that of the largest one."""

if __name__ == "__main__":
    main()
