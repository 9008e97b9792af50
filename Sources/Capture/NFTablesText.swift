// SPDX-License-Identifier: Apache-2.0
// NFTablesText: the rules of a pod as one transaction of nft. What was there under these names is replaced within it, so that
// there is no moment without rules.

import Format

extension PodRules {
  /// The tables it may have.
  static let tables = ["istio-ambient-nat", "istio-ambient-mangle", "istio-ambient-raw"]

  /// The transaction that makes a namespace so.
  package var nftables: String {
    var lines: [String] = []
    for table in Self.tables { lines += ["add table inet \(table)", "delete table inet \(table)"] }
    lines += nat + mangle + (capturesDNS ? raw : [])
    return lines.joined(separator: "\n") + "\n"
  }

  /// The transaction that takes all of it away.
  package static var nftablesRemoval: String {
    tables.flatMap { ["add table inet \($0)", "delete table inet \($0)"] }.joined(separator: "\n") + "\n"
  }

  private var families: [(word: String, loopback: String, probe: String)] {
    let v4 = ("ip", "127.0.0.1", CaptureNumbers.probeV4)
    return hasV6 ? [v4, ("ip6", "::1", CaptureNumbers.probeV6)] : [v4]
  }

  private static let notOurs = "meta mark & 0x00000fff != 0x00000539"
  private static let reply = "meta mark & 0x00000fff == 0x00000111"

  private var nat: [String] {
    let table = "inet istio-ambient-nat"
    var lines = [
      "add table \(table)",
      "add chain \(table) prerouting { type nat hook prerouting priority -100; }",
      "add chain \(table) output { type nat hook output priority -100; }",
      "add chain \(table) istio-prerouting", "add chain \(table) istio-output",
      "add rule \(table) prerouting jump istio-prerouting", "add rule \(table) output jump istio-output",
    ]
    let before = "add rule \(table) istio-prerouting"
    let out = "add rule \(table) istio-output"
    for name in virtualInterfaces {
      lines.append("\(before) iifname \"\(name)\" meta l4proto tcp counter redirect to :\(CaptureNumbers.outbound)")
      lines.append("\(before) iifname \"\(name)\" meta l4proto tcp counter return")
    }
    if !isIngress {
      lines += families.map { "\(before) meta l4proto tcp \($0.word) saddr \($0.probe) counter accept" }
      lines += families.map {
        "\(before) \($0.word) daddr != \($0.loopback) tcp dport != \(CaptureNumbers.tunnel) \(Self.notOurs) "
          + "counter redirect to :\(CaptureNumbers.plaintext)"
      }
    }
    lines += families.map { "\(out) meta l4proto tcp \($0.word) daddr \($0.probe) counter accept" }
    if capturesDNS {
      lines.append("\(out) oifname != \"lo\" \(Self.notOurs) udp dport 53 counter redirect to :\(CaptureNumbers.dns)")
      lines += families.map {
        "\(out) \($0.word) daddr != \($0.loopback) tcp dport 53 \(Self.notOurs) counter redirect to :\(CaptureNumbers.dns)"
      }
    }
    lines.append("\(out) meta l4proto tcp \(Self.reply) counter accept")
    lines += families.map { "\(out) oifname \"lo\" \($0.word) daddr != \($0.loopback) counter accept" }
    lines += exclusions.flatMap { exclusion in words(for: exclusion).map { "\(out) \($0) counter accept" } }
    lines += families.map {
      "\(out) meta l4proto tcp \($0.word) daddr != \($0.loopback) \(Self.notOurs) "
        + "counter redirect to :\(CaptureNumbers.outbound)"
    }
    return lines
  }

  private func words(for exclusion: Exclusion) -> [String] {
    let port = exclusion.port.map { "tcp dport \($0)" } ?? "meta l4proto tcp"
    guard let block = exclusion.block else { return [port] }
    if !block.first.isV4, !hasV6 { return [] }
    return ["\(block.first.isV4 ? "ip" : "ip6") daddr \(block) \(port)"]
  }

  private var mangle: [String] {
    let table = "inet istio-ambient-mangle"
    return [
      "add table \(table)",
      "add chain \(table) prerouting { type filter hook prerouting priority -150; }",
      "add chain \(table) output { type route hook output priority -150; }",
      "add chain \(table) istio-prerouting", "add chain \(table) istio-output",
      "add rule \(table) prerouting jump istio-prerouting", "add rule \(table) output jump istio-output",
      "add rule \(table) istio-prerouting meta mark & 0x00000fff == 0x00000539 counter "
        + "ct mark set ct mark & 0xfffff000 | 0x00000111",
      "add rule \(table) istio-output ct mark & 0x00000fff == 0x00000111 counter meta mark set ct mark",
    ]
  }

  private var raw: [String] {
    let table = "inet istio-ambient-raw"
    return [
      "add table \(table)",
      "add chain \(table) prerouting { type filter hook prerouting priority -300; }",
      "add chain \(table) output { type filter hook output priority -300; }",
      "add chain \(table) istio-prerouting", "add chain \(table) istio-output",
      "add rule \(table) prerouting jump istio-prerouting", "add rule \(table) output jump istio-output",
      "add rule \(table) istio-output udp dport 53 meta mark & 0x00000fff == 0x00000539 counter ct zone set 1",
      "add rule \(table) istio-prerouting udp sport 53 \(Self.notOurs) counter ct zone set 1",
    ]
  }
}
