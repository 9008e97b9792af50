// SPDX-License-Identifier: Apache-2.0
// FuzzFormat: any bytes through every parser of Format.
//
//   parse(input) → print → parse again: the same value, and where a value has one spelling, the same text
//   print(input) → parse: the input
//
// A refusal is a good answer; a trap or a broken round trip is a crash, and the input that made it becomes a test case.

import Format

/// What the fuzzer calls for each input.
@c public func LLVMFuzzerTestOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let input = [UInt8](UnsafeBufferPointer(start: data, count: size))
  read(input.span)
  varints(input.span)
  hex(input)
  base64(input)
  pem(input)
  time(input.span)
  return 0
}

/// The input is a program and its own data: each byte chooses the next read.
private func read(_ input: Span<UInt8>) {
  var reader = Reader(input)
  while !reader.isAtEnd {
    let before = reader.offset
    do throws(ReadFailure) {
      let choice = try reader.byte()
      let argument = Int(choice >> 3)
      switch choice & 7 {
      case 0: _ = try reader.u16()
      case 1: _ = try reader.u24()
      case 2: _ = try reader.u32()
      case 3: _ = try reader.u64()
      case 4: try reader.skip(argument)
      case 5:
        let run = try reader.bytes(argument)
        precondition(run.count == argument, "asked for \(argument), got \(run.count)")
      case 6: _ = try reader.varintPrefixed()
      default:
        // A count straight from the wire, of any size and sign.
        let count = Int(bitPattern: UInt(truncatingIfNeeded: try reader.u64()))
        _ = try reader.bytes(count)
      }
    } catch {
      precondition(reader.offset <= before + 9, "a failed read moved to \(reader.offset)")
    }
    precondition(reader.offset > before && reader.offset + reader.remaining == input.count, "lost at \(reader.offset)")
  }
}

private func varints(_ input: Span<UInt8>) {
  var reader = Reader(input)
  while true {
    let before = reader.offset
    do throws(ReadFailure) {
      let value = try reader.varint()
      var writer = Writer()
      writer.varint(value)
      precondition(writer.count <= reader.offset - before, "\(value) grew to \(writer.count) bytes")
      var again = Reader(writer.bytes.span)
      let same = try again.varint()
      precondition(same == value && again.isAtEnd, "\(value) became \(same)")
    } catch {
      precondition(reader.offset == before, "a failed varint moved \(before) to \(reader.offset)")
      return
    }
  }
}

private func hex(_ input: [UInt8]) {
  precondition((try? Hex.decode(Hex.encode(input.span))) == input, "hex lost bytes")
  guard let bytes = try? Hex.decode(input.span) else { return }
  let lower = input.map { $0 < 0x60 && $0 > 0x39 ? $0 | 0x20 : $0 }
  precondition([UInt8](Hex.encode(bytes.span).utf8) == lower, "hex read \(bytes)")
}

private func base64(_ input: [UInt8]) {
  for form in Base64.Form.allCases {
    precondition((try? Base64.decode(Base64.encode(input.span, as: form), as: form)) == input, "base 64 lost bytes")
    if let bytes = try? Base64.decode(input.span, as: form) {
      precondition([UInt8](Base64.encode(bytes.span, as: form).utf8) == input, "two spellings of \(bytes)")
    }
  }
  if let bytes = try? Base64.decodeLines(input.span) {
    let joined = input.filter { $0 != 0x0a && $0 != 0x0d }
    precondition([UInt8](Base64.encode(bytes.span).utf8) == joined, "two spellings of \(bytes) in lines")
  }
}

private func pem(_ input: [UInt8]) {
  if !input.isEmpty, input.count < PEM.textBytesMax / 2 {
    let block = PEM.Block(label: "CERTIFICATE", bytes: input)
    precondition((try? PEM.blocks(in: PEM.encode(block).utf8.span)) == [block], "a PEM block changed")
  }
  guard let blocks = try? PEM.blocks(in: input.span) else { return }
  let text = blocks.map(PEM.encode).joined()
  // Our lines have 64 digits; a text near the limit in longer lines may grow past it.
  guard text.utf8.count <= PEM.textBytesMax else { return }
  precondition((try? PEM.blocks(in: text.utf8.span)) == blocks, "PEM blocks changed: \(blocks)")
}

private func time(_ input: Span<UInt8>) {
  if let moment = try? Timestamp(rfc3339: input) {
    let text = try? moment.rfc3339()
    precondition(text != nil, "\(moment) was read and has no text")
    precondition(text.flatMap { try? Timestamp(rfc3339: $0) } == moment, "\(moment) became \(text ?? "")")
  }
  var reader = Reader(input)
  guard let seconds = try? reader.u64(), let nanoseconds = try? reader.u32() else { return }
  let moment = Timestamp(seconds: Int64(bitPattern: seconds), nanoseconds: Int32(nanoseconds % 1_000_000_000))
  if let text = try? moment.rfc3339() {
    precondition((try? Timestamp(rfc3339: text)) == moment, "\(moment) became \(text)")
  }
  // Most numbers are far from any date, so they are folded into the days that have one.
  let day = Int64(seconds % 3_652_425) - 719_528
  guard let date = CivilDate(daysSince1970: day) else {
    precondition(day > 2_932_896, "day \(day) has no date")
    return
  }
  precondition(date.daysSince1970 == day, "day \(day) became \(date)")
  zone(Timestamp(seconds: day * 86_400 + Int64(nanoseconds % 86_400)), minutes: Int64(nanoseconds >> 17) % 1_440)
}

/// The same digits so many minutes further east are a moment earlier, or before the years that have a text.
private func zone(_ moment: Timestamp, minutes: Int64) {
  guard let text = try? moment.rfc3339() else { preconditionFailure("\(moment) has no text") }
  var writer = Writer()
  writer.append("\(text.dropLast())+")
  writer.decimal(UInt64(minutes / 60), width: 2)
  writer.append(literal: ":")
  writer.decimal(UInt64(minutes % 60), width: 2)
  do throws(TimestampFailure) {
    let earlier = try Timestamp(rfc3339: writer.bytes.span)
    precondition(earlier.seconds == moment.seconds - minutes * 60, "\(text) and \(minutes) minutes gave \(earlier)")
    precondition((try? earlier.rfc3339()) != nil, "\(earlier) was read and has no text")
  } catch {
    let isBefore = moment.seconds - minutes * 60 < -62_167_219_200
    precondition(error == .outsideYears && isBefore, "\(text) and \(minutes) minutes gave \(error)")
  }
}
