// SPDX-License-Identifier: Apache-2.0
// Headers: what the two ends of a tunnel tell each other beside the bytes.
//
//   baggage       who the workload is, for telemetry            k8s.cluster.name=c1,k8s.namespace.name=shop,…
//   forwarded     who dialled, and which service                for="10.0.0.1:41000";host=web.shop.svc.cluster.local
//   traceparent   the name of the connection, on both sides     00-<32 digits>-<16 digits>-00
//   skein-reason  why a stream was refused, by its code         not_allowed
//
// Nothing here decides anything: a peer that lies about these lies about statistics.

import Format
import HTTP
import Mesh

/// The name of a connection.
struct Trace: Sendable {
  /// As the header has it.
  let header: String

  /// A name nobody else has.
  init() {
    var random = SystemRandomNumberGenerator()
    let (high, low, span) = (random.next(), random.next(), random.next())
    header = "00-\(Self.digits(high))\(Self.digits(low))-\(Self.digits(span | 1))-00"
  }

  /// The name a peer has given; a new one when it has given none that is one.
  init(_ text: String?) {
    if let text, text.utf8.count == 55, Self.isWellFormed(Array(text.utf8)) {
      self.init(header: text)
    } else {
      self.init()
    }
  }

  private init(header: String) { self.header = header }

  /// What logs call it: the 32 digits in the middle.
  var id: String { String(header.dropFirst(3).prefix(32)) }

  private static func digits(_ number: UInt64) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 16 - text.utf8.count) + text
  }

  private static func isWellFormed(_ bytes: [UInt8]) -> Bool {
    bytes.indices.allSatisfy { index in
      let byte = bytes[index]
      if [2, 35, 52].contains(index) { return byte == UInt8(ascii: "-") }
      return (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
  }
}

/// The headers of a tunnel.
enum Header {
  static let baggage = "baggage"
  static let forwarded = "forwarded"
  static let trace = "traceparent"
  static let network = "x-forwarded-network"
  static let reason = "skein-reason"

  /// Who a workload is.
  static func baggage(of workload: Workload) -> String {
    let (template, place) = (workload.template, workload.place)
    let members = [
      ("k8s.cluster.name", place.cluster), ("k8s.namespace.name", template.namespace),
      ("k8s.\(template.owner.word).name", template.ownerName), ("service.name", template.canonicalName),
      ("service.version", template.canonicalRevision), ("cloud.region", place.region),
      ("cloud.availability_zone", place.zone),
    ]
    return members.filter { !$0.1.isEmpty }.map { "\($0.0)=\($0.1)" }.joined(separator: ",")
  }

  /// Who dialled, and which service.
  static func forwarded(_ client: Endpoint, _ service: Service?) -> String {
    "for=\"\(client)\"" + (service.map { ";host=\($0.name.hostname)" } ?? "")
  }

  /// The service a peer says was dialled.
  static func host(ofForwarded text: String?) -> String? {
    guard let text, !text.isEmpty else { return nil }
    let part = text.split(separator: ";").first { $0.hasPrefix("host=") }
    guard let value = part?.dropFirst(5) else { return nil }
    let host = value.hasPrefix("\"") && value.hasSuffix("\"") && value.count > 1 ? value.dropFirst().dropLast() : value
    return host.isEmpty ? nil : String(host)
  }

  /// A request for a stream.
  static func request(
    _ authority: Authority, from client: Endpoint, _ workload: Workload, _ service: Service?, _ trace: Trace
  ) -> Fields {
    var fields = Fields.connect(authority: authority.description)
    fields.append(baggage, Self.baggage(of: workload))
    fields.append(forwarded, Self.forwarded(client, service))
    fields.append(Self.trace, trace.header)
    return fields
  }

  /// The answer to a stream that is refused.
  static func refusal(_ reason: Reason) -> Fields {
    var fields = Fields.status(reason.status)
    fields.append(Self.reason, reason.rawValue)
    return fields
  }
}

extension Template.Owner {
  fileprivate var word: String {
    switch self {
    case .deployment: "deployment"
    case .cronJob: "cronjob"
    case .pod: "pod"
    case .job: "job"
    }
  }
}
