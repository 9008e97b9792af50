# SPDX-License-Identifier: Apache-2.0
# Sourced: runs one command at a time and leaves nothing of it behind when the script ends early.
# shellcheck shell=bash

child=0
# Tenths of a second a child has for its own cleaning up.
child_grace=50

# The command gets a process group of its own, so that whatever it starts can be ended with it, by that number.
run() {
  local status=0
  set -m
  "$@" &
  child=$!
  set +m
  wait "$child" || status=$?
  # What a command left running is ended too; nothing is left in most cases.
  kill -KILL -- "-$child" 2>/dev/null || true
  child=0
  return "$status"
}

# The process groups of a process and of all that descends from it: SwiftPM gives each test process a new one.
groups_below() {
  ps -e -o pid=,ppid=,pgid= | awk -v root="$1" '
    { parent[$1] = $2; group[$1] = $3 }
    END {
      for (process in group) {
        ancestor = process
        while (ancestor != root && ancestor in parent) ancestor = parent[ancestor]
        if (ancestor == root) print group[process]
      }
    }' | sort -u
}

# Asks first: a fuzzer writes down its input, a test removes its namespaces.
end_child() {
  local root=$child tries=0 group groups
  child=0
  ((root)) || return 0
  mapfile -t groups < <(groups_below "$root")
  for group in "${groups[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done
  for group in "${groups[@]}"; do
    while ((tries++ < child_grace)) && kill -0 -- "-$group" 2>/dev/null; do sleep 0.1; done
    kill -KILL -- "-$group" 2>/dev/null || true
  done
}

trap end_child EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
