// SPDX-License-Identifier: Apache-2.0
// MeshBench: what a large mesh costs in memory and time, without a socket. One JSON line per figure.
//
//   mesh                 builds the world from sets of a thousand changes; --held: while a reader holds the last snapshot
//     --decisions 50000  then asks each kind of question so many times, in --rounds
//     --changes 2000     then applies so many sets of one change, in --rounds
//     --only route       leaves all questions out but one kind
//     --paused           waits for a line before the first question: whoever counts instructions need not count before
//
// CPU time is the process's. Instructions are counted inside `measuredLoop` and nowhere else.

import Format
import Glibc
import Mesh

private let setSize = 1_000

/// `mesh [--workloads 100000] [--held] [--rounds 5] [--decisions N] [--changes N] [--only NAME] [--paused]`.
func runMesh(_ flags: Flags) throws(FlagFailure) {
  let workloads = try flags.number("workloads", default: 100_000)
  guard MeshWorld.sizes.contains(workloads), workloads % setSize == 0 else { throw .bad("workloads", "\(workloads)") }
  let world = MeshWorld(workloads: workloads)
  let rounds = try flags.number("rounds", default: 5)
  guard rounds > 0 else { throw .bad("rounds", "\(rounds)") }
  let decisions = try flags.number("decisions", default: 0)
  let changes = try flags.number("changes", default: 0)
  let build = MeshBuild(world, isHeld: flags.has("held"))
  build.run()
  tell(build.report)
  let only = flags.text("only")
  func isWanted(_ question: MeshQuestion) -> Bool { only == nil || only == question.name }
  // Whoever asks about a snapshot holds it: that is over before the world changes.
  var questions = decisions > 0 ? decisionQuestions(world, build.ledger.snapshot, count: decisions) : []
  if flags.has("paused") { _ = readLine() }
  for question in questions where isWanted(question) { question.measure(rounds: rounds) }
  questions = changes > 0 ? changeQuestions(world, build, count: changes) : []
  for question in questions where isWanted(question) { question.measure(rounds: rounds) }
}

// MARK: Building

/// A world built from nothing.
final class MeshBuild {
  let world: MeshWorld
  /// Whether a reader holds each snapshot until it gets the next one.
  let isHeld: Bool
  /// In the order of a control plane that says all it knows: policies, workloads, services; each kind in no order.
  private let order: [Int]
  var ledger = Ledger()
  var reader = Snapshot()
  private var makeNanoseconds = 0
  private var applyNanoseconds = 0
  private var anonBytes = 0

  init(_ world: MeshWorld, isHeld: Bool) {
    self.world = world
    self.isHeld = isHeld
    var dice = Dice(seed: 1)
    let (policies, workloads) = (world.policies, world.workloads)
    order =
      (0..<policies).shuffled(using: &dice) + (policies..<policies + workloads).shuffled(using: &dice)
      + (policies + workloads..<policies + workloads + world.services).shuffled(using: &dice)
  }

  func run() {
    let before = rssAnonBytes()
    for start in stride(from: 0, to: order.count, by: setSize) {
      apply(order[start..<min(start + setSize, order.count)])
    }
    anonBytes = rssAnonBytes() - before
  }

  /// The changes are made on one clock; what the ledger does with them, until the last of them is gone, on another.
  private func apply(_ numbers: ArraySlice<Int>) {
    let start = cpuNanoseconds()
    var changes = numbers.map(change)
    let made = cpuNanoseconds()
    _ = ledger.apply(changes, from: .controlPlane)
    changes = []
    if isHeld { reader = ledger.snapshot }
    let end = cpuNanoseconds()
    makeNanoseconds += made - start
    applyNanoseconds += end - made
  }

  private func change(_ number: Int) -> Change {
    if number < world.policies { return .policy(world.policy(number)) }
    let workload = number - world.policies
    return workload < world.workloads
      ? .workload(world.workload(workload)) : .service(world.service(workload - world.workloads))
  }

  var report: String {
    precondition(!isHeld || reader.version == ledger.snapshot.version, "\(reader.version)")
    return
      "{\"name\":\"build\",\"apply_ns\":\(applyNanoseconds),\"make_ns\":\(makeNanoseconds),\"anon_bytes\":\(anonBytes)}"
  }
}

// MARK: Measuring

/// Something to be asked many times. Kept in a list until then: a loop that knew what it asks would be compiled once for each
/// question, and Callgrind could not tell when it begins and ends.
struct MeshQuestion {
  let name: String
  let count: Int
  /// Makes what the next round asks about; its answers are right or wrong.
  let prepare: () -> (Int) -> Bool

  /// Prints what one answer took, in each round. A wrong answer ends the process: it would be a figure of something else.
  func measure(rounds: Int) {
    let times = (0..<rounds).map { _ in
      let isRight = prepare()
      let start = cpuNanoseconds()
      let right = measuredLoop(count, isRight)
      let spent = cpuNanoseconds() - start
      guard right == count else {
        say("skein-bench: mesh: \(name): only \(right) of \(count) answers are right")
        exit(1)
      }
      return Double(spent) / Double(count)
    }
    tell("{\"name\":\"\(name)\",\"count\":\(count),\"ns\":\(times)}")
  }
}

@inline(never)
private func measuredLoop(_ count: Int, _ isRight: (Int) -> Bool) -> Int {
  var right = 0
  for number in 0..<count where isRight(number) { right += 1 }
  return right
}

private func cpuNanoseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Anonymous memory that is resident, as the kernel counts it.
private func rssAnonBytes() -> Int {
  let file = open("/proc/self/status", O_RDONLY)
  precondition(file >= 0, "/proc is not mounted: \(errno)")
  defer { close(file) }
  var bytes = [UInt8](repeating: 0, count: 4_096)
  let count = read(file, &bytes, bytes.count)
  let lines = String(decoding: bytes[..<max(0, count)], as: UTF8.self).split(separator: "\n")
  let words = lines.first { $0.hasPrefix("RssAnon:") }?.split { $0 == " " || $0 == "\t" } ?? []
  return words.dropFirst().first.flatMap { Int($0) }.map { $0 * 1_024 } ?? 0
}
