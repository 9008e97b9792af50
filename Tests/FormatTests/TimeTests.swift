// SPDX-License-Identifier: Apache-2.0
// TimeTests: RFC 3339 text both ways, and the calendar against one that counts day by day.

import Testing

@testable import Format

@Suite struct TimestampTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    let moment: Timestamp
    let printed: String
    var testDescription: String { text }

    init(_ text: String, _ seconds: Int64, _ nanoseconds: Int32 = 0, prints printed: String? = nil) {
      self.text = text
      self.moment = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
      self.printed = printed ?? text
    }
  }

  @Test(arguments: [
    // RFC 3339 section 5.8.
    Case("1985-04-12T23:20:50.52Z", 482_196_050, 520_000_000),
    Case("1996-12-19T16:39:57-08:00", 851_042_397, prints: "1996-12-20T00:39:57Z"),
    Case("1990-12-31T23:59:60Z", 662_688_000, prints: "1991-01-01T00:00:00Z"),
    Case("1990-12-31T15:59:60-08:00", 662_688_000, prints: "1991-01-01T00:00:00Z"),
    Case("1937-01-01T12:00:27.87+00:20", -1_041_337_173, 870_000_000, prints: "1937-01-01T11:40:27.87Z"),
    // Around the epoch: nanoseconds count upwards on both sides of it.
    Case("1970-01-01T00:00:00Z", 0),
    Case("1969-12-31T23:59:59.999999999Z", -1, 999_999_999),
    Case("1970-01-01T00:00:00.000000001Z", 0, 1),
    Case("2038-01-19T03:14:08Z", 1 << 31),
    // The ends of what has a text.
    Case("0000-01-01T00:00:00Z", -62_167_219_200),
    Case("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
    Case("0000-01-01T23:59:00+23:59", -62_167_219_200, prints: "0000-01-01T00:00:00Z"),
    Case("9999-12-31T00:00:59-23:59", 253_402_300_799, prints: "9999-12-31T23:59:59Z"),
    // Leap days: every fourth year, not every hundredth, but every four-hundredth.
    Case("2024-02-29T00:00:00Z", 1_709_164_800),
    Case("2000-02-29T12:00:00Z", 951_825_600),
    Case("0000-02-29T00:00:00Z", -62_162_121_600),
    // Fractions: what is needed is printed, and no more.
    Case("2000-01-01T00:00:00.1Z", 946_684_800, 100_000_000),
    Case("2000-01-01T00:00:00.100Z", 946_684_800, 100_000_000, prints: "2000-01-01T00:00:00.1Z"),
    Case("2000-01-01T00:00:00.000000Z", 946_684_800, 0, prints: "2000-01-01T00:00:00Z"),
    Case("2000-01-01T00:00:00.010203040Z", 946_684_800, 10_203_040, prints: "2000-01-01T00:00:00.01020304Z"),
    // Other spellings of T, Z and the offset of none.
    Case("2000-01-01t00:00:00z", 946_684_800, prints: "2000-01-01T00:00:00Z"),
    Case("2000-01-01T00:00:00+00:00", 946_684_800, prints: "2000-01-01T00:00:00Z"),
    Case("2000-01-01T00:00:00-00:00", 946_684_800, prints: "2000-01-01T00:00:00Z"),
    // Leap seconds: midnight in UTC counts, wherever the clock hangs; the fraction is kept.
    Case("2016-12-31T23:59:60.5Z", 1_483_228_800, 500_000_000, prints: "2017-01-01T00:00:00.5Z"),
    Case("2017-01-01T05:29:60+05:30", 1_483_228_800, prints: "2017-01-01T00:00:00Z"),
    Case("2015-06-30T23:59:60Z", 1_435_708_800, prints: "2015-07-01T00:00:00Z"),
  ])
  func `a time is read and printed in UTC`(_ c: Case) throws {
    let moment = try Timestamp(rfc3339: c.text)
    #expect(moment == c.moment)
    #expect(try moment.rfc3339() == c.printed)
    #expect(try Timestamp(rfc3339: c.printed) == moment)
  }

  @Test(arguments: [
    // Numbers no calendar or clock has.
    ("2000-00-01T00:00:00Z", TimestampFailure.noSuchTime(at: 5)),
    ("2000-13-01T00:00:00Z", .noSuchTime(at: 5)),
    ("2000-01-00T00:00:00Z", .noSuchTime(at: 8)),
    ("2000-01-32T00:00:00Z", .noSuchTime(at: 8)),
    ("2000-04-31T00:00:00Z", .noSuchTime(at: 8)),
    ("2000-02-30T00:00:00Z", .noSuchTime(at: 8)),
    ("2023-02-29T00:00:00Z", .noSuchTime(at: 8)),
    ("1900-02-29T00:00:00Z", .noSuchTime(at: 8)),
    ("2000-01-01T24:00:00Z", .noSuchTime(at: 11)),
    ("2000-01-01T00:60:00Z", .noSuchTime(at: 14)),
    ("2000-01-01T00:00:61Z", .noSuchTime(at: 17)),
    ("2000-01-01T00:00:00+24:00", .noSuchTime(at: 20)),
    ("2000-01-01T00:00:00+00:60", .noSuchTime(at: 23)),
    // Second 60 anywhere but at the end of a month in UTC.
    ("2000-01-01T00:00:60Z", .noSuchTime(at: 17)),
    ("2016-12-31T22:59:60Z", .noSuchTime(at: 17)),
    ("2016-12-30T23:59:60Z", .noSuchTime(at: 17)),
    ("2016-12-31T23:59:60+01:00", .noSuchTime(at: 17)),
    // Outside the years.
    ("0000-01-01T00:00:00+00:01", .outsideYears),
    ("9999-12-31T23:59:59-00:01", .outsideYears),
    ("9999-12-31T23:59:60Z", .outsideYears),
    // Other signs, or none.
    ("2000-01-01", .malformed(at: 10)),
    ("2000-01-01 00:00:00Z", .malformed(at: 10)),
    ("2000/01-01T00:00:00Z", .malformed(at: 4)),
    ("200-01-01T00:00:00Z", .malformed(at: 3)),
    ("20000-01-01T00:00:00Z", .malformed(at: 4)),
    ("-200-01-01T00:00:00Z", .malformed(at: 0)),
    ("+2000-01-01T00:00:00Z", .malformed(at: 0)),
    ("2000-1-01T00:00:00Z", .malformed(at: 6)),
    ("2000-01-01T0:00:00Z", .malformed(at: 12)),
    ("2000-01-01T00:00Z", .malformed(at: 16)),
    ("2000-01-01T00:00:00", .malformed(at: 19)),
    ("2000-01-01T00:00:00ZZ", .malformed(at: 20)),
    ("2000-01-01T00:00:00Z\n", .malformed(at: 20)),
    (" 2000-01-01T00:00:00Z", .malformed(at: 0)),
    ("2000-01-01T00:00:00.Z", .malformed(at: 20)),
    ("2000-01-01T00:00:00,5Z", .malformed(at: 19)),
    ("2000-01-01T00:00:00.1234567891Z", .malformed(at: 29)),
    ("2000-01-01T00:00:00.5", .malformed(at: 21)),
    ("2000-01-01T00:00:00+0100", .malformed(at: 22)),
    ("2000-01-01T00:00:00+01", .malformed(at: 22)),
    ("2000-01-01T00:00:00+01:0", .malformed(at: 24)),
    ("2000-01-01T00:00:00 01:00", .malformed(at: 19)),
    ("20\u{ff10}0-01-01T00:00:00Z", .malformed(at: 2)),  // A digit to people, but not an ASCII one.
  ])
  func `anything else is refused with its place`(text: String, failure: TimestampFailure) {
    #expect(throws: failure) { try Timestamp(rfc3339: text) }
  }

  @Test func `a time cut short is refused where it ends`() {
    let text = [UInt8]("1985-04-12T23:20:50.52+01:30".utf8)
    for count in 0..<text.count {
      // A fraction of one digit is whole, so its end is where the zone is missed; all others end inside a part.
      let start = text.span.extracting(first: count)
      #expect(throws: TimestampFailure.malformed(at: count)) { try Timestamp(rfc3339: start) }
    }
  }

  @Test(arguments: [-62_167_219_201, 253_402_300_800, Int64.min, Int64.min + 1, Int64.max, Int64.max - 1])
  func `a moment outside the years has no text`(seconds: Int64) {
    #expect(throws: TimestampFailure.outsideYears) { try Timestamp(seconds: seconds).rfc3339() }
  }

  @Test func `moments are ordered by seconds, then nanoseconds`() {
    let moments = [
      Timestamp(seconds: .min), Timestamp(seconds: -1), Timestamp(seconds: -1, nanoseconds: 999_999_999),
      Timestamp(seconds: 0), Timestamp(seconds: 0, nanoseconds: 1), Timestamp(seconds: .max),
    ]
    #expect(moments.shuffled().sorted() == moments)
    #expect(!(moments[0] < moments[0]))
  }

  @Test(arguments: [-1, 1_000_000_000])
  func `nanoseconds that make a second are our own mistake`(nanoseconds: Int32) async {
    await #expect(processExitsWith: .failure) { [nanoseconds] in
      _ = Timestamp(seconds: 0, nanoseconds: nanoseconds)
    }
  }

  @Test func `any moment with a text comes back from it`() throws {
    var generator = SplitMix64(seed: 7)
    for _ in 0..<5_000 {
      let seconds = Int64.random(in: Timestamp.printable, using: &generator)
      let nanoseconds = Int32(generator.anyWidth() % 1_000_000_000)
      let moment = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
      let text = try moment.rfc3339()
      let again = try Timestamp(rfc3339: text)
      if again != moment { Issue.record("\(moment) became \(text), then \(again)") }
    }
  }

  @Test func `texts of one length are ordered as their moments are`() throws {
    var generator = SplitMix64(seed: 8)
    for _ in 0..<2_000 {
      let one = Timestamp(seconds: Int64.random(in: Timestamp.printable, using: &generator))
      let other = Timestamp(seconds: Int64.random(in: Timestamp.printable, using: &generator))
      let (left, right) = (try one.rfc3339(), try other.rfc3339())
      if (left < right) != (one < other) { Issue.record("\(left) and \(right) are out of order") }
    }
  }
}

