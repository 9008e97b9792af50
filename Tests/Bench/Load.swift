// SPDX-License-Identifier: Apache-2.0
// Load: requests at a fixed rate, whatever the answers do.
//
//   schedule → wait for the intended moment → GET → read the whole answer → sample
//
// Open loop: a sample counts from the moment the request was meant to leave, so a stalled server is charged for every
// request that had to wait behind it. Each connection is one blocking thread; nothing of ours is under test here, so
// only Glibc is used and none of the project's own I/O.

import Glibc

/// Nanoseconds on CLOCK_MONOTONIC.
private typealias Nanoseconds = Int64

private let second: Nanoseconds = 1_000_000_000
/// All samples are kept, so percentiles are exact; 8 bytes each.
private let samplesMax = 4_000_000
private let connectionsMax = 4_096
private let responseHeadBytesMax = 16 * 1_024
/// A server that says nothing for this long has failed the request.
private let answerTimeoutSeconds = 10

/// `load --to A [--rate 1000] [--connections 4] [--seconds 10] [--path /] [--bulk [--pace MB]]`: prints one JSON line and
/// returns the exit status. `--bulk` is the other kind of client: it asks again as soon as it has the answer, and with
/// `--pace` each connection reads no more than so many million bytes per second.
func runLoad(_ arguments: [String]) -> CInt {
  let plan: LoadPlan
  do {
    plan = try LoadPlan(arguments)
  } catch {
    writeText(to: 2, "skein-bench load: \(error.text)\n")
    return 2
  }
  _ = signal(SIGPIPE, SIG_IGN)
  let start = now() + second / 20  // Time for every thread to reach its first wait.
  var lanes: [LoadLane] = []
  for index in 0..<plan.connections { lanes.append(LoadLane(plan: plan, index: index, start: start)) }
  let threads = lanes.map { startThread($0) }
  for thread in threads {
    guard let thread else { continue }
    pthread_join(thread, nil)
  }
  var report = LoadReport()
  for lane in lanes { report.add(lane) }
  writeText(to: 1, report.line + "\n")
  return report.samples.isEmpty ? 1 : 0
}

/// What the command line asked for.
private struct LoadPlan: Sendable {
  var address = sockaddr_in()
  var host = ""
  var path = "/"
  var rate = 1_000
  var connections = 4
  var seconds = 10
  /// Closed loop: the next request as soon as the last answer is in. Samples then count from the sending.
  var isBulk = false
  /// Bytes per second and connection; nil reads as fast as they come.
  var pace: Int?

  struct Mistake: Error {
    let text: String
  }

  init(_ arguments: [String]) throws(Mistake) {
    var rest = arguments[...]
    while let flag = rest.popFirst() {
      if flag == "--bulk" {
        isBulk = true
        continue
      }
      guard let value = rest.popFirst() else { throw Mistake(text: "\(flag) needs a value") }
      switch flag {
      case "--to": try setAddress(value)
      case "--path": path = value
      case "--rate": rate = try Self.number(flag, value, in: 1...1_000_000)
      case "--connections": connections = try Self.number(flag, value, in: 1...connectionsMax)
      case "--pace": pace = try Self.number(flag, value, in: 1...100_000) * 1_000_000
      case "--seconds": seconds = try Self.number(flag, value, in: 1...86_400)
      default: throw Mistake(text: "unknown flag \(flag)")
      }
    }
    guard !host.isEmpty else { throw Mistake(text: "--to is missing") }
    guard path.hasPrefix("/") else { throw Mistake(text: "--path must start with /") }
    guard isBulk || pace == nil else { throw Mistake(text: "--pace is for --bulk") }
    guard isBulk || rate * seconds <= samplesMax else { throw Mistake(text: "more than \(samplesMax) requests") }
  }

  private mutating func setAddress(_ text: String) throws(Mistake) {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1]), inet_pton(AF_INET, String(parts[0]), &address.sin_addr) == 1
    else { throw Mistake(text: "--to wants an IPv4 address and a port, got \(text)") }
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    host = text
  }

  private static func number(_ flag: String, _ text: String, in range: ClosedRange<Int>) throws(Mistake) -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw Mistake(text: "\(flag) wants a number from \(range.lowerBound) to \(range.upperBound), got \(text)")
    }
    return number
  }
}

/// One connection and its share of the schedule. Owned by its thread until that is joined.
private final class LoadLane {
  private(set) var samples: [Nanoseconds] = []
  private(set) var errors = 0
  private let plan: LoadPlan
  private let index: Int
  private let start: Nanoseconds
  private let request: [UInt8]
  private var descriptor: CInt = -1
  private var receivedBytes = 0
  private var buffer = [UInt8](repeating: 0, count: 256 * 1_024)

  init(plan: LoadPlan, index: Int, start: Nanoseconds) {
    self.plan = plan
    self.index = index
    self.start = start
    request = Array("GET \(plan.path) HTTP/1.1\r\nHost: \(plan.host)\r\n\r\n".utf8)
    samples.reserveCapacity(plan.isBulk ? 1_024 : plan.rate * plan.seconds / plan.connections + 1)
  }

