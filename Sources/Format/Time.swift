// SPDX-License-Identifier: Apache-2.0
// Time: moments as RFC 3339 writes them, and the calendar behind them. No clock: a Timestamp comes from who has one.
//
//   1985-04-12T23:20:50.52Z
//   year-month-day T hour:minute:second [.1 to 9 digits] Z or ±hour:minute
//
// Days have 86,400 seconds, as in POSIX. A leap second (second 60, only at 23:59 UTC on the last day of a month, RFC 3339
// section 5.7) is the second after it: no count stands for it alone, and 59 would put it before moments that came first.
// Years run from 0000 to 9999 in UTC. A moment outside has no text, and asking for one is an error: a clamped date would lie.

/// Why text is no moment, or a moment no text.
package enum TimestampFailure: Error, Equatable, Sendable {
  /// Another sign is wanted there, or the text ends there.
  case malformed(at: Int)
  /// Well written, but there is no such month, day, hour, minute, second or offset.
  case noSuchTime(at: Int)
  /// Before year 0000 or after 9999, in UTC.
  case outsideYears
}

/// A moment: nanoseconds since 1970 in UTC, without leap seconds.
package struct Timestamp: Comparable, Hashable, Sendable {
  /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
  package let seconds: Int64
  /// Nanoseconds after `seconds`: 0 to 999,999,999, before 1970 too.
  package let nanoseconds: Int32

  /// A moment by its counts.
  package init(seconds: Int64, nanoseconds: Int32 = 0) {
    precondition((0..<1_000_000_000).contains(nanoseconds), "\(nanoseconds) is no part of a second")
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// Earlier or not.
  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }

  /// 0000-01-01T00:00:00Z to 9999-12-31T23:59:59Z, in seconds.
  static let printable: ClosedRange<Int64> = -62_167_219_200...253_402_300_799
}

// MARK: RFC 3339

extension Timestamp {
  /// Reads `1985-04-12T23:20:50.52Z` and the like.
  package init(rfc3339 text: String) throws(TimestampFailure) {
    try self.init(rfc3339: text.utf8.span)
  }

