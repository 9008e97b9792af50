// SPDX-License-Identifier: Apache-2.0
// Dice: where chance comes into a decision. The caller holds them, so that a decision is a function of what it is given.

/// SplitMix64: numbers that look random, the same ones for the same seed.
package struct Dice: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts a row of numbers.
  package init(seed: UInt64) { state = seed }

  /// The next number.
  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// A number below a bound that is not 0. Off from even by one part in 2^64 divided by the bound.
  mutating func below(_ bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }
}
