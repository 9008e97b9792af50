// SPDX-License-Identifier: Apache-2.0
// Identity: who a workload is, as its certificate says it.
//
//   spiffe://cluster.local/ns/shop/sa/web
//            trust domain    ns      sa

/// A SPIFFE id in the form Kubernetes meshes use. One string, and where its parts end.
package struct Identity: Hashable, Sendable {
  /// The whole id.
  package let uri: String
  private let domainEnd: UInt32
  private let namespaceEnd: UInt32

  private static let scheme = "spiffe://"
  private static let namespaceMark = "/ns/"
  private static let accountMark = "/sa/"
  /// SPIFFE's own limit on the length of an id.
  private static let bytesMax = 2048

  /// Joins the parts. Longer than SPIFFE allows, or with a slash in a part, it is an identity nobody can prove.
  package init(trustDomain: String, namespace: String, serviceAccount: String) {
    uri = "\(Self.scheme)\(trustDomain)\(Self.namespaceMark)\(namespace)\(Self.accountMark)\(serviceAccount)"
    domainEnd = UInt32(clamping: Self.scheme.utf8.count + trustDomain.utf8.count)
    namespaceEnd = UInt32(
      clamping: Self.scheme.utf8.count + trustDomain.utf8.count + Self.namespaceMark.utf8.count + namespace.utf8.count)
  }

  /// Reads an id; nil when it does not have this form.
  package init?(_ uri: String) {
    guard uri.utf8.count <= Self.bytesMax, uri.hasPrefix(Self.scheme) else { return nil }
    let parts = uri.dropFirst(Self.scheme.count).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[1] == "ns", parts[3] == "sa", parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    self.init(trustDomain: String(parts[0]), namespace: String(parts[2]), serviceAccount: String(parts[4]))
  }

  /// The id without its scheme: what policies call a principal.
  package var principal: Substring.UTF8View { text(principalPlace) }
  /// Who vouches for it.
  package var trustDomain: Substring.UTF8View { text(Self.scheme.utf8.count..<Int(domainEnd)) }
  /// The namespace it belongs to.
  package var namespace: Substring.UTF8View { text(namespacePlace) }
  /// Its account in that namespace.
  package var serviceAccount: Substring.UTF8View { text(accountPlace) }

  var principalPlace: Range<Int> { Self.scheme.utf8.count..<uri.utf8.count }
  var namespacePlace: Range<Int> { Int(domainEnd) + Self.namespaceMark.utf8.count..<Int(namespaceEnd) }
  var accountPlace: Range<Int> { Int(namespaceEnd) + Self.accountMark.utf8.count..<uri.utf8.count }

  private func text(_ place: Range<Int>) -> Substring.UTF8View {
    uri[...].utf8.dropFirst(place.lowerBound).prefix(place.count)
  }

  /// A part of the id where it is, for those who compare many.
  @_lifetime(borrow self)
  func bytes(_ place: Range<Int>) -> Span<UInt8> { uri.utf8Span.span.extracting(place) }

  /// The same id with another copy of its text.
  func with(uri: String) -> Identity { Identity(uri: uri, domainEnd: domainEnd, namespaceEnd: namespaceEnd) }

  private init(uri: String, domainEnd: UInt32, namespaceEnd: UInt32) {
    self.uri = uri
    self.domainEnd = domainEnd
    self.namespaceEnd = namespaceEnd
  }
}

extension Identity: CustomStringConvertible {
  /// The whole id.
  package var description: String { uri }
}
