// SPDX-License-Identifier: Apache-2.0
// AddressList: the addresses of a workload. Nearly all have one, of IPv4: it takes the place of the reference to a list.

package import Format

/// Addresses in a row.
package enum AddressList: Equatable, Sendable {
  case v4(UInt32)
  case list([IPAddress])

  /// The addresses of an array.
  package init(_ addresses: [IPAddress]) {
    self = addresses.count == 1 && addresses[0].isV4 ? .v4(addresses[0].v4Bits) : .list(addresses)
  }
}

extension AddressList: RandomAccessCollection {
  /// Always 0.
  package var startIndex: Int { 0 }

  /// The number of addresses.
  package var endIndex: Int {
    switch self {
    case .v4: 1
    case .list(let addresses): addresses.count
    }
  }

  /// The address of a place.
  package subscript(index: Int) -> IPAddress {
    switch self {
    case .v4(let bits):
      precondition(index == 0, "\(index) of 1")
      return IPAddress(v4: bits)
    case .list(let addresses): return addresses[index]
    }
  }
}
