#!/usr/bin/env python3
"""linear.py LXRUN GROW: what one of N costs under lxrun, when there are four times as many, grows no more than natively.

A cost that grows with N is four times as high with 4 N. The best of some tries counts, up to the first that is good.
"""
import subprocess
import sys

CASES = {"threads": 400, "ends": 400, "readers": 300, "processes": 150, "children": 300, "timers": 2000,
         "mappings": 2000, "pieces": 2000, "entries": 2000, "descriptors": 1000, "signals": 1500, "locks": 500}
LIMIT = 2.2
TRIES = 5


def cost(command, case, count):
    output = subprocess.run([*command, case, str(count)], capture_output=True, text=True, timeout=120)
    if output.returncode != 0:
        sys.exit(f"{case} {count}: {output.stderr}")
    return float(output.stdout)


def growth(command, case, count):
    few, many = (min(cost(command, case, number) for _ in range(2)) for number in (count, 4 * count))
    return many / few


def main():
    lxrun, grow = sys.argv[1:3]
    failed = []
    for case, count in CASES.items():
        seen = []
        while len(seen) < TRIES and (not seen or min(seen) > LIMIT):
            seen.append(growth([lxrun, grow], case, count) / max(1, growth([grow], case, count)))
        print(f"{case}: {min(seen):.2f}", flush=True)
        failed += [case] if min(seen) > LIMIT else []
    sys.exit(f"more than proportional: {failed}" if failed else 0)


main()
