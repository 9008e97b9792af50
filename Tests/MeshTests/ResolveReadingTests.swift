// SPDX-License-Identifier: Apache-2.0
// Thousands of worlds and questions, answered twice: by the decision, and by the rules read aloud.
//
// The reading knows no index and no suffix of a text. It writes names as lists of labels, makes the whole list of what
// may be meant, wildcards included, and holds every service against every entry.

import Format
import Testing

@testable import Mesh

/// The rules, read aloud.
private struct Reading {
  typealias Labels = [String]

  let services: [Service]
  let workloads: [Workload]
  let options: NameOptions
  let client: Workload

  var domain: Labels { labels(options.domain) }
  var svc: Labels { ["svc"] + domain }

  func labels(_ name: String) -> Labels {
    name.split(separator: ".", omittingEmptySubsequences: false).map { $0.lowercased() }
  }

  /// What is told, and the name the records carry.
  func answer(_ name: String, _ family: NameQuestion.Family?) -> (told: ResolveTests.Told, owner: String?) {
    guard let family else { return (.forward(.notAddresses), nil) }
    let asked = labels(name.withoutLastDot)
    if asked.contains("") { return (.forward(.malformed), nil) }
    for (wanted, alias) in entries(for: asked) {
      guard let service = preferred(services.filter { labels($0.name.hostname) == wanted && isAble($0) }) else {
        continue
      }
      let owner = (alias ?? asked).joined(separator: ".")
      let addresses = addresses(of: service, family)
      switch (alias, addresses) {
      case (nil, .success(let found)): return (.addresses(found), owner)
      case (nil, .failure(let why)): return (.none(why), owner)
      case (_, .success(let found)): return (.alias(owner, found), owner)
      case (_, .failure(let why)): return (.aliasOfNone(owner, why), owner)
      }
    }
    return (.forward(.unknown), nil)
  }

  /// Everything that may be meant: the candidates, and then the wildcards that cover them.
  private func entries(for asked: Labels) -> [(Labels, alias: Labels?)] {
    var candidates: [(Labels, alias: Labels?)] = forms(of: asked).map { ($0, nil) }
    let usual = [[client.namespace] + svc, svc, domain]
    for end in options.search.map({ $0.map(labels) }) ?? usual
    where asked.count > end.count && Array(asked.suffix(end.count)) == end {
      let left = Array(asked.dropLast(end.count))
      candidates += forms(of: left).map { ($0, left) }
    }
    let wildcards = candidates.flatMap { name, _ in
      (1..<max(name.count, 1)).map { (["*"] + name.dropFirst($0), alias: Labels?.none) }
    }
    return candidates + wildcards
  }

  private func forms(of name: Labels) -> [Labels] {
    let inOwn = name + [client.namespace] + svc
    return switch (name.count, name.last == "svc") {
    case (1, _): [name, inOwn]
    case (2, _): [name, name + svc, inOwn]
    case (3, true): [name, name + domain, name + svc]
    case (3, false): [name, name + svc]
    case (4, true): [name, name + domain]
    default: [name]
    }
  }

  private func isAble(_ service: Service) -> Bool {
    let host = labels(service.name.hostname)
    let isInMesh = host.count > svc.count && Array(host.suffix(svc.count)) == svc
    let isSeen = service.visibility == .everyone || service.name.namespace == client.namespace
    return isSeen && (isInMesh || service.addresses.contains { $0.block.isOneAddress })
  }

  private func preferred(_ services: [Service]) -> Service? {
    let inOrder = services.sorted { $0.name.namespace < $1.name.namespace }
    return inOrder.first { $0.name.namespace == client.namespace } ?? inOrder.first { $0.isCanonical }
      ?? inOrder.first { $0.name.namespace == options.preferredNamespace } ?? inOrder.first
  }

  private func addresses(
    of service: Service, _ family: NameQuestion.Family
  ) -> Result<Set<String>, NameRecords.Absence> {
    if family == .v6, !options.answersV6 || service.families == .v4Only { return .failure(.familyOff) }
    if family == .v4, service.families == .v6Only { return .failure(.familyOff) }
    var found: [IPAddress] = []
    if service.addresses.contains(where: \.block.isOneAddress) {
      let here = service.addresses.filter { $0.network == client.network && $0.block.isOneAddress }
      if here.isEmpty { return .failure(.otherNetwork) }
      found = here.map(\.block.first).filter { $0.isV4 == (family == .v4) }
    } else {
      let endpoints = workloads.filter { workload in
        workload.template.services.contains { $0.service == service.name } && workload.capacity > 0
          && (workload.health == .healthy || service.balancing.health == .allowAll) && !workload.addresses.isEmpty
      }
      if endpoints.isEmpty { return .failure(.noEndpoint) }
      for endpoint in endpoints {
        if let first = endpoint.addresses.first(where: { $0.isV4 == (family == .v4) }) { found.append(first) }
      }
    }
    return found.isEmpty ? .failure(.otherFamily) : .success(Set(found.map(\.description)))
  }
}

/// Worlds in which names often meet.
extension Chance {
  fileprivate mutating func isOne(of count: Int) -> Bool { number(1...count) == 1 }

