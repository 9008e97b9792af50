// SPDX-License-Identifier: Apache-2.0
// Translator: edits of objects in, changes of the mesh and conditions out.
//
//   edit ─► objects ─► dirty: the object and its dependants ─► their projections, anew ─► what several objects claim
//                                                                                         └► changes
//
// Where edits come from, a folder or a watch, is nothing it knows.

package import Mesh

/// One edit of an object.
package enum Edit: Sendable {
  case put(Object)
  case remove(ObjectKey)
}

/// What edits lead to.
package struct Update: Sendable {
  /// What changed in the mesh, or may have: what is said again is no change there.
  package let changes: [Change]
  /// What authors are told, for objects it may have changed for. Nothing for objects that are gone.
  package let conditions: [ObjectKey: [Condition]]
  /// How many objects were looked at again.
  package let projected: Int
}

/// Turns edits of objects into changes of the mesh.
package struct Translator: Sendable {
  private(set) var objects: Objects
  private(set) var projections: [ObjectKey: Projection] = [:]
  private var claims: [Thing.Key: Set<ObjectKey>] = [:]

  /// A translator of no objects.
  package init(settings: Settings = Settings()) { objects = Objects(settings: settings) }

  /// Takes edits, in their order.
  package mutating func apply(_ edits: [Edit]) -> Update {
    var dirty: Set<ObjectKey> = []
    for edit in edits {
      let (key, object): (ObjectKey, Object?) =
        switch edit {
        case .put(let object): (object.key, object)
        case .remove(let key): (key, nil)
        }
      let old = objects.set(key, to: object)
      guard old != nil || object != nil else { continue }
      dirty.insert(key)
      dirty.formUnion(objects.dependants(of: key, old: old, new: object))
    }
    var touched: Set<Thing.Key> = []
    for key in dirty { touched.formUnion(renew(key)) }
    return Update(
      changes: touched.map { change(of: $0) },
      // A pod's status is the kubelet's.
      conditions: Dictionary(
        uniqueKeysWithValues: dirty.filter { $0.kind != .pod }.map { ($0, conditions(of: $0)) }),
      projected: dirty.count)
  }

  /// An object, as it was read last.
  package func object(_ key: ObjectKey) -> Object? { objects[key] }

  /// What the author of an object is told.
  package func conditions(of key: ObjectKey) -> [Condition] { projections[key]?.conditions ?? [] }

  /// Looks at an object again. Gives back the things it puts, or put, into the mesh.
  private mutating func renew(_ key: ObjectKey) -> [Thing.Key] {
    let old = projections[key] ?? Projection()
    let new = objects[key].map { objects.projection(of: $0) } ?? Projection()
    projections[key] = objects[key] == nil ? nil : new
    for thing in old.things { claims[thing.key]?.remove(key) }
    for thing in new.things { claims[thing.key, default: []].insert(key) }
    for gateway in old.gateways.subtracting(new.gateways) {
      objects.users[gateway]?.remove(key)
      if objects.users[gateway]?.isEmpty == true { objects.users[gateway] = nil }
    }
    for gateway in new.gateways { objects.users[gateway, default: []].insert(key) }
    return old.things.map(\.key) + new.things.map(\.key)
  }

  /// What the mesh is told of a thing: of several claims, that of a Service, then the oldest.
  private mutating func change(of key: Thing.Key) -> Change {
    guard let claimants = claims[key], !claimants.isEmpty else {
      claims[key] = nil
      return key.removal
    }
    let metas = claimants.compactMap { objects[$0]?.meta }
    let winner = metas.min { one, other in
      let (isOne, isOther) = (one.key.kind == .service, other.key.kind == .service)
      return isOne == isOther ? one.precedes(other) : isOne
    }
    let thing = winner.flatMap { projections[$0.key]?.things.first { $0.key == key } }
    return thing?.change ?? key.removal
  }
}

extension Objects {
  /// What an object means for the mesh.
  fileprivate func projection(of object: Object) -> Projection {
    switch object.body {
    case .pod(let pod): project(pod: object, pod)
    case .service(let service): project(service: object, service)
    case .serviceEntry(let entry): project(serviceEntry: object, entry)
    case .workloadEntry(let entry): project(workloadEntry: object, entry)
    case .endpointSlice(let slice): project(endpointSlice: object, slice)
    case .authorizationPolicy: project(authorization: object)
    case .peerAuthentication: project(peerAuthentication: object)
    case .unreadable:
      object.key.kind == .authorizationPolicy ? project(authorization: object) : project(peerAuthentication: object)
    case .gateway(let gateway): project(gateway: object, gateway)
    case .namespace, .node, .serviceAccount, .gatewayClass: Projection()
    }
  }
}
