// SPDX-License-Identifier: Apache-2.0
// Projection: what one object, in the light of the others, means for the mesh.
//
//   Pod, WorkloadEntry, EndpointSlice   → workloads        ServiceEntry        → services, workloads
//   Service                             → a service        AuthorizationPolicy → a policy
//   PeerAuthentication                  → policies         Gateway             → a workload, when it leads elsewhere
//   the rest                            → nothing of their own
//
// A projection is a function of the object and of what it looks up in `Objects`. Which objects it may have looked up is
// known to Dependants, and held against a fresh build by the tests.

import Mesh

/// What one object means for the mesh.
struct Projection: Sendable {
  /// What it puts into the mesh.
  var things: [Thing] = []
  /// What its author is told.
  var conditions: [Condition] = []
  /// The gateways it is bound to, or would be.
  var gateways: Set<ObjectKey> = []
}

/// Something in the mesh.
enum Thing: Sendable {
  case workload(Workload)
  case service(Service)
  case policy(Policy)

  /// Its name in the mesh.
  enum Key: Hashable, Sendable {
    case workload(String)
    case service(ServiceName)
    case policy(String)
  }

  var key: Key {
    switch self {
    case .workload(let workload): .workload(workload.uid)
    case .service(let service): .service(service.name)
    case .policy(let policy): .policy(policy.key)
    }
  }

  var change: Change {
    switch self {
    case .workload(let workload): .workload(workload)
    case .service(let service): .service(service)
    case .policy(let policy): .policy(policy)
    }
  }
}

extension Thing.Key {
  var removal: Change {
    switch self {
    case .workload(let uid): .removeWorkload(uid: uid)
    case .service(let name): .removeService(name)
    case .policy(let key): .removePolicy(key: key)
    }
  }
}
