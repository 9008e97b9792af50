// SPDX-License-Identifier: Apache-2.0
// What one policy matches: fields against connections, then matches in clauses in rules.
//
// Every expectation is tried with a policy that denies and with one that allows: both must hear the same.

import Format
import Testing

@testable import Mesh

private typealias Match = Policy.Match
private typealias Field = Policy.Field
private typealias Account = Policy.ServiceAccount

/// Whether rules match, told by what becomes of the connection; nil when denying and allowing disagree.
private func holds(_ rules: [Policy.Rule], for connection: Connection) -> Bool? {
  let denied = PolicyScene(policies: [PolicyScene.policy("shop/p", .deny, rules: rules)]).judge(connection)
  let allowed = PolicyScene(policies: [PolicyScene.policy("shop/p", .allow, rules: rules)]).judge(connection)
  switch (denied.refusal, allowed.refusal) {
  case (.denied, nil): return denied.hit == nil || allowed.hit == nil ? nil : true
  case (nil, .notAllowed): return denied.hit == nil && allowed.hit == nil ? false : nil
  default: return nil
  }
}

/// One field with one value, three connections.
@Suite struct AuthorizeMatrixTests {
  struct Cell: Sendable, CustomTestStringConvertible {
    let row: String
    let match: Policy.Match
    let peer: String
    let connection: Connection
    let isMatch: Bool
    var testDescription: String { "\(row), \(peer)" }
  }

  static let cells: [Cell] = [
    row("namespaces", Match(namespaces: Field([.exact("namespace")])), false, true, false),
    row("not_namespaces", Match(namespaces: Field(not: [.exact("namespace")])), true, false, true),
    row(
      "service_accounts", Match(accounts: Field([Account(namespace: "namespace", name: "account")])), false, true, false
    ),
    row(
      "not_service_accounts", Match(accounts: Field(not: [Account(namespace: "namespace", name: "account")])),
      true, false, true),
    row("principals", Match(principals: Field([.exact("td/ns/namespace/sa/account")])), false, true, false),
    row("not_principals", Match(principals: Field(not: [.exact("td/ns/namespace/sa/account")])), true, false, true),
    row("source_ips", Match(sources: Field([block("127.0.0.1/32")])), true, true, false),
    row("not_source_ips", Match(sources: Field(not: [block("127.0.0.1/32")])), false, false, true),
    row("destination_ips", Match(destinations: Field([block("127.0.0.2/32")])), true, true, false),
    row(
      "not_destination_ips", Match(destinations: Field(not: [block("127.0.0.2/32")])), false, false, true),
    // The host bits of the block mean nothing.
    row("destination_ips/24", Match(destinations: Field([block("127.0.0.1/24")])), true, true, true),
    row("destination_ports", Match(ports: Field([8080])), true, true, false),
    row("not_destination_ports", Match(ports: Field(not: [8080])), false, false, true),
  ].flatMap(\.self)

  private static func row(_ name: String, _ match: Match, _ plain: Bool, _ tls: Bool, _ alt: Bool) -> [Cell] {
    [
      Cell(row: name, match: match, peer: "plain", connection: PolicyScene.plain, isMatch: plain),
      Cell(row: name, match: match, peer: "tls", connection: PolicyScene.tls, isMatch: tls),
      Cell(row: name, match: match, peer: "alt", connection: PolicyScene.alt, isMatch: alt),
    ]
  }

  @Test(arguments: cells)
  func oneFieldWithOneValue(_ cell: Cell) {
    #expect(holds(PolicyScene.rules([[[cell.match]]]), for: cell.connection) == cell.isMatch)
  }

  @Test func theTableIsWhole() {
    #expect(Self.cells.count == 39)
  }
}

