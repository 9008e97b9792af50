// SPDX-License-Identifier: Apache-2.0
// What a peer may do to a session: every row of the table in docs/ARCHITECTURE.md, bytes in, verdict out.
//
// A verdict is a GOAWAY with a code and a counter, a reset of one stream, or that nothing happens; after each, the
// session must be in the state the verdict says, and what it held must be bounded.

import HTTP
import Net
import Rig
import Testing

private let protocolError: UInt32 = 1
private let flowControl: UInt32 = 3
private let streamClosed: UInt32 = 5
private let frameSize: UInt32 = 6
private let refused: UInt32 = 7
private let compression: UInt32 = 9
private let calm: UInt32 = 11

/// The bytes of so many streams, by their ids.
private func streams(_ count: UInt32, _ bytes: (UInt32) -> [UInt8]) -> [UInt8] {
  (0..<count).flatMap { bytes($0 * 2 + 1) }
}

/// The same bytes so many times.
private func times(_ count: Int, _ bytes: () -> [UInt8]) -> [UInt8] { (0..<count).flatMap { _ in bytes() } }

@Suite struct AbuseTests {
  enum Verdict: Sendable, Equatable {
    /// The session ends with this code.
    case goaway(UInt32)
    /// This stream is reset with this code; the session goes on.
    case reset(UInt32, UInt32)
    /// The session goes on as if nothing had been said.
    case fine
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let row: String
    let name: String
    let bytes: [[UInt8]]
    let verdict: Verdict
    var count: HTTP2Count?
    var answers = true
    var testDescription: String { "row \(row): \(name)" }
  }

  static let connected = hello + connect(1)

