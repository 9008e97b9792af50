// SPDX-License-Identifier: Apache-2.0
// Frames: HTTP/2 by hand, so that what a test sends is what it says and not what a library would have made of it.
//
//   +-----------------------------------------------+
//   | length (24) | type (8) | flags (8) | id (31)  |  RFC 9113 4.1
//   +-----------------------------------------------+

/// One frame as bytes, or read back.
struct Frame: Equatable, Sendable {
  var type: UInt8
  var flags: UInt8 = 0
  var stream: UInt32 = 0
  var payload: [UInt8] = []

  static let (data, headers, priority, reset, settings): (UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 1, 2, 3, 4)
  static let (push, ping, goaway, windowUpdate, continuation): (UInt8, UInt8, UInt8, UInt8, UInt8) = (5, 6, 7, 8, 9)
  static let (endStream, endHeaders, padded, hasPriority, ack): (UInt8, UInt8, UInt8, UInt8, UInt8) = (1, 4, 8, 0x20, 1)

  var bytes: [UInt8] { Self.head(payload.count, type, flags, stream) + payload }

  static func head(_ length: Int, _ type: UInt8, _ flags: UInt8, _ stream: UInt32) -> [UInt8] {
    [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags] + number(stream)
  }

  static func number(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
  }

  /// The frames in `bytes`; what is cut off at the end is left out.
  static func read(_ bytes: [UInt8]) -> [Frame] {
    var frames: [Frame] = []
    var position = 0
    while position + 9 <= bytes.count {
      let length = Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
      guard position + 9 + length <= bytes.count else { break }
      let id = bytes[(position + 5)..<(position + 9)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
      let payload = Array(bytes[(position + 9)..<(position + 9 + length)])
      frames.append(Frame(type: bytes[position + 3], flags: bytes[position + 4], stream: id, payload: payload))
      position += 9 + length
    }
    return frames
  }

  /// The error code of a GOAWAY or RST_STREAM.
  var code: UInt32 {
    let place = type == Self.goaway ? payload.dropFirst(4).prefix(4) : payload.prefix(4)
    return place.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
  }
}

/// What a client says first.
let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
let hello = preface + Frame(type: Frame.settings).bytes

/// Literal fields, never indexed, no Huffman coding (RFC 7541 6.2.2).
func block(_ fields: [(String, String)]) -> [UInt8] {
  fields.flatMap { [0] + text($0.0) + text($0.1) }
}

private func text(_ text: String) -> [UInt8] {
  let bytes = Array(text.utf8)
  guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
  var rest = bytes.count - 127
  var length: [UInt8] = [127]
  while rest >= 128 {
    length.append(UInt8(rest & 127 | 128))
    rest >>= 7
  }
  return length + [UInt8(rest)] + bytes
}

/// A complete CONNECT request.
func connect(_ stream: UInt32, _ more: [(String, String)] = []) -> [UInt8] {
  headers(stream, [(":method", "CONNECT"), (":authority", "1.2.3.4:80")] + more)
}

/// A complete header section in one frame.
func headers(_ stream: UInt32, _ fields: [(String, String)], flags: UInt8 = Frame.endHeaders) -> [UInt8] {
  Frame(type: Frame.headers, flags: flags, stream: stream, payload: block(fields)).bytes
}

func window(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
  Frame(type: Frame.windowUpdate, stream: stream, payload: Frame.number(increment)).bytes
}

func rst(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] {
  Frame(type: Frame.reset, stream: stream, payload: Frame.number(code)).bytes
}

func setting(_ id: UInt16, _ value: UInt32) -> [UInt8] { [UInt8(id >> 8), UInt8(id & 255)] + Frame.number(value) }
