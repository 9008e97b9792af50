// SPDX-License-Identifier: Apache-2.0
// One edit among 20,000 objects: how many of them are looked at again, exactly, and that it takes no time to speak of.
//
//   40 namespaces of 500 objects: 400 pods of 20 applications, each with a service, a slice of its endpoints and a policy

import Format
import Glibc
import Testing

@testable import Mesh
@testable import World

@Suite struct IncrementalScaleTests {
  /// What an edit may take on one core in a release build; a debug build gets ten times that.
  static let millisecondsMax = 20.0
  static let slack = 10.0

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let edit: Object
    let projected: Int
    var testDescription: String { name }
  }

  @Test func oneEditLooksAtItsDependantsOnly() throws {
    var translator = Translator()
    _ = translator.apply(IncrementalCity.objects.map { .put($0) })
    #expect(translator.objects.count == IncrementalCity.count)
    for c in Self.cases {
      let old = translator.objects[c.edit.key]
      for (way, edit) in [("there", Edit.put(c.edit)), ("back", old.map(Edit.put) ?? .remove(c.edit.key))] {
        let start = Self.milliseconds
        let update = translator.apply([edit])
        let took = Self.milliseconds - start
        #expect(update.projected == c.projected, "\(c.name), \(way)")
        #expect(took <= Self.millisecondsMax * Self.slack, "\(c.name), \(way)")
      }
    }
  }

  /// CPU time of this thread.
  private static var milliseconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
  }

  private typealias City = IncrementalCity

  static let cases: [Case] = [
    Case(name: "a pod is not ready", edit: City.pod(0, isReady: false), projected: 1),
    Case(name: "a pod comes", edit: City.pod(400), projected: 1),
    Case(
      name: "a service has other ports: its pods, its entry, its slice", edit: City.service(port: 81), projected: 1 + 22
    ),
    Case(name: "a service has another address", edit: City.service(address: 2), projected: 1),
    Case(
      name: "a policy selects another application: both", edit: City.policy(application: 1), projected: 1 + 2 * 21),
    Case(name: "a policy has other rules", edit: City.policy(action: .deny), projected: 1),
    Case(
      name: "a policy of the mesh: an application in each namespace", edit: City.policy(in: "istio-system"),
      projected: 1 + 40 * 21),
    Case(
      name: "a mode for a namespace: its pods, entries and other modes", edit: City.peer(nil, .strict),
      projected: 1 + 425),
    Case(name: "a mode for an application", edit: City.peer(0, .permissive), projected: 1 + 21),
    Case(name: "a mode that says what it said", edit: City.peer(0, .strict, labels: ["a": "b"]), projected: 1),
    Case(name: "a node has another zone: its pods", edit: City.node(labels: [Label.zone: "z"]), projected: 1 + 320),
    Case(name: "a node has another label", edit: City.node(labels: ["a": "b"]), projected: 1),
    Case(name: "a gateway is not ready: who is bound to it", edit: City.gateway(isReady: false), projected: 1 + 20),
    Case(name: "a gateway into another network", edit: City.gateway(network: "far"), projected: 1 + 20),
    Case(
      name: "a namespace has another label: all that can be bound", edit: City.namespace(labels: ["a": "b"]),
      projected: 1 + 400 + 20 + 20 + 5),
    Case(
      name: "a namespace has an annotation that means nothing", edit: City.namespace(annotations: ["a": "b"]),
      projected: 1),
    Case(name: "a slice says who is ready", edit: City.slice(isReady: false), projected: 1),
    Case(name: "an entry has another address", edit: City.serviceEntry(address: 2), projected: 1),
    Case(name: "a workload entry has another address", edit: City.workloadEntry(address: 9), projected: 1),
  ]
}
