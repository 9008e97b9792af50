// SPDX-License-Identifier: Apache-2.0
// MeshWorld: the world of a large cluster, invented from numbers; the same numbers give the same world.
//
//   service i   a deployment of ten workloads, one address, port 80 → 8080; every tenth prefers endpoints that are near
//   node n      one of three zones; a hundred pods, and replicas stand on different nodes
//   policies    ten per namespace: three of the namespace, seven that workloads name, of which each names none, one or
//               two; four namespaces lack one of theirs, and the mesh has it instead
//
// Every value is made when it is asked for, from texts that were just copied: nothing is shared before the ledger sees
// it, as nothing is when a message has just been decoded.

import Format
import Mesh

/// How large the world is, and what stands in it.
struct MeshWorld {
  /// From two namespaces to as many services as have an address each.
  static let sizes = 1_000...500_000
  static let replicas = 10
  private static let workloadsPerNode = 100
  private static let servicesPerNamespace = 50
  private static let globalPolicies = 4
  private static let namespacePolicies = 3
  private static let workloadPolicies = 7
  /// One in so many services sends its clients to endpoints in their own zone.
  private static let nearStep = 10
  /// One in so many workloads is not healthy: a prime, so that it is not always the same replica.
  private static let unhealthyStep = 101

  let workloads: Int
  var services: Int { workloads / Self.replicas }
  var namespaces: Int { services / Self.servicesPerNamespace }
  var nodes: Int { workloads / Self.workloadsPerNode }
  var policies: Int { namespaces * (Self.namespacePolicies + Self.workloadPolicies) }

  static let network = "network1"
  private static let cluster = "cluster1"
  private static let region = "eu-west-1"
  private static let trustDomain = "cluster.local"
  private static let systemNamespace = "istio-system"
}

// MARK: Names

extension MeshWorld {
  /// A text that nobody shares.
  private func fresh(_ text: String) -> String { String(decoding: Array(text.utf8), as: UTF8.self) }

  /// Letters as Kubernetes draws them for names.
  private func letters(_ count: Int, seed: Int) -> String {
    let alphabet = Array("bcdfghjklmnpqrstvwxz2456789".utf8)
    var dice = Dice(seed: UInt64(seed))
    return String(
      decoding: (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &dice)] }, as: UTF8.self)
  }

  private func namespaceName(_ number: Int) -> String {
    let areas = ["payments", "search", "logistics", "identity", "media", "analytics", "storefront", "platform"]
    return fresh("\(areas[number % areas.count])-\(number % 3 == 0 ? "staging" : "prod")-\(number)")
  }

  func namespace(ofService service: Int) -> String { namespaceName(service % namespaces) }

  /// Unique in its namespace.
  private func deployment(_ service: Int) -> String {
    let nouns = [
      "checkout", "basket", "catalog", "price", "invoice", "customer", "session", "shipment", "stock", "voucher",
      "review", "picture", "recommendation", "notification", "address", "fraud",
    ]
    let roles = ["api", "reader", "writer", "gateway", "worker", "cache", "indexer", "frontend"]
    let place = service / namespaces
    return fresh(
      "\(nouns[place % nouns.count])-\(roles[(place / nouns.count * 2 + service) % roles.count])-v\(service % 3 + 1)")
  }

  func hostname(_ service: Int) -> String {
    fresh("\(deployment(service)).\(namespace(ofService: service)).svc.cluster.local")
  }

  func uid(_ workload: Int) -> String {
    fresh("\(Self.cluster)//Pod/\(namespace(ofService: service(of: workload)))/\(pod(workload))")
  }

  private func pod(_ workload: Int) -> String {
    let service = service(of: workload)
    return fresh("\(deployment(service))-\(letters(10, seed: service))-\(letters(5, seed: services + workload))")
  }

  func service(of workload: Int) -> Int { workload / Self.replicas }

  /// Another workload of the same namespace.
  func neighbour(of workload: Int) -> Int { (workload + namespaces * Self.replicas) % workloads }

  /// Where a service is reached.
  func address(ofService service: Int) -> IPAddress { IPAddress(v4: 0xac14_0000 + UInt32(service)) }

  /// Where a workload is reached.
  func address(ofWorkload workload: Int) -> IPAddress { IPAddress(v4: 0x0a00_0000 + UInt32(workload)) }

  /// An address nobody has.
  func unknownAddress(_ number: Int) -> IPAddress { IPAddress(v4: 0x5db8_0000 + UInt32(number)) }
}

// MARK: Values

extension MeshWorld {
  func service(_ number: Int) -> Service {
    let name = ServiceName(namespace: namespace(ofService: number), hostname: hostname(number))
    let isNear = number % Self.nearStep == 0
    return Service(
      name, shortName: deployment(number),
      addresses: [NetworkBlock(network: fresh(Self.network), address(ofService: number))],
      ports: [ServicePort(80, target: 8080)],
      balancing: isNear ? LoadBalancing(.failover, preferences: [.network, .region, .zone]) : LoadBalancing())
  }

