// SPDX-License-Identifier: Apache-2.0
// Generator: numbers that look random and are the same in every run, for tests of properties.

/// SplitMix64. Swift's own generator has no seed, and a failure must come back when it is looked for.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// So many bytes.
  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }

  /// A number of any magnitude: as many small ones as large ones.
  mutating func anyWidth() -> UInt64 {
    next() >> UInt64.random(in: 0...63, using: &self)
  }
}
