// SPDX-License-Identifier: Apache-2.0
// Selection: pods and workload entries by their labels. What a selector selects costs as much to find as its rarest label
// is common, and who asks twice gets the same answer: hundreds of services in a namespace of thousands of pods are usual.

import Mesh

struct Selection {
  private struct Pair: Hashable {
    let name: String
    let value: String
  }

  private struct Shelf {
    var workloads: [Object] = []
    var byLabel: [Pair: [Int]] = [:]
    var values: [String: Set<String>] = [:]
  }

  private struct Question: Hashable {
    let selector: [String: String]
    let namespace: String?
  }

  private var shelves: [String: Shelf] = [:]
  private var answers: [Question: [Object]] = [:]
  private var portAnswers: [Question: [UInt16: Set<UInt16>]] = [:]

  init(_ objects: Objects) {
    for namespace in objects.byNamespace.keys {
      var shelf = Shelf()
      shelf.workloads = [Kind.pod, .workloadEntry].flatMap { objects.all($0, in: namespace) }.sorted { $0.key < $1.key }
      for (index, workload) in shelf.workloads.enumerated() {
        for (name, value) in workload.workloadLabels {
          shelf.byLabel[Pair(name: name, value: value), default: []].append(index)
          shelf.values[name, default: []].insert(value)
        }
      }
      if !shelf.workloads.isEmpty { shelves[namespace] = shelf }
    }
  }

  /// Whether there is anything to select in a namespace, or anywhere.
  func isEmpty(in namespace: String?) -> Bool {
    namespace.map { shelves[$0] == nil } ?? shelves.isEmpty
  }

  /// The pods and workload entries that labels select in a namespace, or in all of them, in order.
  mutating func workloads(_ selector: [String: String], in namespace: String?) -> [Object] {
    let question = Question(selector: selector, namespace: namespace)
    if let known = answers[question] { return known }
    let chosen = namespace.map { shelves[$0].map { [$0] } ?? [] } ?? shelves.sorted { $0.key < $1.key }.map(\.value)
    let answer = chosen.flatMap { Self.workloads(selector, on: $0) }
    answers[question] = answer
    return answer
  }

  private static func workloads(_ selector: [String: String], on shelf: Shelf) -> [Object] {
    var rarest: [Int]?
    for (name, value) in selector {
      guard let indices = shelf.byLabel[Pair(name: name, value: value)] else { return [] }
      if indices.count < rarest?.count ?? .max { rarest = indices }
    }
    guard let rarest else { return shelf.workloads }
    return rarest.map { shelf.workloads[$0] }.filter { selector.selects($0.workloadLabels) }
  }

  /// The ports of services, and where those workloads listen for them.
  mutating func ports(
    _ selector: [String: String], in namespace: String?, of workload: (Object) -> Workload?
  ) -> [UInt16: Set<UInt16>] {
    let question = Question(selector: selector, namespace: namespace)
    if let known = portAnswers[question] { return known }
    var ports: [UInt16: Set<UInt16>] = [:]
    for object in workloads(selector, in: namespace) {
      for port in workload(object)?.template.services.flatMap(\.ports) ?? [] {
        ports[port.port, default: []].insert(port.target)
      }
    }
    portAnswers[question] = ports
    return ports
  }

  /// The values a label has on workloads of a namespace, or of all of them.
  func values(of label: String, in namespace: String?) -> Set<String> {
    guard let namespace else { return shelves.values.reduce(into: []) { $0.formUnion($1.values[label] ?? []) } }
    return shelves[namespace]?.values[label] ?? []
  }
}
