# SPDX-License-Identifier: Apache-2.0
"""Who runs where. Load generator and origin share one CPU, the proxies the other: none pays for the other's work."""

LOAD_CPU = 0
PROXY_CPU = 1

# Nice value of everything measured and everything that measures. Neighbours on the machine then cost a latency sample
# microseconds instead of their time slice; among themselves all candidates stay equal.
PRIORITY = 0