/// How matches nest, and what the empty ones of each level mean.
@Suite struct AuthorizeNestingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let rules: [[[Policy.Match]]]
    let isMatch: Bool
    var testDescription: String { name }

    init(_ name: String, _ rules: [[[Policy.Match]]], _ isMatch: Bool) {
      (self.name, self.rules, self.isMatch) = (name, rules, isMatch)
    }
  }

  private static let yes = Match(ports: Field([8080]))
  private static let no = Match(ports: Field([1]))
  private static let empty = Match()

  @Test(arguments: [
    Case("no rules never match", [], false),
    Case("a rule without clauses matches everything", [[]], true),
    Case("a clause without matches matches everything", [[[]]], true),
    Case("a match without fields matches nothing", [[[empty]]], false),
    Case("a clause made only of empty matches is false", [[[empty, empty]]], false),
    Case("an empty match is passed over beside one that holds", [[[empty, yes]]], true),
    Case("an empty match is passed over beside one that does not", [[[no, empty]]], false),
    Case("a clause of empty matches is not passed over", [[[yes], [empty]]], false),
    Case("a clause without matches leaves the others their say", [[[], [no]]], false),
    Case("a clause without matches does not stop the others", [[[], [yes]]], true),
    Case("a rule without clauses stands beside one that does not match", [[[no]], []], true),
    Case("one of the matches is enough", [[[no, yes]]], true),
    Case("none of the matches is not enough", [[[no, no]]], false),
    Case("every clause has to match", [[[yes], [no]]], false),
    Case("every clause matches", [[[yes], [no, yes]]], true),
    Case("one of the rules is enough", [[[no]], [[yes]]], true),
    Case("rules do not lend each other clauses", [[[yes], [no]], [[no], [yes]]], false),
    Case("none of the rules is not enough", [[[no]], [[no]]], false),
  ])
  func emptyAndNestedLevels(_ c: Case) {
    #expect(holds(PolicyScene.rules(c.rules), for: PolicyScene.plain) == c.isMatch)
  }

  /// Nesting: two namespaces in one clause, and a port in the next.
  @Test(
    arguments: [
      ("a", 80, true), ("b", 80, true), ("c", 80, false), ("a", 81, false), ("b", 81, false), ("c", 81, false),
    ] as [(String, UInt16, Bool)])
  func namespacesOrEachOtherAndAPort(namespace: String, port: UInt16, isMatch: Bool) {
    let rules = PolicyScene.rules([
      [
        [Match(namespaces: Field([.exact("a")])), Match(namespaces: Field([.exact("b")]))], [Match(ports: Field([80]))],
      ]
    ])
    let connection = PolicyScene.connection("spiffe://td/ns/\(namespace)/sa/x", port: port)
    #expect(holds(rules, for: connection) == isMatch)
  }

  /// Several rules; the verdict says which one it was.
  @Test(arguments: [("a", 0), ("b", 1), ("c", nil), ("ab", 2)] as [(String, Int?)])
  func theFirstRuleThatMatchesIsNamed(namespace: String, rule: Int?) {
    let rules = PolicyScene.rules([
      [[Match(namespaces: Field([.exact("a")]))]],
      [[Match(namespaces: Field([.exact("b")]))]],
      [[Match(namespaces: Field([.prefix("a"), .prefix("b")]))]],
    ])
    let policy = PolicyScene.policy("shop/p", .deny, rules: rules)
    let verdict = PolicyScene(policies: [policy]).judge(PolicyScene.connection("spiffe://td/ns/\(namespace)/sa/x"))
    #expect(verdict.hit == rule.map { Verdict.Hit(policy: policy, rule: $0) })
    #expect(verdict.isAllowed == (rule == nil))
  }
}