  /// Reads `1985-04-12T23:20:50.52Z` and the like from ASCII.
  package init(rfc3339 text: Span<UInt8>) throws(TimestampFailure) {
    var scanner = Scanner(text)
    let year = try scanner.number(digits: 4, in: 0...9999)
    try scanner.sign("-")
    let month = try scanner.number(digits: 2, in: 1...12)
    try scanner.sign("-")
    let dayAt = scanner.offset
    let day = try scanner.number(digits: 2, in: 1...31)
    guard let date = CivilDate(year: year, month: month, day: day) else { throw .noSuchTime(at: dayAt) }
    try scanner.sign("T", or: "t")
    let hour = try scanner.number(digits: 2, in: 0...23)
    try scanner.sign(":")
    let minute = try scanner.number(digits: 2, in: 0...59)
    try scanner.sign(":")
    let secondAt = scanner.offset
    let second = try scanner.number(digits: 2, in: 0...60)
    let nanoseconds = try scanner.fraction()
    let offset = try scanner.zone()
    guard scanner.isAtEnd else { throw .malformed(at: scanner.offset) }

    // At most 9999 years in seconds: far from the ends of Int64.
    let seconds = date.daysSince1970 * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset)
    if second == 60 {
      // The count is already that of the second after; it must begin a day and a month.
      guard seconds % 86_400 == 0, CivilDate(daysSince1970: seconds / 86_400)?.day ?? 1 == 1 else {
        throw .noSuchTime(at: secondAt)
      }
    }
    guard Timestamp.printable.contains(seconds) else { throw .outsideYears }
    self.init(seconds: seconds, nanoseconds: nanoseconds)
  }

  /// The moment in UTC, with as few digits of a fraction as it needs.
  package func rfc3339() throws(TimestampFailure) -> String {
    guard Timestamp.printable.contains(seconds) else { throw .outsideYears }
    let secondOfDay = UInt64((seconds % 86_400 + 86_400) % 86_400)
    guard let date = CivilDate(daysSince1970: (seconds - Int64(secondOfDay)) / 86_400) else { throw .outsideYears }
    var writer = Writer(capacity: 30)
    writer.decimal(UInt64(date.year), width: 4)
    writer.u8(UInt8(ascii: "-"))
    writer.decimal(UInt64(date.month), width: 2)
    writer.u8(UInt8(ascii: "-"))
    writer.decimal(UInt64(date.day), width: 2)
    writer.u8(UInt8(ascii: "T"))
    writer.decimal(secondOfDay / 3600, width: 2)
    writer.u8(UInt8(ascii: ":"))
    writer.decimal(secondOfDay / 60 % 60, width: 2)
    writer.u8(UInt8(ascii: ":"))
    writer.decimal(secondOfDay % 60, width: 2)
    if nanoseconds > 0 {
      writer.u8(UInt8(ascii: "."))
      writer.decimal(UInt64(nanoseconds), width: 9)
      while writer.bytes.last == UInt8(ascii: "0") { writer.bytes.removeLast() }
    }
    writer.u8(UInt8(ascii: "Z"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// Takes the parts of RFC 3339 from the left.
  private struct Scanner: ~Escapable {
    private let text: Span<UInt8>
    private(set) var offset = 0

    @_lifetime(copy text)
    init(_ text: Span<UInt8>) {
      self.text = text
    }

    var isAtEnd: Bool { offset == text.count }

    private var next: UInt8? { isAtEnd ? nil : text[offset] }

    @_lifetime(self: copy self)
    mutating func sign(_ sign: Unicode.Scalar, or other: Unicode.Scalar? = nil) throws(TimestampFailure) {
      guard let next, Unicode.Scalar(next) == sign || Unicode.Scalar(next) == other else {
        throw .malformed(at: offset)
      }
      offset += 1
    }

    private func digit() -> Int? {
      guard let next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) else { return nil }
      return Int(next - UInt8(ascii: "0"))
    }

    @_lifetime(self: copy self)
    mutating func number(digits count: Int, in range: ClosedRange<Int>) throws(TimestampFailure) -> Int {
      let start = offset
      var value = 0
      for _ in 0..<count {
        guard let digit = digit() else { throw .malformed(at: offset) }
        value = value * 10 + digit
        offset += 1
      }
      guard range.contains(value) else { throw .noSuchTime(at: start) }
      return value
    }

    /// Nothing, or a point and one to nine digits; a tenth is left standing, where no zone can begin.
    @_lifetime(self: copy self)
    mutating func fraction() throws(TimestampFailure) -> Int32 {
      guard next == UInt8(ascii: ".") else { return 0 }
      offset += 1
      var value: Int32 = 0
      var count = 0
      while count < 9, let digit = digit() {
        value = value * 10 + Int32(digit)
        count += 1
        offset += 1
      }
      guard count > 0 else { throw .malformed(at: offset) }
      for _ in count..<9 { value *= 10 }
      return value
    }

    /// Seconds east of UTC. `-00:00` (UTC, local time unknown: section 4.3) is as good as `Z`.
    @_lifetime(self: copy self)
    mutating func zone() throws(TimestampFailure) -> Int {
      switch next {
      case UInt8(ascii: "Z"), UInt8(ascii: "z"):
        offset += 1
        return 0
      case UInt8(ascii: "+"), UInt8(ascii: "-"):
        let isWest = next == UInt8(ascii: "-")
        offset += 1
        let hour = try number(digits: 2, in: 0...23)
        try sign(":")
        let minute = try number(digits: 2, in: 0...59)
        let east = hour * 3600 + minute * 60
        return isWest ? -east : east
      default: throw .malformed(at: offset)
      }
    }
  }
}

// MARK: The calendar

/// A day of the Gregorian calendar, carried back before its time as ISO 8601 does; years 0 to 9999.
package struct CivilDate: Equatable, Sendable {
  /// 0 to 9999.
  package let year: Int
  /// 1 to 12.
  package let month: Int
  /// 1 to the length of the month.
  package let day: Int

  /// Nothing if there is no such day.
  package init?(year: Int, month: Int, day: Int) {
    guard (0...9999).contains(year), (1...12).contains(month) else { return nil }
    guard day >= 1, day <= CivilDate.length(ofMonth: month, year: year) else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  private static func length(ofMonth month: Int, year: Int) -> Int {
    switch month {
    case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

// Years are counted from 0000-03-01, so that the leap day ends a year and the months before it need no table: from March on
// the lengths 31 30 31 30 31 repeat every five months, which is 153 days. 400 years are 146,097 days.
extension CivilDate {
  /// Days from 0000-03-01 to 1970-01-01.
  private static let epoch: Int64 = 719_468

  /// Days after 1970-01-01; negative before.
  package var daysSince1970: Int64 {
    // January and February belong to the March year before. Year 0 would give -1, so 400 years are added and taken back.
    let marchYear = Int64(year) + (month > 2 ? 400 : 399)
    let marchMonth = Int64(month + 9) % 12
    let dayOfYear = (153 * marchMonth + 2) / 5 + Int64(day) - 1
    return 365 * marchYear + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 146_097 - CivilDate.epoch
  }

  /// The day so many days after 1970-01-01; nothing outside the years 0 to 9999.
  package init?(daysSince1970 days: Int64) {
    // -719,528 is 0000-01-01 and 2,932,896 is 9999-12-31; inside, no sum below comes near an end of Int64.
    guard (-719_528...2_932_896).contains(days) else { return nil }
    let count = days + CivilDate.epoch + 146_097
    let era = count / 146_097
    let dayOfEra = count % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    self.year = Int(era * 400 + yearOfEra - 400 + (month <= 2 ? 1 : 0))
    self.month = Int(month)
    self.day = Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }
}
