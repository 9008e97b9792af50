// SPDX-License-Identifier: Apache-2.0
// Deadlines: never early, at most one tick late, whatever is armed and cancelled between.

import Testing

@testable import Net

@Suite struct TimersTests {
  private final class Target: TimerTarget {
    var fired: [Int] = []
    func expired(_ timer: Timer) {}
  }

  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ (state >> 29)
    }
  }

  private static let tick: Int64 = 4_000_000

  @Test(arguments: [1, 4, 5, 255, 256, 257, 16_383, 16_384, 1_048_576, 67_108_864, 4_294_967_296])
  func firesWithinOneTick(milliseconds: Int64) {
    for start in [Int64(0), 3_999_999, 255 * Self.tick, 123_456_789_012_345] {
      var timers = Timers(start: Instant(nanoseconds: start))
      let target = Target()
      let deadline = Instant(nanoseconds: start) + .milliseconds(milliseconds)
      _ = timers.arm(at: deadline, target)
      var due: [(any TimerTarget, Timer)] = []
      timers.advance(to: Instant(nanoseconds: deadline.nanoseconds - 1), into: &due)
      #expect(due.isEmpty)
      timers.advance(to: Instant(nanoseconds: deadline.nanoseconds + 2 * Self.tick), into: &due)
      #expect(due.count == 1)
      #expect(timers.count == 0)
    }
  }

  /// The wheel against a plain list, over random arming, cancelling and passing of time.
  @Test(arguments: 1...20)
  func agreesWithAList(seed: UInt64) {
    var random = Generator(state: seed)
    var now: Int64 = Int64.random(in: 0..<1 << 40, using: &random)
    var timers = Timers(start: Instant(nanoseconds: now))
    var armed: [(timer: Timer, deadline: Int64)] = []
    let target = Target()
    for _ in 0..<3000 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<6:
        let length = Int64.random(in: 0..<(1 << Int64.random(in: 10..<45, using: &random)), using: &random)
        armed.append((timers.arm(at: Instant(nanoseconds: now + length), target), now + length))
      case 6..<8:
        guard let index = armed.indices.randomElement(using: &random) else { continue }
        timers.cancel(armed.remove(at: index).timer)
      default:
        if let sleep = timers.sleep(from: Instant(nanoseconds: now)), let first = armed.map(\.deadline).min() {
          #expect(sleep.nanoseconds <= max(0, first - now) + 2 * Self.tick, "slept past a deadline")
        }
        now += Int64.random(in: 0..<(1 << Int64.random(in: 10..<42, using: &random)), using: &random)
        var due: [(any TimerTarget, Timer)] = []
        timers.advance(to: Instant(nanoseconds: now), into: &due)
        for (_, timer) in due {
          let index = armed.firstIndex { $0.timer == timer }
          #expect(index.map { armed[$0].deadline <= now } == true, "early, or twice")
          if let index { armed.remove(at: index) }
        }
        #expect(!armed.contains { $0.deadline + 2 * Self.tick <= now }, "late")
        #expect(timers.count == armed.count)
      }
    }
  }

  @Test func aCancelledNameStaysHarmless() {
    var timers = Timers(start: .zero)
    let target = Target()
    let first = timers.arm(at: .zero + .seconds(1), target)
    timers.cancel(first)
    _ = timers.arm(at: .zero + .seconds(2), target)
    timers.cancel(first)
    #expect(timers.count == 1)
  }

  /// A turn with 100,000 armed deadlines looks at none of them: as many turns cost the same as with one armed.
  @Test func aTurnCostsTheSameWithAHundredThousandArmed() {
    func turns(armed: Int) -> Duration {
      var timers = Timers(start: .zero)
      let target = Target()
      for index in 0..<armed { _ = timers.arm(at: .zero + .seconds(600 + index % 600), target) }
      var due: [(any TimerTarget, Timer)] = []
      let clock = ContinuousClock()
      return clock.measure {
        for turn in 1...10_000 {
          timers.advance(to: Instant(nanoseconds: Int64(turn) * 10_000), into: &due)
          _ = timers.sleep(from: Instant(nanoseconds: Int64(turn) * 10_000))
        }
      }
    }
    let one = (0..<3).map { _ in turns(armed: 1) }.min() ?? .zero
    let many = (0..<3).map { _ in turns(armed: 100_000) }.min() ?? .zero
    // Looking at each would be 100,000 times as much; ten times is noise.
    #expect(many < one * 10 + .milliseconds(5))
  }
}