  func run() {
    // Before the first intended moment: connecting is not what is measured.
    _ = reconnect()
    if plan.isBulk { runClosedLoop() } else { runSchedule() }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Request k of all leaves at start + k / rate; this lane takes every `connections`th.
  private func runSchedule() {
    var k = index
    while k < plan.rate * plan.seconds {
      let intended = start + Nanoseconds(k) * second / Nanoseconds(plan.rate)
      sleep(until: intended)
      attempt(countingFrom: intended)
      k += plan.connections
    }
  }

  private func runClosedLoop() {
    let end = start + Nanoseconds(plan.seconds) * second
    sleep(until: start)
    while now() < end {
      let before = now()
      let failed = errors
      attempt(countingFrom: before)
      if errors > failed { sleep(until: now() + second / 100) }  // A refused bulk client must not spin.
    }
  }

  private func attempt(countingFrom intended: Nanoseconds) {
    guard descriptor >= 0 || reconnect() else { return fail() }
    guard sendRequest(), let isReusable = readAnswer() else { return fail() }
    if samples.count < samplesMax { samples.append(now() - intended) }
    if !isReusable { drop() }
  }

  private func fail() {
    errors += 1
    drop()
  }

  private func drop() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }

  private func reconnect() -> Bool {
    descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    var one: CInt = 1
    setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
    var timeout = timeval(tv_sec: answerTimeoutSeconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = plan.address
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if status != 0 { drop() }
    return status == 0
  }

  private func sendRequest() -> Bool {
    var sent = 0
    while sent < request.count {
      let count = request.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return 0 }
        return send(descriptor, base + sent, bytes.count - sent, 0)
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// Reads one whole answer. Returns whether the connection can carry another; nil when it is not a 200 with a length.
  private func readAnswer() -> Bool? {
    var filled = 0
    var head: ResponseHead?
    while head == nil {
      guard filled < responseHeadBytesMax, let count = receive(at: filled) else { return nil }
      filled += count
      head = ResponseHead(buffer[..<filled])
    }
    guard let head, head.isOK, let length = head.length else { return nil }
    var left = length - (filled - head.bytes)
    while left > 0 {
      guard let count = receive(at: 0) else { return nil }
      left -= count
      keepPace(count)
    }
    return left == 0 ? !head.isClosing : nil  // More than asked for: the answer does not belong to this request.
  }

  private func keepPace(_ count: Int) {
    guard let pace = plan.pace else { return }
    receivedBytes += count
    sleep(until: start + Nanoseconds(Double(receivedBytes) / Double(pace) * Double(second)))
  }

  private func receive(at offset: Int) -> Int? {
    let count = buffer.withUnsafeMutableBytes { bytes -> Int in
      guard let base = bytes.baseAddress else { return 0 }
      return recv(descriptor, base + offset, bytes.count - offset, 0)
    }
    return count > 0 ? count : nil
  }
}

/// The little of an HTTP/1.1 answer that a load generator needs. Nil until the empty line has come.
private struct ResponseHead {
  let bytes: Int
  let isOK: Bool
  let length: Int?
  let isClosing: Bool

  init?(_ received: ArraySlice<UInt8>) {
    guard let end = Self.endOfHead(received) else { return nil }
    let lines = String(decoding: received[..<end], as: UTF8.self).lowercased().split(separator: "\r\n")
    var length: Int?
    var isClosing = false
    for line in lines.dropFirst() {
      if line.hasPrefix("content-length:") { length = Int(line.dropFirst(15).drop { $0 == " " }) }
      if line.hasPrefix("connection:") && line.hasSuffix("close") { isClosing = true }
    }
    bytes = end
    isOK = lines.first?.hasPrefix("http/1.1 200") == true
    self.length = length
    self.isClosing = isClosing
  }

  private static func endOfHead(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= 4 else { return nil }
    for index in 0...(bytes.count - 4) where bytes[index] == 13 {
      if bytes[index + 1] == 10 && bytes[index + 2] == 13 && bytes[index + 3] == 10 { return index + 4 }
    }
    return nil
  }
}

/// All lanes together.
private struct LoadReport {
  private(set) var samples: [Nanoseconds] = []
  private var errors = 0

  mutating func add(_ lane: LoadLane) {
    samples += lane.samples
    errors += lane.errors
  }

  var line: String {
    let sorted = samples.sorted()
    return "{\"requests\":\(sorted.count),\"errors\":\(errors),\"p50_us\":\(Self.microseconds(sorted, 0.50)),"
      + "\"p90_us\":\(Self.microseconds(sorted, 0.90)),\"p99_us\":\(Self.microseconds(sorted, 0.99)),"
      + "\"max_us\":\(Self.microseconds(sorted, 1.0))}"
  }

  /// Nearest rank, one decimal.
  private static func microseconds(_ sorted: [Nanoseconds], _ share: Double) -> String {
    guard !sorted.isEmpty else { return "0.0" }
    let rank = min(sorted.count, max(1, Int((share * Double(sorted.count)).rounded(.up))))
    let tenths = (sorted[rank - 1] + 50) / 100
    return "\(tenths / 10).\(tenths % 10)"
  }
}

/// Nil when the system has no thread to give; the lane then reports nothing.
private func startThread(_ lane: LoadLane) -> pthread_t? {
  // SAFETY: the reference is taken back by the thread, and `runLoad` keeps every lane until its thread is joined.
  let context = Unmanaged.passRetained(lane).toOpaque()
  var thread = pthread_t()
  let status = pthread_create(
    &thread, nil,
    { context in
      guard let context else { return nil }
      Unmanaged<LoadLane>.fromOpaque(context).takeRetainedValue().run()
      return nil
    }, context)
  guard status == 0 else {
    Unmanaged<LoadLane>.fromOpaque(context).release()
    return nil
  }
  return thread
}

private func now() -> Nanoseconds {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Nanoseconds(time.tv_sec) * second + Nanoseconds(time.tv_nsec)
}

private func sleep(until moment: Nanoseconds) {
  var time = timespec(tv_sec: Int(moment / second), tv_nsec: Int(moment % second))
  while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
}

private func writeText(to descriptor: CInt, _ text: String) {
  let bytes = Array(text.utf8)
  _ = write(descriptor, bytes, bytes.count)
}