/// What each kind of field compares, and how its positives and negatives join.
@Suite struct AuthorizeFieldTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let match: Policy.Match
    let connection: Connection
    let isMatch: Bool
    var testDescription: String { name }

    init(_ name: String, _ match: Policy.Match, _ isMatch: Bool, for connection: Connection = PolicyScene.tls) {
      (self.name, self.match, self.connection, self.isMatch) = (name, match, connection, isMatch)
    }
  }

  private static func namespaces(_ wanted: Policy.StringMatch...) -> Match { Match(namespaces: Field(wanted)) }
  private static func principals(_ wanted: Policy.StringMatch...) -> Match { Match(principals: Field(wanted)) }
  private static func accounts(_ namespace: String, _ name: String) -> Match {
    Match(accounts: Field([Account(namespace: namespace, name: name)]))
  }
  private static let plain = PolicyScene.plain

  @Test(arguments: [
    Case("plaintext comes from the namespace without a name", namespaces(.exact("")), true, for: plain),
    Case("the namespace without a name is not any", namespaces(.exact("")), false),
    Case("the namespace without a name has every prefix of none", namespaces(.prefix("")), true, for: plain),
    Case("the namespace without a name has every suffix of none", namespaces(.suffix("")), true, for: plain),
    Case("plaintext has no namespace that is present", namespaces(.presence), false, for: plain),
    Case("an identity has a namespace", namespaces(.presence), true),
    Case("an unwanted presence matches plaintext", Match(namespaces: Field(not: [.presence])), true, for: plain),
    Case("an unwanted presence refuses an identity", Match(namespaces: Field(not: [.presence])), false),
    Case(
      "an unwanted namespace matches plaintext", Match(namespaces: Field(not: [.exact("namespace")])), true, for: plain),
    Case(
      "an unwanted empty namespace refuses plaintext", Match(namespaces: Field(not: [.exact("")])), false, for: plain),
    Case("a namespace is compared whole", namespaces(.exact("namespac")), false),
    Case("a namespace has no trust domain", namespaces(.prefix("td")), false),
    Case("a namespace is compared by its start", namespaces(.prefix("name")), true),
    Case("a namespace is compared by its end", namespaces(.suffix("space")), true),
    Case("a start is not an end", namespaces(.suffix("name")), false),
    Case("an end is not a start", namespaces(.prefix("space")), false),
    Case("the case of a namespace matters", namespaces(.exact("Namespace")), false),
    Case("the case of a start matters", namespaces(.prefix("Name")), false),
    Case("the case of an end matters", namespaces(.suffix("SPACE")), false),
    Case("one of the namespaces is enough", namespaces(.exact("a"), .exact("namespace")), true),
  ])
  func namespaceOfThePeer(_ c: Case) { expect(c) }

  @Test(arguments: [
    Case("an identity is present", principals(.presence), true),
    Case("plaintext is not present", principals(.presence), false, for: plain),
    Case("an unwanted presence is plaintext", Match(principals: Field(not: [.presence])), true, for: plain),
    Case("an unwanted presence is no identity", Match(principals: Field(not: [.presence])), false),
    Case("nobody is no exact principal", principals(.exact("")), false, for: plain),
    Case("nobody starts with nothing", principals(.prefix("")), false, for: plain),
    Case("nobody ends with nothing", principals(.suffix("")), false, for: plain),
    Case("nobody is never unwanted by a start", Match(principals: Field(not: [.prefix("")])), true, for: plain),
    Case("nobody is never unwanted by an end", Match(principals: Field(not: [.suffix("")])), true, for: plain),
    Case("nobody is never unwanted", Match(principals: Field(not: [.exact("")])), true, for: plain),
    Case("every identity starts with nothing", principals(.prefix("")), true),
    Case("no identity is nothing", principals(.exact("")), false),
    Case("a principal has no scheme", principals(.exact("spiffe://td/ns/namespace/sa/account")), false),
    Case("a principal does not start with a scheme", principals(.prefix("spiffe://")), false),
    Case("a principal starts with the trust domain", principals(.prefix("td/ns/")), true),
    Case("a principal ends with the account", principals(.suffix("/sa/account")), true),
    Case("the trust domain matters", principals(.exact("other/ns/namespace/sa/account")), false),
    Case("the case of a principal matters", principals(.exact("td/ns/namespace/sa/Account")), false),
    Case("the case of the trust domain matters", principals(.prefix("TD/")), false),
    Case("no alias of the trust domain is tried", principals(.exact("cluster.local/ns/namespace/sa/account")), false),
  ])
  func identityOfThePeer(_ c: Case) { expect(c) }

  @Test(arguments: [
    Case("the trust domain does not matter", accounts("ns-alt", "sa=alt"), true, for: PolicyScene.alt),
    Case("nobody has no account", accounts("", ""), false, for: plain),
    Case(
      "nobody has no unwanted account", Match(accounts: Field(not: [Account(namespace: "", name: "")])), true,
      for: plain),
    Case("the namespace matters", accounts("other", "account"), false),
    Case("the name matters", accounts("namespace", "other"), false),
    Case("the case of the namespace matters", accounts("Namespace", "account"), false),
    Case("the case of the name matters", accounts("namespace", "Account"), false),
    Case("a part of the name is not the name", accounts("namespace", "accoun"), false),
    Case("namespace and name do not run into each other", accounts("namespac", "eaccount"), false),
  ])
  func accountOfThePeer(_ c: Case) { expect(c) }

  @Test(arguments: [
    Case("a port of several", Match(ports: Field([80, 8080])), true),
    Case("a port of none of them", Match(ports: Field([80, 443])), false),
    Case("one unwanted port of several", Match(ports: Field(not: [80, 8080])), false),
    Case("no unwanted port of several", Match(ports: Field(not: [80, 443])), true),
    Case("wanted and unwanted at once", Match(ports: Field([80, 8080], not: [8080])), false),
    Case("wanted, and something else unwanted", Match(ports: Field([80, 8080], not: [80])), true),
    Case("neither wanted nor unwanted", Match(ports: Field([80], not: [443])), false),
    Case(
      "wanted by its start, unwanted by its end",
      Match(namespaces: Field([.prefix("name")], not: [.suffix("space")])), false),
    Case("two kinds that both match", Match(namespaces: Field([.presence]), ports: Field([8080])), true),
    Case("two kinds of which the first fails", Match(namespaces: Field([.exact("a")]), ports: Field([8080])), false),
    Case("two kinds of which the last fails", Match(namespaces: Field([.presence]), ports: Field([80])), false),
    Case(
      "a kind that is unwanted beside one that matches",
      Match(principals: Field(not: [.presence]), ports: Field([8080])), false),
    Case(
      "all six kinds",
      Match(
        namespaces: Field([.exact("namespace")], not: [.exact("a")]),
        principals: Field([.presence], not: [.exact("a")]),
        accounts: Field([Account(namespace: "namespace", name: "account")]),
        sources: Field([block("127.0.0.1")]), destinations: Field([block("127.0.0.2")]),
        ports: Field([8080])), true),
    Case(
      "all six kinds, and one address is unwanted",
      Match(
        namespaces: Field([.exact("namespace")], not: [.exact("a")]),
        principals: Field([.presence], not: [.exact("a")]),
        accounts: Field([Account(namespace: "namespace", name: "account")]),
        sources: Field([block("127.0.0.1")]),
        destinations: Field([block("127.0.0.2")], not: [block("127.0.0.0/8")]),
        ports: Field([8080])), false),
  ])
  func valuesAndKindsJoin(_ c: Case) { expect(c) }

  private func expect(_ c: Case) {
    #expect(holds(PolicyScene.rules([[[c.match]]]), for: c.connection) == c.isMatch)
  }
}