@Suite struct CivilDateTests {
  @Test func `both conversions agree with a count of every day of ten thousand years`() {
    // 0000-01-01, found by counting back 1970 years of which 478 were leap years (0, 4 … 1968 without 15 centuries).
    var days: Int64 = -(1970 * 365 + 478)
    var wrongCount = 0
    for year in 0...9999 {
      let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
      for (index, length) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
        for day in 1...length {
          let date = CivilDate(year: year, month: index + 1, day: day)
          if date == nil || date?.daysSince1970 != days || CivilDate(daysSince1970: days) != date { wrongCount += 1 }
          days += 1
        }
        if CivilDate(year: year, month: index + 1, day: length + 1) != nil { wrongCount += 1 }
      }
    }
    #expect(wrongCount == 0)
    #expect(CivilDate(daysSince1970: days) == nil)
  }

  @Test(arguments: [-719_529, 2_932_897, Int64.min, Int64.max])
  func `a count outside the years has no date`(days: Int64) {
    #expect(CivilDate(daysSince1970: days) == nil)
  }

  @Test(arguments: [
    (-1, 1, 1), (10_000, 1, 1), (2000, 0, 1), (2000, 13, 1), (2000, 1, 0), (2000, 1, 32), (2000, 2, 30), (2001, 2, 29),
    (Int.min, Int.min, Int.min), (Int.max, Int.max, Int.max),
  ])
  func `a day that does not exist is none`(year: Int, month: Int, day: Int) {
    #expect(CivilDate(year: year, month: month, day: day) == nil)
  }
}
