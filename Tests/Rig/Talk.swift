// SPDX-License-Identifier: Apache-2.0
// Talk: the plain words of a test over a pipe: send these bytes, receive so many, what came last.

import Glibc
package import Net

/// A value shared by reference within one worker.
package final class Box<Value> {
  /// The value.
  package var value: Value
  /// Holds a first value.
  package init(_ value: Value) { self.value = value }
}

extension Pipe {
  /// Writes bytes that fit; returns how many were taken.
  @discardableResult
  package func send(_ bytes: [UInt8]) -> Int {
    bytes.withUnsafeBytes { raw in
      var piece = iovec(iov_base: UnsafeMutableRawPointer(mutating: raw.baseAddress), iov_len: raw.count)
      let transfer = withUnsafePointer(to: &piece) { write(UnsafeBufferPointer(start: $0, count: 1)) }
      if case .bytes(let count) = transfer { return count }
      return 0
    }
  }

  /// Writes text that fits.
  package func send(_ text: String) { send(Array(text.utf8)) }

  /// Reads until so many bytes came, the pipe ended or broke, or twenty seconds passed.
  package func receive(_ count: Int, on worker: isolated Worker) async -> [UInt8] {
    var bytes: [UInt8] = []
    _ = await eventually(on: worker) {
      while bytes.count < count {
        let more = readNow(count - bytes.count)
        guard case .success(let part) = more else { return true }
        guard !part.isEmpty else { return false }
        bytes += part
      }
      return true
    }
    return bytes
  }

  /// How the pipe ends: waits for it, dropping what still comes.
  package func lastWord(on worker: isolated Worker) async -> Transfer {
    var last = Transfer.wait
    _ = await eventually(on: worker) {
      while true {
        switch readNow(65_536) {
        case .success(let part) where part.isEmpty: return false
        case .success: continue
        case .failure(let ending):
          last = ending.transfer
          return true
        }
      }
    }
    return last
  }

  private func readNow(_ count: Int) -> Result<[UInt8], Ending> {
    var room = [UInt8](repeating: 0, count: count)
    if !held.isEmpty {
      let filled = room.withUnsafeMutableBytes { held.read(into: $0) }
      took(filled)
      return .success(Array(room[..<filled]))
    }
    switch room.withUnsafeMutableBytes({ read(into: $0) }) {
    case .bytes(let filled): return .success(Array(room[..<filled]))
    case .wait: return .success([])
    case .end: return .failure(Ending(transfer: .end))
    case .failed(let failure): return .failure(Ending(transfer: .failed(failure)))
    }
  }
}

private struct Ending: Error { let transfer: Transfer }
