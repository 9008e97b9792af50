// SPDX-License-Identifier: Apache-2.0
// Record: what is told about one connection, once, when it is over. The same fields for people and for programs.

package import Format
package import Mesh

/// What is told about one connection.
package struct Record: Sendable {
  /// Which way it went, as the workload of this node sees it.
  package enum Direction: String, Sendable { case outbound, inbound }

  /// One end of it.
  package struct Party: Sendable {
    /// The address and port.
    package var address: Endpoint?
    /// The workload, if it is known.
    package var workload: Workload?
    /// The identity it proved.
    package var identity: String?

    /// Nothing is known of it yet.
    package init(address: Endpoint? = nil, workload: Workload? = nil, identity: String? = nil) {
      self.address = address
      self.workload = workload
      self.identity = identity
    }
  }

  /// Which way it went.
  package let direction: Direction
  /// Names it on both sides: sent along with the request.
  package var trace = ""
  /// Who opened it.
  package var source: Party
  /// Who was to serve it.
  package var destination = Party()
  /// What the tunnel was asked for.
  package var authority: String?
  /// The service that was dialled.
  package var service: Service?
  /// Bytes to the other side, as the workload of this node sees it.
  package var sentBytes: UInt64 = 0
  /// Bytes from the other side.
  package var receivedBytes: UInt64 = 0
  /// How long it was there.
  package var duration = Duration.zero
  /// Why it ended, when it did not end by itself.
  package var reason: Reason?
  /// What the system, or the other side, had to say about that.
  package var detail = ""
  /// The policy that decided.
  package var policy: String?
  /// Which of its rules.
  package var rule: Int?

  /// A connection that has just begun.
  package init(_ direction: Direction, from source: Party) {
    self.direction = direction
    self.source = source
  }
}

extension Record {
  /// The fields that are known, in their order.
  package var fields: [(name: String, value: String)] {
    var fields: [(String, String)] = []
    func add(_ name: String, _ value: String?) { if let value, !value.isEmpty { fields.append((name, value)) } }
    func add(_ prefix: String, _ party: Party) {
      add("\(prefix).addr", party.address?.description)
      if prefix == "dst" {
        add("dst.hbone_addr", authority)
        add("dst.service", service?.name.hostname)
      }
      add("\(prefix).workload", party.workload?.name)
      add("\(prefix).namespace", party.workload?.namespace)
      add("\(prefix).identity", party.identity)
      add("\(prefix).cluster", party.workload?.place.cluster)
    }
    add("src", source)
    add("dst", destination)
    add("direction", direction.rawValue)
    add("bytes_sent", "\(sentBytes)")
    add("bytes_recv", "\(receivedBytes)")
    add("duration", "\(duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000)ms")
    add("id", trace)
    add("reason", reason?.rawValue)
    add("policy", policy)
    add("rule", rule.map(String.init))
    add("error", reason.map { detail.isEmpty ? $0.text : "\($0.text): \(detail)" })
    return fields
  }
}
