// SPDX-License-Identifier: Apache-2.0
// Asked: who connects and where to, as a person names them, found in a mesh; or what to write instead.
//
//   --from   NAMESPACE/POD | an address
//   --to     HOST:PORT, asked for as the client would ask its resolver | IP:PORT

import Format
import Mesh
import World

/// Where a connection goes, and the name and the service it was found by.
struct Called {
  let endpoint: Endpoint
  var name: String?
  var service: Service?
}

/// Finds who and what was asked about.
struct Asked {
  let world: Snapshot
  let settings: Settings
  /// More names than this are no help.
  private static let namesMax = 3

  // MARK: Who

  func caller(_ text: String, isPlaintext: Bool) throws(Misuse) -> Caller {
    if let address = IPAddress(text) {
      guard let workload = world.workload(at: NetworkAddress(network: settings.network, address)) else {
        return .stranger(address)
      }
      return isPlaintext ? .plaintext(workload) : .workload(workload)
    }
    var all: [Workload] = []
    world.forEachWorkload { all.append($0) }
    // A pod before an entry of the same name.
    guard let workload = all.filter({ $0.description == text }).min(by: { $0.uid < $1.uid }) else {
      throw Misuse(text: "--from: there is no pod or workload `\(text)`", hint: instead(of: text, among: all))
    }
    return isPlaintext ? .plaintext(workload) : .workload(workload)
  }

  private func instead(of text: String, among all: [Workload]) -> String {
    let names = Set(all.map(\.description))
    let sameName = names.filter { $0.hasSuffix("/\(text)") }
    if !sameName.isEmpty { return "did you mean \(Self.some(sameName))?" }
    // Somebody named the service, or its account, or what the pods are called after.
    let parts = text.split(separator: "/").map(String.init)
    if parts.count == 2, let name = parts.last {
      var of: Set<String> = []
      world.forEachService { service in
        guard service.shortName == name, service.name.namespace == parts[0] else { return }
        of.formUnion(world.workloads(of: service.name).map(\.description))
      }
      if !of.isEmpty { return "that is a service; its endpoints are \(Self.some(of))" }
      guard all.contains(where: { $0.namespace == parts[0] }) else {
        let near = parts[0].nearest(of: Set(all.map(\.namespace)))
        return near.map { "nothing is in the namespace `\(parts[0])`; did you mean `\($0)/\(name)`?" }
          ?? "nothing is in the namespace `\(parts[0])`"
      }
    }
    return text.nearest(of: names).map { "did you mean `\($0)`?" } ?? "write NAMESPACE/POD, or an IP address"
  }

  // MARK: Where

  func called(_ text: String, by caller: Caller) throws(Misuse) -> Called {
    switch Authority(text) {
    case .address(let endpoint)?: return Called(endpoint: endpoint)
    case .host(let host, let port)?: return try resolve(host, port, for: caller)
    default: throw Misuse(text: "--to: `\(text)` is not HOST:PORT or IP:PORT", hint: portless(text, by: caller))
    }
  }

  private func client(_ caller: Caller) -> Workload {
    switch caller {
    case .workload(let workload), .plaintext(let workload): workload
    case .stranger:
      Workload(uid: "", name: "", template: Template(namespace: ""), place: Place(network: settings.network))
    }
  }

  private func records(_ host: String, for caller: Caller) -> (addresses: [IPAddress], service: Service)? {
    var service: Service?
    for family in [NameQuestion.Family.v4, .v6] {
      var dice = Dice(seed: 1)
      let question = NameQuestion(host, family)
      let options = NameOptions(domain: settings.domain)
      guard case .answer(let records) = world.resolve(question, for: client(caller), under: options, dice: &dice) else {
        return nil
      }
      if !records.addresses.isEmpty { return (records.addresses, records.service) }
      service = records.service
    }
    return service.map { ([], $0) }
  }

  private func resolve(_ host: String, _ port: UInt16, for caller: Caller) throws(Misuse) -> Called {
    guard let (addresses, service) = records(host, for: caller) else {
      throw Misuse(text: "--to: no service in the mesh is called `\(host)`", hint: instead(of: host, port, by: caller))
    }
    // Chance would pick one; the same question gets the same answer here.
    guard let address = addresses.min(by: { $0.description < $1.description }) else {
      let hint =
        world.workloads(of: service.name).isEmpty
        ? "it has no address of its own, and no endpoints" : "none of its endpoints is ready"
      throw Misuse(text: "--to: the service \(service) has no address to connect to", hint: hint)
    }
    return Called(endpoint: Endpoint(address, port: port), name: host, service: service)
  }

  /// What to write instead of a name that is none in the mesh.
  private func instead(of host: String, _ port: UInt16, by caller: Caller) -> String {
    var names: [String: Set<String>] = [:]
    world.forEachService { names[$0.shortName, default: []].insert($0.name.namespace) }
    let labels = host.split(separator: ".").map(String.init)
    if labels.count == 1, let namespaces = names[host] {
      let full = Set(namespaces.map { "\(host).\($0):\(port)" })
      return "short names mean services of the client's own namespace; did you mean \(Self.some(full))?"
    }
    var known: Set<String> = []
    for (name, namespaces) in names {
      for namespace in namespaces {
        known.insert(labels.count == 1 ? name : "\(name).\(namespace)")
        known.insert("\(name).\(namespace).svc.\(settings.domain)")
      }
    }
    world.forEachService { known.insert($0.name.hostname) }
    if let near = host.nearest(of: known) { return "did you mean `\(near):\(port)`?" }
    return "the client asks its own DNS for it; give the address that answers, as 192.0.2.1:\(port)"
  }

  /// What to write instead of something that has no port.
  private func portless(_ text: String, by caller: Caller) -> String {
    if text.contains("://") { return "leave out the scheme and the path" }
    if let address = IPAddress(text) { return "add a port, as \(Endpoint(address, port: 80))" }
    let host = text.split(separator: ":").first.map(String.init) ?? text
    let ports = records(host, for: caller)?.service.ports.map { "\(host):\($0.port)" } ?? []
    return ports.isEmpty ? "ports are numbers, as in `cart.shop:80`" : "did you mean \(Self.some(Set(ports)))?"
  }

  /// A few of them, in order.
  private static func some(_ names: Set<String>) -> String {
    let sorted = names.sorted()
    let shown = sorted.prefix(namesMax).map { "`\($0)`" }.joined(separator: " or ")
    return sorted.count > namesMax ? "\(shown) (\(sorted.count) in all)" : shown
  }
}
