// SPDX-License-Identifier: Apache-2.0
// HTTP2Library: nghttp2's callbacks, each one line of meaning. Nothing is decided here that is not about one frame.

import CNghttp2
import Net

enum HTTP2Library {
  static let noFlags = UInt8(NGHTTP2_FLAG_NONE.rawValue)

  /// Where DATA payloads come from: the owner of the stream.
  static func withProvider<Answer>(unless ends: Bool, _ body: (UnsafePointer<nghttp2_data_provider>?) -> Answer)
    -> Answer
  {
    guard !ends else { return body(nil) }
    var provider = nghttp2_data_provider(source: nghttp2_data_source(), read_callback: readPayload)
    return withUnsafePointer(to: &provider) { body($0) }
  }

  /// A session of the library, or nil when it has no memory.
  static func makeSession(_ role: HTTP2Session.Role, _ limits: HTTP2Limits, context: UnsafeMutableRawPointer)
    -> OpaquePointer?
  {
    var callbacks: OpaquePointer?
    var option: OpaquePointer?
    guard nghttp2_session_callbacks_new(&callbacks) == 0, nghttp2_option_new(&option) == 0 else { return nil }
    defer {
      nghttp2_session_callbacks_del(callbacks)
      nghttp2_option_del(option)
    }
    setCallbacks(callbacks)
    nghttp2_option_set_no_auto_window_update(option, 1)
    nghttp2_option_set_no_closed_streams(option, 1)
    nghttp2_option_set_max_outbound_ack(option, 1000)
    nghttp2_option_set_max_send_header_block_length(option, limits.headerBytesMax)
    // Resets have our own allowance: the library's counts those of answered streams too, which are a tunnel's daily life.
    nghttp2_option_set_stream_reset_rate_limit(option, UInt64(UInt32.max), UInt64(UInt32.max))
    var session: OpaquePointer?
    var memory = LibraryMemory.table
    let code =
      role == .client
      ? nghttp2_session_client_new3(&session, callbacks, context, option, &memory)
      : nghttp2_session_server_new3(&session, callbacks, context, option, &memory)
    return code == 0 ? session : nil
  }

  private static func setCallbacks(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_send_callback(callbacks, send)
    nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, payloadLength)
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, beganFrame)
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beganHeaders)
    nghttp2_session_callbacks_set_on_header_callback(callbacks, receivedField)
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, receivedBadField)
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, receivedFrame)
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, receivedData)
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, closedStream)
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, receivedBadFrame)
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, sentFrame)
  }

  fileprivate static func session(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
    context.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
  }

  fileprivate static func stream(_ raw: OpaquePointer?, _ id: Int32) -> HTTP2Stream? {
    nghttp2_session_get_stream_user_data(raw, id).map { Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue() }
  }
}

extension Fields {
  /// Lends the fields in the library's form.
  func withNghttp2<Answer>(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Answer) -> Answer {
    bytes.withUnsafeBufferPointer { bytes in
      withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, entries.count)) { room in
        for (index, entry) in entries.enumerated() {
          let name = UnsafeMutablePointer(mutating: bytes.baseAddress.map { $0 + Int(entry.start) })
          room[index] = nghttp2_nv(
            name: name, value: name.map { $0 + Int(entry.nameCount) }, namelen: Int(entry.nameCount),
            valuelen: Int(entry.valueCount), flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
        }
        return body(UnsafeBufferPointer(rebasing: room[..<entries.count]))
      }
    }
  }
}

private let fatal = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue

// MARK: Sending

private func send(
  _ raw: OpaquePointer?, _ data: UnsafePointer<UInt8>?, _ count: Int, _ flags: CInt, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let session = HTTP2Library.session(context), let data else { return Int(fatal) }
  return session.append(UnsafeRawBufferPointer(start: data, count: count))
    ? count : Int(NGHTTP2_ERR_WOULDBLOCK.rawValue)
}

private func payloadLength(
  _ raw: OpaquePointer?, _ type: UInt8, _ id: Int32, _ connectionWindow: Int32, _ streamWindow: Int32,
  _ frameMax: UInt32,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  min(Int(frameMax), HTTP2Library.session(context)?.limits.builtFrameBytesMax ?? 16_384)
}

