#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second opinion on who may connect to whom, for AuthorizeOracleTests.swift.

It follows the semantics that ambient meshes share (which policies are heard, the order of the decision, what a match means) and
Skein's own additions: a policy that the workload lists and nobody knows refuses, audit policies decide nothing. It was
written before its author read the Swift code, it walks every policy for every connection, and it shares no idea of an
index with what it checks. Where the text leaves a choice, Skein's documented one is followed: of several policies that
match, those of the mesh come first, then those of the namespace, then those listed, each by key; and what a policy
remarks that decides nothing is said whatever the verdict is.

One world per line on stdin, as JSON; one verdict per connection on stdout:

  {"changes": [POLICY or {"removed": "namespace/name"}, ...],
   "namespace": "the workload's", "listed": ["namespace/name", ...],
   "connections": [{"identity": "spiffe://..." or null, "source": "ip", "destination": "ip", "port": 80}, ...]}

  POLICY = {"namespace": "", "name": "", "scope": "global|namespace|workload", "action": "allow|deny|audit",
            "dry": false, "rules": [[[MATCH, ...], ...], ...]}
  MATCH = {"namespaces": [["exact", "x"], ["presence"]], "not_namespaces": ..., "principals": ...,
           "service_accounts": [["namespace", "name"]], "source_ips": ["10.0.0.0/8"], "destination_ips": ...,
           "destination_ports": [80], and a "not_" twin of each}

  allowed|denied|not_allowed|unknown_policy KEY RULE UNKNOWN[,UNKNOWN...] [REMARK ...]

KEY, RULE and UNKNOWN are `-` when there is none. A remark is `audited:KEY:RULE`, `would_deny:KEY:RULE`,
`would_allow:KEY:RULE` or `would_not_allow`. Remarks are sorted, because nothing gives them an order.
"""

import functools
import ipaddress
import json
import sys

SCHEME = "spiffe://"

# Blocks and addresses come from small alphabets, so parsing each once is most of what makes this fast.
network = functools.cache(lambda text: ipaddress.ip_network(text, strict=False))
address = functools.cache(ipaddress.ip_address)


def text_matches(asked, text):
    """A text against one way of asking for it: literal, and case matters."""
    kind = asked[0]
    if kind == "presence":
        return text != ""
    if kind == "exact":
        return text == asked[1]
    if kind == "prefix":
        return text.startswith(asked[1])
    if kind == "suffix":
        return text.endswith(asked[1])
    raise ValueError(asked)


def principal_matches(asked, identity):
    """Nobody matches no principal, however it is asked for."""
    return identity is not None and text_matches(asked, identity.removeprefix(SCHEME))


def account_matches(asked, identity):
    """The namespace and the account, in any trust domain."""
    if identity is None:
        return False
    _, _, namespace, _, account = identity.removeprefix(SCHEME).split("/")
    return [namespace, account] == asked


def namespace_matches(asked, identity):
    """Whoever has no identity comes from the namespace with the empty name."""
    return text_matches(asked, "" if identity is None else identity.removeprefix(SCHEME).split("/")[2])


def block_holds(asked, text):
    """Containment; a block of one family holds no address of the other."""
    block, one = network(asked), address(text)
    return block.version == one.version and one in block


# Each kind of field: its name, what it looks at, and when one of its values is met.
KINDS = [
    ("namespaces", "identity", namespace_matches),
    ("principals", "identity", principal_matches),
    ("service_accounts", "identity", account_matches),
    ("source_ips", "source", block_holds),
    ("destination_ips", "destination", block_holds),
    ("destination_ports", "port", lambda asked, port: asked == port),
]


def is_empty(match):
    """Whether no field is set."""
    return not any(match.get(name) or match.get("not_" + name) for name, _, _ in KINDS)


def match_holds(match, connection):
    """Every kind of field: any of the positives or none asked, and none of the negatives."""
    for name, part, holds in KINDS:
        value = connection[part]
        wanted, unwanted = match.get(name, []), match.get("not_" + name, [])
        if wanted and not any(holds(asked, value) for asked in wanted):
            return False
        if any(holds(asked, value) for asked in unwanted):
            return False
    return True


def clause_holds(matches, connection):
    """True without matches; an empty match is skipped, so a clause made only of those is false."""
    if not matches:
        return True
    return any(match_holds(match, connection) for match in matches if not is_empty(match))


def rule_that_holds(policy, connection):
    """The index of the first rule whose clauses all hold; None when there is none."""
    for index, clauses in enumerate(policy["rules"]):
        if all(clause_holds(matches, connection) for matches in clauses):
            return index
    return None


def heard(world):
    """The policies that concern the workload, each once, and the listed keys nobody knows."""
    store = {}
    for change in world["changes"]:  # One that comes later replaces what had its key.
        if "removed" in change:
            store.pop(change["removed"], None)
        else:
            store[change["namespace"] + "/" + change["name"]] = change
    concerning = {}
    for key in sorted(store):
        if store[key]["scope"] == "global":
            concerning[key] = store[key]
    for key in sorted(store):
        if store[key]["scope"] == "namespace" and store[key]["namespace"] == world["namespace"]:
            concerning[key] = store[key]
    # The scope says how a policy is found, not whom it may concern: whatever is listed is heard.
    unknown = []
    for key in sorted(set(world["listed"])):
        if key in store:
            concerning.setdefault(key, store[key])
        else:
            unknown.append(key)
    return concerning, unknown


def judge(concerning, unknown, connection):
    """The verdict, who decided, and what the policies say that decide nothing."""

    def holding(action, dry):
        """The policies of one kind that hold, in order, each with its rule."""
        for key, policy in concerning.items():
            if policy["action"] == action and policy["dry"] == dry:
                rule = rule_that_holds(policy, connection)
                if rule is not None:
                    yield key, rule

    allows = [policy for policy in concerning.values() if policy["action"] == "allow"]
    is_guarded = any(not policy["dry"] for policy in allows)

    would_allow = [f"would_allow:{key}:{rule}" for key, rule in holding("allow", True)]
    remarks = [f"would_deny:{key}:{rule}" for key, rule in holding("deny", True)] + would_allow
    remarks += [f"audited:{key}:{rule}" for dry in (True, False) for key, rule in holding("audit", dry)]
    if any(policy["dry"] for policy in allows) and not is_guarded and not would_allow:
        remarks.append("would_not_allow")

    for key, rule in holding("deny", False):
        return "denied", key, rule, remarks
    if unknown:
        return "unknown_policy", "-", "-", remarks
    if not is_guarded:
        return "allowed", "-", "-", remarks
    for key, rule in holding("allow", False):
        return "allowed", key, rule, remarks
    return "not_allowed", "-", "-", remarks


def main():
    """Worlds in, verdicts out."""
    lines = []
    for line in sys.stdin.buffer:
        world = json.loads(line)
        concerning, unknown = heard(world)
        for connection in world["connections"]:
            verdict, key, rule, remarks = judge(concerning, unknown, connection)
            lines.append(" ".join([verdict, key, str(rule), ",".join(unknown) or "-", *sorted(remarks)]))
    sys.stdout.write("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    main()