  fileprivate mutating func labels(atMost most: Int) -> String {
    (1...number(1...most)).map { _ in element(["a", "b", "n1", "n2", "svc"]) }.joined(separator: ".")
  }

  fileprivate mutating func hostname() -> String {
    let first = isOne(of: 4) ? "*" : element(["a", "b"])
    return switch number(0...5) {
    case 0, 1, 2: first + "." + element(["n1", "n2"]) + ".svc.c.l"
    case 3: first + "." + labels(atMost: 3)
    case 4: labels(atMost: 3)
    default: first + element([".a", ".n1", ""]) + element([".c.l", ".svc.c.l"])
    }
  }

  fileprivate mutating func namedServices() -> [Service] {
    var services: [ServiceName: Service] = [:]
    for _ in 0..<number(2...8) {
      let name = ServiceName(namespace: element(["n1", "n2", "n3"]), hostname: hostname())
      let places = (0..<number(1...4)).map { _ in
        NetworkBlock(
          network: element(["", "", "net-2"]), isOne(of: 5) ? block("10.0.0.0/8") : AddressBlock(oneAddress()))
      }
      services[name] = Service(
        name, addresses: isOne(of: 3) ? [] : places,
        balancing: LoadBalancing(element([.any, .passthrough]), health: element([.onlyHealthy, .allowAll])),
        families: element([.automatic, .automatic, .automatic, .v4Only, .v6Only, .dual]), isCanonical: isOne(of: 4),
        visibility: element([.everyone, .everyone, .ownNamespace]))
    }
    return services.values.sorted { $0.name < $1.name }
  }

  private mutating func oneAddress() -> IPAddress { element(Self.addresses) }

  fileprivate mutating func endpoints(of services: [Service]) -> [Workload] {
    (0..<number(0...8)).map { index in
      Workload(
        uid: "c1//Pod/n1/pod-\(index)", name: "pod-\(index)", addresses: some(Self.addresses, atMost: 3),
        capacity: isOne(of: 6) ? 0 : 1, health: element([.healthy, .healthy, .unhealthy]),
        template: Template(
          namespace: "n1", services: some(services.map(\.name), atMost: 2).map { Template.Membership($0) }),
        place: Place(network: element(["", "net-2"])))
    }
  }

  fileprivate mutating func options() -> NameOptions {
    let search = [element(["c.l", "b", "n1.svc.c.l"]), element(["svc.c.l", "l", "a.b"])]
    return NameOptions(
      domain: "c.l", preferredNamespace: element([nil, "n1", "n2", "n3"]), answersV6: !isOne(of: 5),
      search: isOne(of: 4) ? search : nil)
  }

  /// Mostly what a service is called, mistreated.
  fileprivate mutating func name(near services: [Service]) -> String {
    var name = isOne(of: 5) ? labels(atMost: 4) : element(services).name.hostname
    if name.hasPrefix("*"), !isOne(of: 10) { name = labels(atMost: 2) + name.dropFirst() }
    for end in [".c.l", ".svc", ".n1"] where name.hasSuffix(end) && flag() { name = String(name.dropLast(end.count)) }
    if flag() { name += element([".c.l", ".svc.c.l", ".n1.svc.c.l", ".b", ".l"]) }
    if isOne(of: 5) { name = name.uppercased() }
    if isOne(of: 5) { name += "." }
    return isOne(of: 30) ? element([name + "..", "." + name, ""]) : name
  }
}

@Suite struct ResolveReadingTests {
  /// What was told, without the addresses.
  private func kind(_ told: ResolveTests.Told) -> String {
    switch told {
    case .forward(let why): "forward \(why)"
    case .none(let why): "nothing \(why)"
    case .addresses: "addresses"
    case .alias: "alias"
    case .aliasOfNone: "alias of nothing"
    }
  }

  @Test func decidesAsTheRulesRead() {
    var chance = Chance(seed: 1)
    var kinds: [String: Int] = [:]
    for _ in 0..<2000 {
      let services = chance.namedServices()
      let workloads = chance.endpoints(of: services)
      let client = pod(
        "client", at: "10.1.0.1", namespace: chance.element(["n1", "n2"]),
        place: Place(network: chance.element(["", "", "net-2", "net-3"])))
      let scene = Scene(workloads.map(Change.workload) + services.map(Change.service), client: client)
      let options = chance.options()
      let reading = Reading(services: services, workloads: workloads, options: options, client: client)
      for _ in 0..<4 {
        let name = chance.name(near: services)
        let family = chance.isOne(of: 20) ? nil : chance.element([NameQuestion.Family.v4, .v6])
        let answer = scene.resolve(name, family, under: options)
        let expected = reading.answer(name, family)
        #expect(answer.told == expected.told, "\(name), \(String(describing: family)), of \(services), \(options)")
        #expect(answer.records?.owner == expected.owner)
        kinds[kind(expected.told), default: 0] += 1
      }
    }
    // Worlds that answer nothing would let everything pass.
    #expect(kinds.count == 10, "\(kinds)")
    #expect(kinds.values.allSatisfy { $0 >= 100 }, "\(kinds)")
  }
}
