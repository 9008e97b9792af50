// SPDX-License-Identifier: Apache-2.0
// PodRules: what makes a pod's traffic arrive at its listeners, in words that no back end owns.
//
//   application → anywhere          redirected to 15001, but what is excluded
//   application → DNS (option)      redirected to 15053
//   anywhere → pod, not 15008       redirected to 15006, but probes of the node
//   us → application, as the client marked on the way in, so that the answer finds back to us (table 100)
//   our own packets, loopback       untouched
//
// Numbers and names are those of every ambient mesh, so that tools, people and other daemons recognise them.

package import Format

/// How the traffic of one pod is captured.
package struct PodRules: Hashable, Sendable {
  /// Destinations that are dialled past the mesh.
  package struct Exclusion: Hashable, Sendable {
    /// Addresses; nil for all.
    package let block: AddressBlock?
    /// A port; nil for all.
    package let port: UInt16?

    /// Joins the two.
    package init(_ block: AddressBlock?, port: UInt16?) {
      self.block = block
      self.port = port
    }
  }

  /// Whether the namespace has IPv6.
  package var hasV6 = true
  /// Whether questions for names are answered by us.
  package var capturesDNS = false
  /// Whether what comes for the pod is left alone: a gateway takes strangers.
  package var isIngress = false
  /// Interfaces of virtual machines behind the pod: what comes from them is outbound.
  package var virtualInterfaces: [String] = []
  /// Destinations that are dialled past the mesh.
  package var exclusions: [Exclusion] = []

  /// A pod like most.
  package init() {}
}

/// Numbers and names that belong to capture.
package enum CaptureNumbers {
  /// Marks packets of our sockets.
  package static let mark: UInt32 = 0x539
  /// Marks connections whose answers come to us.
  package static let replyMark: UInt32 = 0x111
  /// The bits of a mark that are ours.
  package static let mask: UInt32 = 0xfff
  /// The table answers are looked up in.
  package static let table: UInt32 = 100
  /// The place of its rule among the others.
  package static let priority: UInt32 = 32764
  /// Where the node's probes of pods come from.
  package static let probeV4 = "169.254.7.127"
  /// The same for IPv6.
  package static let probeV6 = "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"
  /// Where connections of applications go.
  package static let outbound: UInt16 = 15001
  /// Where plaintext for the pod goes.
  package static let plaintext: UInt16 = 15006
  /// Where tunnels for the pod come.
  package static let tunnel: UInt16 = 15008
  /// Where questions for names go.
  package static let dns: UInt16 = 15053
}

extension PodRules.Exclusion {
  /// Reads the value of the annotation: `10.0.0.0/8`, `:5432`, `192.0.2.1:443`, or `[fd00::/8]:53`, with commas between.
  package static func list(_ text: String) -> [PodRules.Exclusion]? {
    var exclusions: [PodRules.Exclusion] = []
    for part in text.split(separator: ",") {
      let word = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
      guard let exclusion = one(String(word)) else { return nil }
      exclusions.append(exclusion)
    }
    return exclusions
  }

  private static func one(_ word: String) -> PodRules.Exclusion? {
    if let block = AddressBlock(word) { return PodRules.Exclusion(block, port: nil) }
    guard let colon = word.lastIndex(of: ":"), let port = Endpoint("0.0.0.0\(word[colon...])")?.port, port > 0 else {
      return nil
    }
    var host = word[..<colon]
    if host.isEmpty { return PodRules.Exclusion(nil, port: port) }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    return AddressBlock(host).map { PodRules.Exclusion($0, port: port) }
  }
}
