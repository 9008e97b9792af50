// SPDX-License-Identifier: Apache-2.0
// Explain: one connection of a mesh, decided as it would be, and told as a person would want to read it.

import Format
import Mesh
import World

enum Explain {
  static func run(_ request: Request) throws(Misuse) -> Int32 {
    let mesh: ManifestMesh
    do {
      var read = try ManifestMesh(request.values["manifests"] ?? [], settings: request.settings)
      _ = read.refresh()
      mesh = read
    } catch {
      Terminal.say("skeinctl: \(error)")
      return 2
    }
    for problem in mesh.problems where problem.severity == .error { Terminal.say("skeinctl: \(problem)") }
    let caller = try caller(request, mesh.snapshot)
    let called = try called(request.value("to") ?? "", by: caller, in: mesh.snapshot, request.settings)
    var dice = Dice(seed: 1)
    let rehearsal = mesh.snapshot.rehearse(
      from: caller, to: called.endpoint,
      under: RouteOptions(bypassesMissingWaypoint: request.settings.bypassesMissingWaypoint),
      network: request.settings.network, dice: &dice)
    let story = Story(rehearsal, caller: caller, called: called)
    if request.value("output") == "json" {
      Terminal.tell(story.json.pretty)
    } else {
      story.tell(on: Terminal(color: request.value("color")))
    }
    return story.status
  }

  /// What was asked for, and the name it was found by.
  struct Called {
    let endpoint: Endpoint
    let name: String?
  }

  private static func caller(_ request: Request, _ world: Snapshot) throws(Misuse) -> Caller {
    let text = request.value("from") ?? ""
    let isPlaintext = request.has("plaintext")
    if let address = IPAddress(text) {
      guard let workload = world.workload(at: NetworkAddress(network: request.settings.network, address)) else {
        return .stranger(address)
      }
      return isPlaintext ? .plaintext(workload) : .workload(workload)
    }
    var named: [Workload] = []
    var names: [String] = []
    world.forEachWorkload { workload in
      names.append(workload.description)
      if workload.description == text { named.append(workload) }
    }
    // A pod before an entry of the same name.
    guard let workload = named.min(by: { $0.uid < $1.uid }) else {
      throw Misuse(
        text: "--from: there is no workload `\(text)`",
        hint: text.nearest(of: names).map { "did you mean `\($0)`?" } ?? "write NAMESPACE/POD, or an IP address")
    }
    return isPlaintext ? .plaintext(workload) : .workload(workload)
  }

  private static func called(
    _ text: String, by caller: Caller, in world: Snapshot, _ settings: Settings
  ) throws(Misuse) -> Called {
    switch Authority(text) {
    case .address(let endpoint)?: return Called(endpoint: endpoint, name: nil)
    case .host(let host, let port)?:
      let client: Workload =
        switch caller {
        case .workload(let workload), .plaintext(let workload): workload
        case .stranger:
          Workload(uid: "", name: "", template: Template(namespace: ""), place: Place(network: settings.network))
        }
      for family in [NameQuestion.Family.v4, .v6] {
        var dice = Dice(seed: 1)
        let options = NameOptions(domain: settings.domain)
        if case .answer(let records) = world.resolve(
          NameQuestion(host, family), for: client, under: options, dice: &dice),
          let address = records.addresses.min(by: { $0.description < $1.description })
        {
          return Called(endpoint: Endpoint(address, port: port), name: host)
        }
      }
      throw Misuse(
        text: "--to: nothing in the mesh has the name `\(host)`, or it has no address", hint: "write an IP address")
    default: throw Misuse(text: "--to: `\(text)` is no destination", hint: "write HOST:PORT or IP:PORT")
    }
  }
}