/// Reads a payload straight to its place in the batch, nine bytes behind what is built.
private func readPayload(
  _ raw: OpaquePointer?, _ id: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ length: Int,
  _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let session = HTTP2Library.session(context), let stream = HTTP2Library.stream(raw, id), let flags else {
    return Int(fatal)
  }
  guard let room = session.room(length) else { return Int(NGHTTP2_ERR_PAUSE.rawValue) }
  switch stream.fill(room) {
  case .bytes(let count, let ends):
    if count > 0 { flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
    if ends { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
    return count
  case .trailers(let fields):
    flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
    _ = fields.withNghttp2 { nghttp2_submit_trailer(raw, id, $0.baseAddress, $0.count) }
    return 0
  case .nothing: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
  case .failed(let failure):
    stream.failure = failure
    session.reset(stream, failure.errorCode)
    return Int(NGHTTP2_ERR_DEFERRED.rawValue)
  }
}

private func sendData(
  _ raw: OpaquePointer?, _ frame: UnsafeMutablePointer<nghttp2_frame>?, _ header: UnsafePointer<UInt8>?, _ length: Int,
  _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let session = HTTP2Library.session(context), let header else { return fatal }
  session.appendData(header: UnsafeRawBufferPointer(start: header, count: 9), payload: length)
  return 0
}

private func sentFrame(
  _ raw: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let session = HTTP2Library.session(context), let frame else { return fatal }
  let header = frame.pointee.hd
  switch nghttp2_frame_type(UInt32(header.type)) {
  case NGHTTP2_HEADERS where session.role == .server && header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0:
    HTTP2Library.stream(raw, header.stream_id)?.sentWholeAnswer()
  case NGHTTP2_RST_STREAM:
    session.counts.values[.resetsSent] += 1
    session.guards.sentReset(header.stream_id)
  case NGHTTP2_GOAWAY:
    session.counts.values[.goawaySent] += 1
    // What the library ends by itself is counted by the code it gives; what we end was counted when we did.
    guard !session.isTerminating, let count = goawayCount(frame.pointee.goaway.error_code) else { return 0 }
    session.counts.values[count] += 1
  default: break
  }
  return 0
}

private func goawayCount(_ code: UInt32) -> HTTP2Count? {
  switch nghttp2_error_code(code) {
  case NGHTTP2_NO_ERROR: nil
  case NGHTTP2_COMPRESSION_ERROR: .compressionErrors
  case NGHTTP2_FLOW_CONTROL_ERROR: .flowControlErrors
  case NGHTTP2_FRAME_SIZE_ERROR: .frameSizeErrors
  case NGHTTP2_ENHANCE_YOUR_CALM: .idleFrameFlood
  default: .protocolErrors
  }
}

// MARK: Receiving

private func beganFrame(
  _ raw: OpaquePointer?, _ header: UnsafePointer<nghttp2_frame_hd>?, _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let session = HTTP2Library.session(context), let header = header?.pointee else { return fatal }
  let isGone = header.stream_id > 0 && header.stream_id <= session.highestPeerID && !session.knows(header.stream_id)
  session.guards.began(header, isGone: isGone, now: session.reactor.now)
  // Nothing more is parsed of a batch whose sender is out of budget.
  return session.guards.excess == nil ? 0 : fatal
}

private func beganHeaders(
  _ raw: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let session = HTTP2Library.session(context), let frame else { return fatal }
  let id = frame.pointee.hd.stream_id
  guard frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue) else { return 0 }
  guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else {
    HTTP2Library.stream(raw, id)?.section = HTTP2Stream.Section(fields: .received)
    return 0
  }
  let stream = session.begin(id)
  stream.section = HTTP2Stream.Section(fields: .received)
  return nghttp2_session_set_stream_user_data(raw, id, Unmanaged.passUnretained(stream).toOpaque()) == 0 ? 0 : fatal
}

private func receivedField(
  _ raw: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?, _ nameCount: Int,
  _ value: UnsafePointer<UInt8>?, _ valueCount: Int, _ flags: UInt8, _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let session = HTTP2Library.session(context), let frame else { return fatal }
  guard let stream = HTTP2Library.stream(raw, frame.pointee.hd.stream_id) else { return 0 }
  guard admits(stream, nameCount + valueCount, session) else { return 0 }
  stream.section.fields.append(
    name: UnsafeBufferPointer(start: name, count: nameCount),
    value: UnsafeBufferPointer(start: value, count: valueCount))
  return 0
}

/// A field the library drops by itself costs as much as one it passes on.
private func receivedBadField(
  _ raw: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?, _ nameCount: Int,
  _ value: UnsafePointer<UInt8>?, _ valueCount: Int, _ flags: UInt8, _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let session = HTTP2Library.session(context), let frame else { return fatal }
  session.counts.values[.headersMalformed] += 1
  // One malformed field makes the message malformed (RFC 9113 8.1.1): the stream is reset, not the field dropped.
  if let stream = HTTP2Library.stream(raw, frame.pointee.hd.stream_id) {
    _ = admits(stream, nameCount + valueCount, session)
  }
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
}

private func admits(_ stream: HTTP2Stream, _ count: Int, _ session: HTTP2Session) -> Bool {
  stream.section.receivedBytes += count + 32
  stream.section.receivedFields += 1
  guard !stream.section.isRefused else { return false }
  guard stream.section.receivedBytes <= session.limits.headerBytesMax,
    stream.section.receivedFields <= session.limits.headerFieldsMax
  else {
    stream.section.isRefused = true
    stream.section.fields = Fields()
    session.counts.values[.headersTooLarge] += 1
    session.reset(stream, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
    session.guards.provoked(now: session.reactor.now)
    return false
  }
  return true
}

private func receivedFrame(
  _ raw: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let session = HTTP2Library.session(context), let frame else { return fatal }
  let header = frame.pointee.hd
  let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
  switch nghttp2_frame_type(UInt32(header.type)) {
  case NGHTTP2_HEADERS:
    guard let stream = HTTP2Library.stream(raw, header.stream_id), !stream.section.isRefused else { return 0 }
    receivedSection(stream, session, frame.pointee.headers.cat)
    if ends { receivedEnd(stream, session) }
  case NGHTTP2_DATA:
    session.guards.received(data: header, padding: frame.pointee.data.padlen)
    if ends, let stream = HTTP2Library.stream(raw, header.stream_id) { receivedEnd(stream, session) }
  case NGHTTP2_RST_STREAM:
    session.counts.values[.resetsReceived] += 1
    if let stream = HTTP2Library.stream(raw, header.stream_id), !stream.isAnswered {
      session.guards.gaveUp(now: session.reactor.now)
    }
  case NGHTTP2_SETTINGS: session.receivedSettings()
  case NGHTTP2_PING: if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { session.receivedPong() }
  case NGHTTP2_GOAWAY: session.receivedGoaway()
  default: break
  }
  return session.guards.excess == nil ? 0 : fatal
}

private func receivedSection(_ stream: HTTP2Stream, _ session: HTTP2Session, _ category: nghttp2_headers_category) {
  let fields = stream.section.fields
  stream.section = HTTP2Stream.Section()
  switch category {
  case NGHTTP2_HCAT_REQUEST:
    if let scheme = fields[":scheme"], scheme != "http", scheme != "https" {
      session.counts.values[.schemeRefused] += 1
      return session.reset(stream, NGHTTP2_PROTOCOL_ERROR.rawValue)
    }
    stream.request = fields
    session.received(request: stream)
  default:
    guard session.role == .client, stream.response == nil else {
      stream.trailers = fields
      return
    }
    // 1xx comes before the response; nothing we send asks for one.
    guard let status = fields.status, status >= 200 else { return }
    stream.response = fields
    session.touch(stream)
  }
}

private func receivedEnd(_ stream: HTTP2Stream, _ session: HTTP2Session) {
  stream.hasReceivedEnd = true
  session.touch(stream)
}

private func receivedData(
  _ raw: OpaquePointer?, _ flags: UInt8, _ id: Int32, _ data: UnsafePointer<UInt8>?, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let session = HTTP2Library.session(context), let data else { return fatal }
  guard let stream = HTTP2Library.stream(raw, id), !stream.section.isRefused else {
    // Nobody wants these bytes; the connection's credit for them goes back at once.
    _ = nghttp2_session_consume_connection(raw, count)
    return 0
  }
  session.note(stream, data, count)
  return 0
}

private func closedStream(_ raw: OpaquePointer?, _ id: Int32, _ code: UInt32, _ context: UnsafeMutableRawPointer?)
  -> CInt
{
  guard let session = HTTP2Library.session(context) else { return fatal }
  session.closed(id, code)
  return 0
}

private func receivedBadFrame(
  _ raw: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ code: CInt, _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let session = HTTP2Library.session(context) else { return fatal }
  switch code {
  case NGHTTP2_ERR_REFUSED_STREAM.rawValue: session.counts.values[.streamsRefused] += 1
  case NGHTTP2_ERR_HEADER_COMP.rawValue: session.counts.values[.compressionErrors] += 1
  case NGHTTP2_ERR_FLOW_CONTROL.rawValue: session.counts.values[.flowControlErrors] += 1
  case NGHTTP2_ERR_FRAME_SIZE_ERROR.rawValue: session.counts.values[.frameSizeErrors] += 1
  case NGHTTP2_ERR_HTTP_HEADER.rawValue, NGHTTP2_ERR_HTTP_MESSAGING.rawValue:
    session.counts.values[.headersMalformed] += 1
  default: session.counts.values[.protocolErrors] += 1
  }
  session.guards.provoked(now: session.reactor.now)
  return session.guards.excess == nil ? 0 : fatal
}
