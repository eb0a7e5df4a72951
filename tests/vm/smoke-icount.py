#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Inside the VM with --icount: the median of many timings of one loop repeats to within 2 %."""
import statistics
import sys
import time


def measure():
    times = []
    for _ in range(1000):
        start = time.perf_counter_ns()
        for _ in range(200):
            pass
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times)


first, second = measure(), measure()
print(f"200 empty loops: {first:.0f} and {second:.0f} instructions (virtual ns)")
sys.exit(abs(first - second) > 0.02 * first)