/// Addresses against blocks of either family, at either end of the connection.
@Suite struct AuthorizeAddressTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let block: String
    let address: String
    let isInside: Bool
    var testDescription: String { "\(address) in \(block)" }

    init(_ block: String, _ address: String, _ isInside: Bool) {
      (self.block, self.address, self.isInside) = (block, address, isInside)
    }
  }

  @Test(arguments: [
    Case("10.0.0.0/8", "10.255.0.1", true), Case("10.0.0.0/8", "11.0.0.0", false),
    Case("10.0.0.0/9", "10.127.255.255", true), Case("10.0.0.0/9", "10.128.0.0", false),
    Case("10.1.2.3/32", "10.1.2.3", true), Case("10.1.2.3/32", "10.1.2.2", false),
    Case("10.1.2.3/31", "10.1.2.2", true), Case("10.1.2.3", "10.1.2.4", false),
    Case("10.9.9.9/8", "10.1.2.3", true), Case("0.0.0.0/0", "203.0.113.1", true),
    Case("2001:db8::/32", "2001:db8:ffff::1", true), Case("2001:db8::/32", "2001:db9::", false),
    Case("2001:db8::1/32", "2001:db8::2", true), Case("2001:db8::1/128", "2001:db8::1", true),
    Case("2001:db8::1/128", "2001:db8::2", false), Case("2001:db8::1", "2001:db8::1", true),
    Case("2001:db8:0:0:8000::/65", "2001:db8:0:0:ffff::1", true),
    Case("2001:db8:0:0:8000::/65", "2001:db8:0:0:7fff::1", false),
    Case("2001:db8:0:1::/64", "2001:db8:0:1:ffff::", true), Case("2001:db8:0:1::/64", "2001:db8::", false),
    Case("::/0", "2001:db8::1", true),
    // The families are strangers to each other, however much their bits are alike.
    Case("::/0", "10.1.2.3", false), Case("0.0.0.0/0", "::1", false), Case("::a00:0/104", "10.1.2.3", false),
    Case("10.0.0.0/8", "::a01:203", false), Case("0.0.0.0/0", "::a01:203", false),
    // An IPv4-mapped address is the IPv4 address: a dual-stack socket tells it so.
    Case("10.0.0.0/8", "::ffff:10.1.2.3", true), Case("::/0", "::ffff:10.1.2.3", false),
  ])
  func containment(_ c: Case) {
    let wanted = block(c.block)
    let source = PolicyScene.connection(nil, from: c.address, to: "192.0.2.1")
    let destination = PolicyScene.connection(nil, from: "192.0.2.1", to: c.address)
    func check(_ match: Match, _ connection: Connection, _ isMatch: Bool) {
      #expect(holds(PolicyScene.rules([[[match]]]), for: connection) == isMatch)
    }
    check(Match(sources: Field([wanted])), source, c.isInside)
    check(Match(sources: Field(not: [wanted])), source, !c.isInside)
    check(Match(destinations: Field([wanted])), destination, c.isInside)
    check(Match(destinations: Field(not: [wanted])), destination, !c.isInside)
  }

  @Test func eitherEndIsItsOwn() {
    let (one, other) = (block("127.0.0.1"), block("127.0.0.2"))
    #expect(holds(PolicyScene.rules([[[Match(sources: Field([other]))]]]), for: PolicyScene.plain) == false)
    #expect(holds(PolicyScene.rules([[[Match(destinations: Field([one]))]]]), for: PolicyScene.plain) == false)
    let several = Match(sources: Field([other, one]), destinations: Field([other], not: [one]))
    #expect(holds(PolicyScene.rules([[[several]]]), for: PolicyScene.plain) == true)
  }
}