  /// A workload; or what becomes of it when its health or its address changes.
  func workload(_ number: Int, isSick: Bool = false, isMoved: Bool = false) -> Workload {
    let isHealthy = isSick == (number % Self.unhealthyStep == 0)
    let address = address(ofWorkload: number)
    return Workload(
      uid: uid(number), name: pod(number),
      addresses: [isMoved ? IPAddress(v4: address.v4Bits | 0x0100_0000) : address],
      health: isHealthy ? .healthy : .unhealthy, template: template(service(of: number)), place: place(of: number))
  }

  private func template(_ service: Int) -> Template {
    let name = ServiceName(namespace: namespace(ofService: service), hostname: hostname(service))
    let ranks = (0..<service % 3).map { Self.namespacePolicies + (service / namespaces + $0) % Self.workloadPolicies }
    return Template(
      namespace: namespace(ofService: service), trustDomain: fresh(Self.trustDomain),
      serviceAccount: deployment(service), canonicalName: deployment(service), canonicalRevision: fresh("latest"),
      ownerName: deployment(service),
      owner: .deployment, tunnel: .hbone, services: [Template.Membership(name, ports: [ServicePort(80, target: 8080)])],
      policies: ranks.map { policyKey(service % namespaces + $0 * namespaces) })
  }

  private func place(of workload: Int) -> Place {
    let node = (service(of: workload) * 131 + workload % Self.replicas * 97) % nodes
    let zone = ["a", "b", "c"][node % 3]
    return Place(
      network: fresh(Self.network), cluster: fresh(Self.cluster),
      node: fresh("ip-100-64-\(node / 250)-\(node % 250 + 4).\(Self.region).compute.internal"),
      region: fresh(Self.region), zone: fresh("\(Self.region)\(zone)"))
  }
}

// MARK: Policies

extension MeshWorld {
  private func policyKey(_ number: Int) -> String {
    fresh("\(namespaceName(number % namespaces))/\(policyName(number))")
  }

  private func policyName(_ number: Int) -> String { fresh("allowed-callers-\(number / namespaces)") }

  func policy(_ number: Int) -> Policy {
    let globalsEnd = 2 * namespaces
    if (globalsEnd - min(Self.globalPolicies, namespaces)..<globalsEnd).contains(number) {
      return globalPolicy(globalsEnd - 1 - number)
    }
    let isOfNamespace = number / namespaces < Self.namespacePolicies
    return Policy(
      namespace: namespaceName(number % namespaces), name: policyName(number),
      scope: isOfNamespace ? .namespace : .workload, action: number / namespaces == 1 ? .deny : .allow,
      rules: isOfNamespace ? namespaceRules(number) : [workloadRule(number), workloadRule(number + namespaces)])
  }

  private func globalPolicy(_ number: Int) -> Policy {
    let matches = [
      Policy.Match(sources: Policy.Field([block("192.0.2.0/24"), block("198.51.100.0/24")].compactMap(\.self))),
      Policy.Match(principals: Policy.Field([.suffix(fresh("/sa/quarantined-account"))])),
      Policy.Match(ports: Policy.Field([22, 3389])),
      Policy.Match(principals: Policy.Field([.exact(fresh("cluster.local/ns/monitoring/sa/prometheus"))])),
    ]
    return Policy(
      namespace: fresh(Self.systemNamespace), name: fresh("mesh-wide-policy-\(number)"), scope: .global,
      action: [.deny, .deny, .audit, .allow][number], rules: [rule(matches[number])])
  }

  /// The namespace's own workloads and those of two others may come; a sandbox to one port only; gateways may, too.
  private func namespaceRules(_ number: Int) -> [Policy.Rule] {
    let own = number % namespaces
    let neighbours = (0..<3).map { Policy.StringMatch.exact(namespaceName((own + $0) % namespaces)) }
    switch number / namespaces {
    case 0: return [rule(Policy.Match(namespaces: Policy.Field(neighbours)))]
    case 1:
      return [
        rule(
          Policy.Match(namespaces: Policy.Field([.exact(fresh("sandbox-\(own)"))]), ports: Policy.Field(not: [8080])))
      ]
    default:
      return [
        rule(Policy.Match(principals: Policy.Field([.prefix(fresh("cluster.local/ns/istio-system/"))]))),
        rule(Policy.Match(sources: Policy.Field([block("10.200.0.0/16")].compactMap(\.self)))),
      ]
    }
  }

  /// Three deployments of the namespace may come to one port.
  private func workloadRule(_ number: Int) -> Policy.Rule {
    let callers = (0..<3).map { step in
      let caller = (number + step * namespaces) % services
      return Policy.StringMatch.exact(
        fresh("cluster.local/ns/\(namespace(ofService: caller))/sa/\(deployment(caller))"))
    }
    return rule(Policy.Match(principals: Policy.Field(callers), ports: Policy.Field([8080])))
  }

  private func rule(_ match: Policy.Match) -> Policy.Rule { Policy.Rule([Policy.Clause([match])]) }

  private func block(_ text: String) -> AddressBlock? { AddressBlock(text) }
}