  static let rows: [Row] = [
    Row(
      row: "1", name: "streams opened and given up", bytes: [hello, streams(300) { id in connect(id) + rst(id) }],
      verdict: .goaway(calm), count: .resetFlood, answers: false),
    Row(
      row: "1", name: "as many, fewer than the allowance",
      bytes: [hello, streams(150) { id in connect(id) + rst(id) }],
      verdict: .fine, answers: false),
    Row(
      row: "2", name: "resets provoked by window overflow",
      bytes: [hello, streams(300) { id in connect(id) + window(id, 0x7fff_ffff) }],
      verdict: .goaway(calm), count: .invalidFrameFlood, answers: false),
    Row(
      row: "3", name: "CONTINUATION without end",
      bytes: [
        hello, Frame(type: Frame.headers, stream: 1, payload: block([(":method", "CONNECT")])).bytes,
        times(50) { Frame(type: Frame.continuation, stream: 1, payload: block([("a", "b")])).bytes },
      ],
      verdict: .goaway(calm), count: .continuationFlood),
    Row(
      row: "3", name: "empty CONTINUATIONs",
      bytes: [
        hello, Frame(type: Frame.headers, stream: 1, payload: block([(":method", "CONNECT")])).bytes,
        times(50) { Frame(type: Frame.continuation, stream: 1).bytes },
      ],
      verdict: .goaway(calm), count: .continuationFlood),
    Row(
      row: "4", name: "a header list over the limit",
      bytes: [
        hello,
        headers(
          1,
          [(":method", "CONNECT"), (":authority", "a:1")]
            + (0..<5).map { ("x\($0)", String(repeating: "v", count: 15_000)) }, flags: 0
        )
        .chunkedIntoContinuations(),
      ], verdict: .reset(1, calm), count: .headersTooLarge),
    Row(
      row: "4", name: "many tiny fields",
      bytes: [hello, headers(1, [(":method", "CONNECT"), (":authority", "a:1")] + (0..<200).map { _ in ("a", "b") })],
      verdict: .reset(1, calm), count: .headersTooLarge),
    Row(
      row: "5", name: "table size update over the limit",
      bytes: [
        hello, Frame(type: Frame.headers, flags: Frame.endHeaders, stream: 1, payload: [0x3f, 0xe1, 0xff, 0x7f]).bytes,
      ],
      verdict: .goaway(compression), count: .compressionErrors),
    Row(
      row: "5", name: "an integer that overflows",
      bytes: [
        hello,
        Frame(
          type: Frame.headers, flags: Frame.endHeaders, stream: 1, payload: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
        ).bytes,
      ],
      verdict: .goaway(compression), count: .compressionErrors),
    Row(
      row: "5", name: "index 0",
      bytes: [hello, Frame(type: Frame.headers, flags: Frame.endHeaders, stream: 1, payload: [0x80]).bytes],
      verdict: .goaway(compression), count: .compressionErrors),
    Row(
      row: "5", name: "an index past the table",
      bytes: [hello, Frame(type: Frame.headers, flags: Frame.endHeaders, stream: 1, payload: [0xff, 0x40]).bytes],
      verdict: .goaway(compression), count: .compressionErrors),
    Row(
      row: "5", name: "Huffman end of string inside",
      bytes: [
        hello,
        Frame(
          type: Frame.headers, flags: Frame.endHeaders, stream: 1, payload: [0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00]
        ).bytes,
      ],
      verdict: .goaway(compression), count: .compressionErrors),
    Row(
      row: "6", name: "SETTINGS flood", bytes: [hello, times(2000) { Frame(type: Frame.settings).bytes }],
      verdict: .goaway(calm), count: .idleFrameFlood),
    Row(
      row: "6", name: "PING flood",
      bytes: [hello, times(2000) { Frame(type: Frame.ping, payload: [UInt8](repeating: 0, count: 8)).bytes }],
      verdict: .goaway(calm), count: .idleFrameFlood),
    Row(
      row: "6", name: "PRIORITY flood",
      bytes: [hello, times(2000) { Frame(type: Frame.priority, stream: 3, payload: [0, 0, 0, 0, 1]).bytes }],
      verdict: .goaway(calm), count: .idleFrameFlood),
    Row(
      row: "6", name: "WINDOW_UPDATE flood", bytes: [connected, times(2000) { window(0, 1) }], verdict: .goaway(calm),
      count: .windowUpdateFlood),
    Row(
      row: "6", name: "SETTINGS with thousands of entries",
      bytes: [preface, Frame(type: Frame.settings, payload: (0..<1000).flatMap { _ in setting(0xff, 1) }).bytes],
      verdict: .goaway(calm), count: .idleFrameFlood),
    Row(
      row: "7", name: "empty DATA in a row",
      bytes: [connected, Frame(type: Frame.data, stream: 1).bytes, Frame(type: Frame.data, stream: 1).bytes],
      verdict: .goaway(calm), count: .emptyFrameFlood),
    Row(
      row: "7", name: "padding and nothing else, in a row",
      bytes: [
        connected, times(3) { Frame(type: Frame.data, flags: Frame.padded, stream: 1, payload: [3, 0, 0, 0]).bytes },
      ], verdict: .goaway(calm), count: .emptyFrameFlood),
    Row(
      row: "7", name: "one empty DATA",
      bytes: [
        connected, Frame(type: Frame.data, stream: 1).bytes, Frame(type: Frame.data, stream: 1, payload: [1]).bytes,
      ], verdict: .fine),
    Row(
      row: "9", name: "increment 0 on the connection", bytes: [connected, window(0, 0)], verdict: .goaway(protocolError)
    ),
    Row(row: "9", name: "increment 0 on a stream", bytes: [connected, window(1, 0)], verdict: .goaway(protocolError)),
    Row(
      row: "9", name: "window overflow on the connection", bytes: [connected, window(0, 0x7fff_ffff)],
      verdict: .goaway(flowControl)),
    Row(
      row: "9", name: "window overflow on a stream", bytes: [connected, window(1, 0x7fff_ffff)],
      verdict: .reset(1, flowControl)),
    Row(
      row: "9", name: "increment on an idle stream", bytes: [connected, window(9, 1)], verdict: .goaway(protocolError)),
    Row(
      row: "9", name: "increment on a half-closed stream",
      bytes: [
        hello, headers(1, [(":method", "CONNECT"), (":authority", "a:1")], flags: Frame.endHeaders | Frame.endStream),
        window(1, 5),
      ], verdict: .fine),
    Row(
      row: "9", name: "more DATA than the window",
      bytes: [
        connected,
        times(260) { Frame(type: Frame.data, stream: 1, payload: [UInt8](repeating: 1, count: 16_384)).bytes },
      ], verdict: .reset(1, flowControl), answers: false),
    Row(
      row: "10", name: "initial window over 2^31-1",
      bytes: [preface, Frame(type: Frame.settings, payload: setting(4, 0x8000_0000)).bytes],
      verdict: .goaway(flowControl)),
    Row(
      row: "10", name: "initial window shrunk and grown",
      bytes: [
        connected,
        [0, 70_000, 1].flatMap { (value: UInt32) -> [UInt8] in
          Frame(type: Frame.settings, payload: setting(4, value)).bytes
        },
      ], verdict: .fine),
    Row(row: "11", name: "an even stream id", bytes: [hello, connect(2)], verdict: .goaway(protocolError)),
    Row(row: "11", name: "a decreasing id", bytes: [hello, connect(5), connect(3)], verdict: .goaway(protocolError)),
    Row(
      row: "11", name: "an id used again",
      bytes: [
        hello, headers(1, [(":method", "CONNECT"), (":authority", "a:1")], flags: Frame.endHeaders | Frame.endStream),
        connect(1),
      ], verdict: .goaway(streamClosed)),
    Row(
      row: "11", name: "one stream too many", bytes: [hello, streams(201) { id in connect(id) }],
      verdict: .reset(401, refused), count: .streamsRefused),
    Row(row: "11", name: "HEADERS on stream 0", bytes: [hello, connect(0)], verdict: .goaway(protocolError)),
    Row(
      row: "11", name: "DATA on an idle stream",
      bytes: [hello, Frame(type: Frame.data, stream: 1, payload: [1]).bytes], verdict: .goaway(protocolError)),
    Row(
      row: "12", name: "HEADERS shorter than its priority",
      bytes: [
        hello,
        Frame(type: Frame.headers, flags: Frame.endHeaders | Frame.hasPriority, stream: 1, payload: [0, 0]).bytes,
      ], verdict: .goaway(frameSize)),
    Row(
      row: "12", name: "HEADERS shorter than its padding",
      bytes: [
        hello,
        Frame(type: Frame.headers, flags: Frame.endHeaders | Frame.padded, stream: 1, payload: [200, 0x82]).bytes,
      ], verdict: .goaway(protocolError)),
    Row(
      row: "12", name: "padded HEADERS of no length",
      bytes: [hello, Frame(type: Frame.headers, flags: Frame.endHeaders | Frame.padded, stream: 1).bytes],
      verdict: .goaway(protocolError)),
    Row(
      row: "12", name: "DATA shorter than its padding",
      bytes: [connected, Frame(type: Frame.data, flags: Frame.padded, stream: 1, payload: [9, 1]).bytes],
      verdict: .goaway(protocolError)),
    Row(
      row: "12", name: "a frame over the size we accept",
      bytes: [connected, Frame.head(0x10_0001, Frame.data, 0, 1), [1, 2, 3]], verdict: .goaway(frameSize)),
    Row(
      row: "12", name: "SETTINGS of an odd length", bytes: [preface, Frame(type: Frame.settings, payload: [0]).bytes],
      verdict: .goaway(frameSize)),
    Row(
      row: "12", name: "PING of seven bytes",
      bytes: [hello, Frame(type: Frame.ping, payload: [UInt8](repeating: 0, count: 7)).bytes],
      verdict: .goaway(frameSize)),
    Row(
      row: "12", name: "RST_STREAM of three bytes",
      bytes: [connected, Frame(type: Frame.reset, stream: 1, payload: [0, 0, 0]).bytes], verdict: .goaway(frameSize)),
    Row(
      row: "13", name: "frames of unknown types",
      bytes: [
        connected,
        [0x0a, 0x0c, 0x10, 0xee].flatMap { (type: UInt8) -> [UInt8] in
          Frame(type: type, stream: 1, payload: [1, 2, 3]).bytes
        },
      ], verdict: .fine),
    Row(
      row: "13", name: "a flood of unknown types",
      bytes: [connected, times(2000) { Frame(type: 0xee, payload: [1]).bytes }], verdict: .fine),
    Row(
      row: "14", name: "trailers that do not end the stream", bytes: [connected, headers(1, [("x", "y")])],
      verdict: .reset(1, protocolError)),
    Row(
      row: "14", name: "a pseudo-field in trailers",
      bytes: [connected, headers(1, [(":path", "/")], flags: Frame.endHeaders | Frame.endStream)],
      verdict: .reset(1, protocolError), count: .headersMalformed),
    Row(
      row: "14", name: "DATA after trailers",
      bytes: [
        connected, headers(1, [("x", "y")], flags: Frame.endHeaders | Frame.endStream),
        Frame(type: Frame.data, stream: 1, payload: [1]).bytes,
      ], verdict: .goaway(streamClosed)),
    Row(
      row: "14", name: "trailers, and trailers again",
      bytes: [
        connected, headers(1, [("x", "y")], flags: Frame.endHeaders | Frame.endStream),
        headers(1, [("x", "y")], flags: Frame.endHeaders | Frame.endStream),
      ], verdict: .goaway(streamClosed)),
    Row(
      row: "19", name: "no preface", bytes: [Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)],
      verdict: .goaway(protocolError), count: .protocolErrors),
    Row(row: "19", name: "a preface without SETTINGS", bytes: [preface, connect(1)], verdict: .goaway(protocolError)),
    Row(
      row: "21", name: "PUSH_PROMISE from a client",
      bytes: [connected, Frame(type: Frame.push, flags: Frame.endHeaders, stream: 1, payload: [0, 0, 0, 2]).bytes],
      verdict: .goaway(protocolError)),
  ]

  /// Row 15 and 16: requests that are no requests. Each resets its stream and nothing else.
  static let malformed: [(String, [(String, String)])] = [
    ("no method", [(":authority", "a:1")]),
    ("no authority", [(":method", "CONNECT")]),
    ("CONNECT with a path", [(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")]),
    ("CONNECT with a scheme", [(":method", "CONNECT"), (":authority", "a:1"), (":scheme", "https")]),
    ("GET without a path", [(":method", "GET"), (":scheme", "https"), (":authority", "a")]),
    ("GET without a scheme", [(":method", "GET"), (":path", "/"), (":authority", "a")]),
    ("an empty path", [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "")]),
    ("two methods", [(":method", "GET"), (":method", "GET"), (":scheme", "https"), (":path", "/")]),
    ("two authorities", [(":method", "CONNECT"), (":authority", "a:1"), (":authority", "b:1")]),
    ("an unknown pseudo-field", [(":method", "CONNECT"), (":authority", "a:1"), (":color", "red")]),
    ("a status in a request", [(":method", "CONNECT"), (":authority", "a:1"), (":status", "200")]),
    ("a pseudo-field after a field", [(":method", "CONNECT"), ("x", "y"), (":authority", "a:1")]),
    ("an upper-case name", [(":method", "CONNECT"), (":authority", "a:1"), ("Cookie", "x")]),
    ("a connection header", [(":method", "CONNECT"), (":authority", "a:1"), ("connection", "close")]),
    ("transfer-encoding", [(":method", "CONNECT"), (":authority", "a:1"), ("transfer-encoding", "chunked")]),
    ("te other than trailers", [(":method", "CONNECT"), (":authority", "a:1"), ("te", "gzip")]),
    ("a line break in a value", [(":method", "CONNECT"), (":authority", "a:1"), ("x", "a\r\nb: c")]),
    ("a NUL in a value", [(":method", "CONNECT"), (":authority", "a:1"), ("x", "a\0b")]),
    (
      "extended CONNECT, not offered",
      [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/"), (":authority", "a")]
    ),
    ("another scheme", [(":method", "GET"), (":scheme", "gopher"), (":path", "/"), (":authority", "a")]),
    ("a scheme in mixed case", [(":method", "GET"), (":scheme", "hTTps"), (":path", "/"), (":authority", "a")]),
  ]

  @Test(arguments: rows)
  func verdicts(_ row: Row) async throws {
    try await onWorker { worker in
      let scene = ServerScene(answers: row.answers, on: worker)
      await scene.say(row.bytes.flatMap(\.self), on: worker)
      switch row.verdict {
      case .goaway(let code):
        #expect(scene.goaway?.code == code)
        #expect(scene.session.ending == .protocolError)
        #expect(scene.pipe.isClosed)
        #expect(scene.streams.allSatisfy { $0.isClosed })
      case .reset(let stream, let code):
        #expect(scene.reset(of: stream)?.code == code)
        #expect(await stillServes(scene, on: worker))
      case .fine:
        #expect(scene.goaway == nil)
        #expect(await stillServes(scene, on: worker))
      }
      if let count = row.count { #expect(scene.counts.values[count] > 0) }
      scene.session.close()
      #expect(worker.reactor.pool.lentBytes == 0, "nothing is held when it is over")
    }
  }

  @Test(arguments: malformed.indices)
  func rows15And16AMalformedRequestResetsItsStream(_ index: Int) async throws {
    let fields = Self.malformed[index].1
    try await onWorker { worker in
      let scene = ServerScene(on: worker)
      await scene.say(hello + headers(1, fields), on: worker)
      #expect(scene.reset(of: 1)?.code == protocolError, "\(Self.malformed[index].0)")
      #expect(scene.streams.isEmpty, "no request is handed out")
      #expect(await stillServes(scene, on: worker))
    }
  }

  /// The control of the two tables: the same scene serves a good request.
  @Test func aGoodRequestIsServed() async throws {
    try await onWorker { worker in
      let scene = ServerScene(on: worker)
      await scene.say(Self.connected, on: worker)
      #expect(scene.streams.count == 1)
      #expect(scene.frames.contains { $0.type == Frame.headers && $0.stream == 1 })
      #expect(await stillServes(scene, on: worker))
    }
  }

  /// Whether the session still takes a request, on a stream number no row uses.
  private func stillServes(_ scene: ServerScene, on worker: isolated Worker) async -> Bool {
    let before = scene.frames.count
    await scene.say(Frame(type: Frame.ping, payload: [1, 2, 3, 4, 5, 6, 7, 8]).bytes, on: worker)
    return scene.session.ending == nil
      && scene.frames[before...].contains { $0.type == Frame.ping && $0.flags == Frame.ack }
  }
}

extension [UInt8] {
  /// One HEADERS frame of any length as HEADERS and CONTINUATION frames of 16 KiB.
  fileprivate func chunkedIntoContinuations() -> [UInt8] {
    let stream = UInt32(self[8])
    var rest = self[9...]
    var out: [UInt8] = []
    var isFirst = true
    while !rest.isEmpty {
      let part = rest.prefix(16_384)
      rest = rest.dropFirst(16_384)
      let flags = rest.isEmpty ? Frame.endHeaders : 0
      out +=
        Frame(type: isFirst ? Frame.headers : Frame.continuation, flags: flags, stream: stream, payload: Array(part))
        .bytes
      isFirst = false
    }
    return out
  }
}
