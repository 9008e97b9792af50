// SPDX-License-Identifier: Apache-2.0
// ResolveNames: which names a client may have meant by the one it asked for.
//
//   a client in shop asks for             looked for, in this order
//
//     web                                 web, web.shop.svc.cluster.local
//     web.bank                            web.bank, web.bank.svc.cluster.local, web.bank.shop.svc.cluster.local
//     db.example.com.svc.cluster.local    itself; then, because its resolver may have put svc.cluster.local behind it,
//                                         db.example.com, db.example.com.svc; and so on for each search domain
//
// Names are compared byte by byte, in lower case (RFC 4343); hostnames of services have to be in lower case already.

/// How names are understood and answered.
package struct NameOptions: Sendable {
  /// More search domains than Kubernetes lets a pod have; those after them are ignored.
  package static let searchMax = 32

  /// The domain of the mesh.
  package let domain: String
  /// Whose service is meant by a name that several have, and none of them is the client's own or canonical.
  package let preferredNamespace: String?
  /// Whether IPv6 addresses are given out.
  package let answersV6: Bool
  /// What resolvers put behind names; nil when that follows from the namespace of the client, as it does for pods.
  package let search: [String]?
  /// What the names of Kubernetes services end with.
  let serviceSuffix: String

  /// Options; empty or malformed search domains are left out.
  package init(
    domain: String = "cluster.local", preferredNamespace: String? = nil, answersV6: Bool = true,
    search: [String]? = nil
  ) {
    self.domain = domain.asComparedName
    self.preferredNamespace = preferredNamespace
    self.answersV6 = answersV6
    self.search = search.map { Array($0.map(\.asComparedName).filter(\.isDNSName).prefix(Self.searchMax)) }
    serviceSuffix = ".svc.\(self.domain)"
  }
}

/// A name that may have been meant.
struct NameCandidate: Equatable, Sendable {
  /// The name.
  let name: String
  /// What was asked for, less a search domain; nil when it was taken as it came.
  let stripped: String?
}

extension NameOptions {
  /// The name, what each search domain leaves of it, and four longer forms: one of its first label, two of its first
  /// two, one of its first three. Each has at most 127 labels, and so at most 126 wildcards: all the work there can be.
  static let candidatesMax = 1 + searchMax + 4

  /// What a client of a namespace may have meant by a name, each once, the most literal first.
  func candidates(for asked: String, in namespace: String) -> [NameCandidate] {
    var candidates: [NameCandidate] = []
    func add(_ name: String, stripped: String?) {
      for form in [name] + longerForms(of: name, in: namespace) where !candidates.contains(where: { $0.name == form }) {
        candidates.append(NameCandidate(name: form, stripped: stripped))
      }
    }
    add(asked, stripped: nil)
    for domain in search ?? podSearch(in: namespace) {
      guard let stripped = asked.before(domain: domain) else { continue }
      add(stripped, stripped: stripped)
    }
    return candidates
  }

  /// What Kubernetes has the resolvers of its pods put behind names.
  private func podSearch(in namespace: String) -> [String] { [namespace + serviceSuffix, "svc." + domain, domain] }

  /// What a name is short for in Kubernetes, where a service is called `name.namespace.svc.domain`, and an endpoint of
  /// it may have one label more in front.
  private func longerForms(of name: String, in namespace: String) -> [String] {
    let isCutAfterSvc = name.hasSuffix(".svc")
    switch name.labelCount {
    case 1: return [name + "." + namespace + serviceSuffix]
    case 2: return [name + serviceSuffix, name + "." + namespace + serviceSuffix]
    case 3: return (isCutAfterSvc ? [name + "." + domain] : []) + [name + serviceSuffix]
    case 4: return isCutAfterSvc ? [name + "." + domain] : []
    default: return []
    }
  }
}

extension String {
  private static let nameBytesMax = 253
  private static let labelBytesMax = 63
  private static let dot = UInt8(ascii: ".")

  /// Whether it can be a DNS name, written without the dot at its end (RFC 1035 2.3.4). Then it has at most 127 labels.
  /// Bytes beyond ASCII are no part of a hostname, and Swift would find some of them equal that DNS holds apart.
  var isDNSName: Bool {
    utf8.count <= Self.nameBytesMax && utf8.allSatisfy { $0 < 0x80 }
      && utf8.split(separator: Self.dot, omittingEmptySubsequences: false).allSatisfy {
        (1...Self.labelBytesMax).contains($0.count)
      }
  }

  /// The name as it is compared: letters in lower case, no dot at the end. Not `lowercased()`, for which the Kelvin sign
  /// is a k.
  var asComparedName: String {
    let bytes = utf8.last == Self.dot ? utf8.dropLast() : utf8[...]
    return String(decoding: bytes.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
  }

  /// What stands before a domain the name is below; nil when it is not. There are no empty labels, so it is a name.
  fileprivate func before(domain: String) -> String? {
    hasSuffix("." + domain) ? String(Substring(utf8.dropLast(domain.utf8.count + 1))) : nil
  }

  fileprivate var labelCount: Int { utf8.reduce(1) { $1 == Self.dot ? $0 + 1 : $0 } }

  /// The wildcards that cover a name, the narrowest first: for `a.b.c`, `*.b.c` and then `*.c`. Never `*` alone.
  var wildcards: some Sequence<String> {
    utf8.indices.lazy.filter { utf8[$0] == Self.dot }.map { "*" + self[$0...] }
  }
}
