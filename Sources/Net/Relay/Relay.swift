// SPDX-License-Identifier: Apache-2.0
// Relay: moves bytes between two pipes until both halves have ended, or one breaks.
//
//   a ──sent──▶ b        an end travels as an end, a reset as a reset, a refusal to take bytes as back pressure
//   a ◀─received── b
//
// One await covers the whole relay. Its bytes are moved by the pipes' events, with no task, allocation or copy of its
// own: a pulling pipe reads the other side straight into its frame, a lending one is written from straight. The relay
// holds no bytes; what one side does not take stays with the other, which then stops reading.

package import Glibc

/// Two pipes joined.
package final class Relay: PipeOwner, TimerTarget, FlushTarget {
  /// Limits of time; nil means none.
  package struct Limits: Sendable {
    /// Both directions silent for so long.
    package var idle: Duration?
    /// One direction ended, the other silent for so long.
    package var halfClosed: Duration?

    /// No limits unless given.
    package init(idle: Duration? = nil, halfClosed: Duration? = nil) {
      self.idle = idle
      self.halfClosed = halfClosed
    }
  }

  /// What a relay came to.
  package struct Tally: Sendable, Equatable {
    /// Bytes from the first pipe to the second.
    package var sentBytes: UInt64 = 0
    /// Bytes from the second pipe to the first.
    package var receivedBytes: UInt64 = 0
    /// How it ended.
    package var ending: Ending = .ended
  }

  /// How a relay ended.
  package enum Ending: Sendable, Equatable {
    /// Both halves ended in order.
    case ended
    /// The first pipe broke; the second was reset.
    case firstFailed(PipeFailure)
    /// The second pipe broke; the first was reset.
    case secondFailed(PipeFailure)
    /// Given up from this side: a limit, or whoever called `cancel`.
    case cancelled(PipeFailure)
  }

  /// Bytes one pump may move before others get a turn.
  private static let turnBytes = 2 * Batch.copyBytes

  private let first: any Pipe
  private let second: any Pipe
  private let reactor: Reactor
  private let limits: Limits
  private var tally = Tally()
  private var hasFirstEnded = false
  private var hasSecondEnded = false
  private var isOver = false
  private var pumpsAgain = false
  private var movedAt: Instant
  private var timer: Timer?
  private var waiter: UnsafeContinuation<Void, Never>?

  /// Joins two pipes of one worker.
  package init(_ first: any Pipe, _ second: any Pipe, limits: Limits = Limits(), on worker: isolated Worker) {
    self.first = first
    self.second = second
    self.limits = limits
    reactor = worker.reactor
    movedAt = worker.reactor.now
  }

  /// Relays to the end and says what was moved. Both pipes are closed then.
  package func run(on worker: isolated Worker) async -> Tally {
    guard !isOver else { return tally }
    reactor.counts[.relays] += 1
    first.owner = self
    second.owner = self
    watchTime()
    // What arrived before there was an owner: no event will tell of it again.
    pump(from: first, to: second)
    if !isOver { pump(from: second, to: first) }
    if !isOver { await withUnsafeContinuation { waiter = $0 } }
    return tally
  }

  /// Ends the relay from outside: both peers see a reset. Nothing happens when it is over.
  package func cancel(_ reason: PipeFailure) {
    guard !isOver else { return }
    reactor.counts[reason == .idle ? .relayIdle : .relayCancelled] += 1
    end(.cancelled(reason))
  }

  // MARK: What the pipes tell

  package func readable(_ pipe: any Pipe) {
    let other = pipe === first ? second : first
    pump(from: pipe, to: other)
    // No event of the other side tells that this one is gone.
    if pipe.isGone { pump(from: other, to: pipe) }
  }

  package func writable(_ pipe: any Pipe) {
    pipe === first ? pump(from: second, to: first) : pump(from: first, to: second)
  }

  package func failed(_ pipe: any Pipe, _ failure: PipeFailure) { fail(pipe, failure) }

  package func arrived(_ pieces: UnsafeBufferPointer<iovec>, on pipe: any Pipe) -> Int {
    let sink = pipe === first ? second : first
    guard !isOver, !sink.pulls else { return 0 }
    switch sink.write(pieces) {
    case .bytes(let count):
      record(count, from: pipe)
      return count
    // A sink that broke says so when the pipe is read next; the lender must not be closed within its own call.
    case .wait, .end, .failed: return 0
    }
  }

  package func fill(_ room: UnsafeMutableRawBufferPointer, for pipe: any Pipe) -> Transfer {
    let source = pipe === first ? second : first
    guard !isOver else { return .wait }
    guard source.held.isEmpty else {
      let count = source.held.read(into: room)
      source.took(count)
      record(count, from: source)
      return .bytes(count)
    }
    let transfer = source.read(into: room)
    switch transfer {
    case .bytes(let count): record(count, from: source)
    case .end:
      markEnded(source)
      if hasFirstEnded, hasSecondEnded { settleLater() }
    case .wait: break
    case .failed(let failure):
      pendingFailure = (source, failure)
      settleLater()
      return .wait
    }
    return transfer
  }

  // MARK: Moving

  private func pump(from source: any Pipe, to sink: any Pipe) {
    guard !isOver, !(source === first ? hasFirstEnded : hasSecondEnded) else { return }
    guard !sink.pulls else { return offer(source, to: sink) }
    var moved = 0
    while moved < Self.turnBytes {
      switch source.held.isEmpty ? readAndWrite(source, sink) : writeHeld(source, sink) {
      case .bytes(let count): moved += count
      case .wait: return
      case .end:
        sink.finish()
        markEnded(source)
        if hasFirstEnded, hasSecondEnded { end(.ended) }
        return
      case .failed: return
      }
    }
    settleLater()
  }

  /// A sink that is gone takes nothing and breaks nothing: what the source still says is dropped when it is closed.
  private func offer(_ source: any Pipe, to sink: any Pipe) {
    guard sink.isGone else { return sink.offer() }
    markEnded(source)
    if hasFirstEnded, hasSecondEnded { end(.ended) }
  }

  /// `.bytes`: all that was read went on, and there may be more.
  private func readAndWrite(_ source: any Pipe, _ sink: any Pipe) -> Transfer {
    let room = UnsafeMutableRawBufferPointer(rebasing: reactor.batch.copy[..<source.readMax])
    let transfer = source.read(into: room)
    switch transfer {
    case .wait, .end: return transfer
    case .failed(let failure):
      fail(source, failure)
      return transfer
    case .bytes(let count):
      var piece = iovec(iov_base: room.baseAddress, iov_len: count)
      let taken = withUnsafePointer(to: &piece) {
        write(UnsafeBufferPointer(start: $0, count: 1), from: source, to: sink)
      }
      guard let taken else { return .failed(.reset) }
      guard taken < count else { return .bytes(count) }
      source.held.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[taken..<count]))
      return sink.isWritable ? .bytes(taken) : .wait
    }
  }

  private func writeHeld(_ source: any Pipe, _ sink: any Pipe) -> Transfer {
    let pieces = source.held.lend(reactor.batch.pieces)
    let offered = pieces.byteCount
    guard let taken = write(pieces, from: source, to: sink) else { return .failed(.reset) }
    source.held.consume(taken)
    source.took(taken)
    return taken < offered && !sink.isWritable ? .wait : .bytes(taken)
  }

  /// The bytes the sink took; nil when it broke and the relay is over.
  private func write(_ pieces: UnsafeBufferPointer<iovec>, from source: any Pipe, to sink: any Pipe) -> Int? {
    switch sink.write(pieces) {
    case .bytes(let count):
      record(count, from: source)
      return count
    case .wait, .end: return 0
    case .failed(let failure):
      fail(sink, failure)
      return nil
    }
  }

  private func record(_ count: Int, from source: any Pipe) {
    if source === first { tally.sentBytes &+= UInt64(count) } else { tally.receivedBytes &+= UInt64(count) }
    movedAt = reactor.now
  }

  private func markEnded(_ source: any Pipe) {
    if source === first { hasFirstEnded = true } else { hasSecondEnded = true }
    movedAt = reactor.now
    watchTime()
  }

  // MARK: Ending

  private var pendingFailure: (pipe: any Pipe, failure: PipeFailure)?

  /// Asks for a turn outside any pipe's call: there, pipes may be closed and the next bytes pumped.
  private func settleLater() {
    guard !pumpsAgain else { return }
    pumpsAgain = true
    reactor.flushLater(self)
  }

  package func flush() {
    pumpsAgain = false
    guard !isOver else { return }
    if let (pipe, failure) = pendingFailure {
      fail(pipe, failure)
    } else if hasFirstEnded, hasSecondEnded {
      end(.ended)
    } else {
      pump(from: first, to: second)
      if !isOver { pump(from: second, to: first) }
    }
  }

  private func fail(_ pipe: any Pipe, _ failure: PipeFailure) {
    guard !isOver else { return }
    reactor.counts[.relayReset] += 1
    end(pipe === first ? .firstFailed(failure) : .secondFailed(failure))
  }

  private func end(_ ending: Ending) {
    isOver = true
    tally.ending = ending
    if let timer { reactor.timers.cancel(timer) }
    switch ending {
    case .ended:
      first.close()
      second.close()
    case .firstFailed(let failure), .secondFailed(let failure), .cancelled(let failure):
      first.abort(failure)
      second.abort(failure)
    }
    pendingFailure = nil
    waiter?.resume()
    waiter = nil
  }

  // MARK: Limits of time

  /// The limit that holds now. Checked lazily: moving bytes only notes the time, the timer finds out how long it was.
  private var silenceMax: Duration? {
    guard hasFirstEnded || hasSecondEnded else { return limits.idle }
    guard let halfClosed = limits.halfClosed else { return limits.idle }
    return limits.idle.map { min($0, halfClosed) } ?? halfClosed
  }

  private func watchTime() {
    if let timer { reactor.timers.cancel(timer) }
    timer = silenceMax.map { reactor.timers.arm(at: movedAt + $0, self) }
  }

  package func expired(_ timer: Timer) {
    guard timer == self.timer else { return }
    self.timer = nil
    guard !isOver, let silenceMax else { return }
    guard reactor.now.since(movedAt) < silenceMax else { return cancel(.idle) }
    watchTime()
  }
}
