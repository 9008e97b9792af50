// SPDX-License-Identifier: Apache-2.0
// Resolve: what a pod is told when it asks for the addresses of a name.
//
//   question ─► candidates ─► the service that has one of them as its name ─► addresses of the service
//                         └► nobody: forward, the upstream knows          └► it has none: those of its endpoints
//
// Every candidate is looked for by its exact name before any of them is covered by a wildcard. Whoever gave a service
// this very name knows more about it than whoever claimed all names below a domain, and that stays so when the name was
// asked for in a short form, or came with a search domain behind it.
//
// A name that is ours is never forwarded, not even when there is nothing to answer: what another server says about it
// would lead around the mesh. A name that is not ours is never denied.

package import Format

/// Which addresses are asked for, and of whom.
package struct NameQuestion: Sendable {
  /// The family of an address: the A records of a name, or its AAAA records.
  package enum Family: Sendable { case v4, v6 }

  /// The labels, joined by dots, in any case, with or without a dot at the end.
  package let name: String
  /// The family; nil for a question that is not about addresses.
  package let family: Family?

  /// Joins the two.
  package init(_ name: String, _ family: Family?) {
    self.name = name
    self.family = family
  }
}

/// What becomes of a question.
package enum NameAnswer: Equatable, Sendable {
  /// Why a question is left to the upstream server.
  package enum Stranger: String, Sendable {
    /// It asks for something else than addresses.
    case notAddresses = "not_addresses"
    /// No name looks like that.
    case malformed
    /// No service has the name that the client can see, and that has addresses of its own or is in the mesh's domain.
    case unknown
  }

  /// It is left to the upstream server.
  case forward(Stranger)
  /// It is answered here, and found: NOERROR, although there may be no records.
  case answer(NameRecords)
}

/// The records of an answer.
package struct NameRecords: Equatable, Sendable {
  /// Why a service that was found has no addresses to tell.
  package enum Absence: String, Error, Sendable {
    /// The mesh or the service does without the family.
    case familyOff = "family_off"
    /// Its addresses are in networks the client is not in.
    case otherNetwork = "other_network"
    /// It stands for its endpoints, and none of them takes traffic.
    case noEndpoint = "no_endpoint"
    /// There are addresses, but none of the family.
    case otherFamily = "other_family"
  }

  /// No more fit into a DNS message: 65,535 bytes less the header, at 16 bytes for each. Chance says which.
  package static let addressesMax = 4095
  /// How long they may be kept.
  package static let ttlSeconds: UInt32 = 30

  /// The name that the addresses are recorded under, in lower case: the alias, or what was asked for.
  package let owner: String
  /// What a CNAME record in front says the name asked for is short for; nil when there is no such record.
  package let alias: String?
  /// The addresses, each once, in an order left to chance.
  package let addresses: [IPAddress]
  /// Why there are none; nil when there are some.
  package let absence: Absence?
  /// Who has the name.
  package let service: Service
}

extension Snapshot {
  /// Decides what a client is told about a name.
  package func resolve(
    _ question: NameQuestion, for client: Workload, under options: NameOptions, dice: inout Dice
  ) -> NameAnswer {
    guard let family = question.family else { return .forward(.notAddresses) }
    let asked = question.name.asComparedName
    guard asked.isDNSName else { return .forward(.malformed) }
    let candidates = options.candidates(for: asked, in: client.namespace)
    guard let match = match(candidates, for: client.namespace, under: options) else { return .forward(.unknown) }
    var addresses: [IPAddress] = []
    var absence: NameRecords.Absence?
    do {
      addresses = try self.addresses(of: match.service, family, for: client.network, under: options)
      addresses.shuffle(using: &dice)
    } catch {
      absence = error
    }
    return .answer(
      NameRecords(
        owner: match.alias ?? asked, alias: match.alias,
        addresses: Array(addresses.prefix(NameRecords.addressesMax)), absence: absence, service: match.service))
  }

  /// The service that has one of the names; the alias is what the client would have asked for without its search list.
  /// A wildcard has no alias: what it covers is as good a name as any other.
  private func match(
    _ candidates: [NameCandidate], for namespace: String, under options: NameOptions
  ) -> (service: Service, alias: String?)? {
    for candidate in candidates {
      guard let service = service(named: candidate.name, for: namespace, under: options) else { continue }
      return (service, candidate.stripped)
    }
    for wildcard in candidates.lazy.flatMap(\.name.wildcards) {
      if let service = service(named: wildcard, for: namespace, under: options) { return (service, nil) }
    }
    return nil
  }

  /// The service that a client means by a name, of those that can be asked for: they have an address in some network,
  /// or they are in the mesh's own domain, where a service without addresses stands for its endpoints.
  private func service(named host: String, for namespace: String, under options: NameOptions) -> Service? {
    let able = serviceHosts[host].filter {
      !$0.singleAddresses.isEmpty || $0.name.hostname.hasSuffix(options.serviceSuffix)
    }
    return Few(able).preferred(by: namespace, thenIn: options.preferredNamespace)
  }

  /// What a service tells those who ask for it from a network.
  private func addresses(
    of service: Service, _ family: NameQuestion.Family, for network: String, under options: NameOptions
  ) throws(NameRecords.Absence) -> [IPAddress] {
    guard service.families.has(family), family == .v4 || options.answersV6 else { throw .familyOff }
    let own = service.singleAddresses
    let found: [IPAddress]
    if own.isEmpty {
      found = try endpointAddresses(of: service, family)
    } else {
      let near = own.filter { $0.network == network }
      guard !near.isEmpty else { throw .otherNetwork }
      found = near.map(\.block.first).filter(family.has)
    }
    guard !found.isEmpty else { throw .otherFamily }
    // A set of records has none of them twice (RFC 2181 5), and endpoints in their node's network share its address.
    var seen: Set<IPAddress> = []
    return found.filter { seen.insert($0).inserted }
  }

  /// One address for each endpoint that a connection to the service could be given to, in whatever network. An
  /// endpoint that is not ready is left out, unless the service wants it: Kubernetes' own DNS does the same, and who
  /// dials the address of an endpoint gets no second choice.
  private func endpointAddresses(
    of service: Service, _ family: NameQuestion.Family
  ) throws(NameRecords.Absence) -> [IPAddress] {
    let able = workloads(of: service.name).filter {
      Endpoints.exclusion(of: $0, under: service.balancing.health) == nil
    }
    guard !able.isEmpty else { throw .noEndpoint }
    return able.compactMap { $0.addresses.first(where: family.has) }
  }
}

extension NameQuestion.Family {
  /// Whether an address is of the family.
  fileprivate func has(_ address: IPAddress) -> Bool { address.isV4 == (self == .v4) }
}

extension Service.Families {
  /// Whether a service may be told to have addresses of the family.
  fileprivate func has(_ family: NameQuestion.Family) -> Bool {
    switch self {
    case .automatic, .dual: true
    case .v4Only: family == .v4
    case .v6Only: family == .v6
    }
  }
}

extension Service {
  /// Its addresses in all networks. A block of addresses is a place where it is found, but nothing to dial.
  fileprivate var singleAddresses: [NetworkBlock] { addresses.filter(\.block.isOneAddress) }
}