/// The edges of each way to compare texts.
@Suite struct AuthorizeTextTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let match: Policy.StringMatch
    let text: String
    let isMatch: Bool
    var testDescription: String { "\(match), \(text)" }

    init(_ match: Policy.StringMatch, _ text: String, _ isMatch: Bool) {
      (self.match, self.text, self.isMatch) = (match, text, isMatch)
    }
  }

  @Test(arguments: [
    Case(.exact("foo"), "foo", true), Case(.exact("foo"), "fool", false), Case(.exact("foo"), "fo", false),
    Case(.exact("foo"), "Foo", false), Case(.exact("foo"), "", false), Case(.exact(""), "", true),
    Case(.exact(""), "foo", false),
    Case(.prefix("foo"), "foo", true), Case(.prefix("foo"), "fool", true), Case(.prefix("foo"), "fo", false),
    Case(.prefix("foo"), "afoo", false), Case(.prefix("foo"), "FOOL", false), Case(.prefix("foo"), "", false),
    Case(.prefix(""), "", true), Case(.prefix(""), "foo", true),
    Case(.suffix("foo"), "foo", true), Case(.suffix("foo"), "afoo", true), Case(.suffix("foo"), "oo", false),
    Case(.suffix("foo"), "fool", false), Case(.suffix("foo"), "AFOO", false), Case(.suffix("foo"), "", false),
    Case(.suffix(""), "", true), Case(.suffix(""), "foo", true),
    Case(.presence, "", false), Case(.presence, "foo", true), Case(.presence, " ", true),
    // A star is a letter: the control plane has turned patterns into these before.
    Case(.exact("*"), "foo", false), Case(.exact("*"), "*", true), Case(.prefix("f*"), "foo", false),
    // Bytes are compared. Two spellings of one letter are two texts, and half a letter is a start.
    Case(.exact("caf\u{e9}"), "caf\u{e9}", true), Case(.exact("caf\u{e9}"), "cafe\u{301}", false),
    Case(.prefix("cafe"), "cafe\u{301}", true), Case(.suffix("\u{301}"), "cafe\u{301}", true),
    Case(.suffix("\u{e9}"), "cafe\u{301}", false), Case(.prefix("a\r"), "a\r\n", true),
  ])
  func literalAndWithCase(_ c: Case) {
    #expect(c.match.matches(c.text.utf8Span.span) == c.isMatch)
  }
}
