#!/usr/bin/env python3
"""kept.py LXRUN GROW: what lxrun keeps of what is over: after 4 N the same objects and descriptors as after N."""
import os
import re
import subprocess
import sys

COUNT = 60  # more than the children that a process remembers until somebody asks what they used
CASES = ["fork", "killed", "group", "fault", "exec", "orphan", "thread", "open", "pipe", "map", "timer"]
MARGIN = 40  # pools (that of fresh processes deepens to 32 under load), spares, and what ends a moment later


def run(lxrun, grow, case, count):
    """Objects by type, and the descriptors that lxrun has once all is over."""
    process = subprocess.Popen([lxrun, "--objects", grow, case, str(count), "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    if not process.stdout.readline().strip().isdigit():
        sys.exit(f"{case} {count}: {process.communicate()[0]}")
    descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
    output, _ = process.communicate("", timeout=60)
    if process.returncode != 0:
        sys.exit(f"{case} {count}: ended with {process.returncode}")
    kept = {name: int(objects) for name, objects in re.findall(r"^ +(\w+) +Type .* (\d+) objects", output, re.MULTILINE)}
    if not kept.get("Process"):
        sys.exit(f"{case}: no counts of objects in {output}")
    kept["descriptor"] = descriptors
    return kept


def main():
    lxrun, grow = sys.argv[1:3]
    failed = False
    for case in CASES:
        few, many = (run(lxrun, grow, case, count) for count in (COUNT, 4 * COUNT))
        grown = {name: f"{few[name]} -> {many[name]}" for name in few if many[name] > few[name] + MARGIN}
        print(f"{case}: {grown or 'nothing more'}")
        failed = failed or bool(grown)
    sys.exit(failed)


main()
