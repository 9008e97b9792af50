// SPDX-License-Identifier: Apache-2.0
// PEMTests: every block is read or its line is named; none is passed over in silence.

import Testing

@testable import Format

@Suite struct PEMTests {
  private func blocks(_ text: String) throws(PEMFailure) -> [PEM.Block] {
    try PEM.blocks(in: text.utf8.span)
  }

  static let foo = PEM.Block(label: "CERTIFICATE", bytes: [0x66, 0x6f, 0x6f])

  @Test(arguments: [
    "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----",  // No line break at the end.
    "-----BEGIN CERTIFICATE-----\r\nZm9v\r\n-----END CERTIFICATE-----\r\n",
    "-----BEGIN CERTIFICATE-----\n\nZm\n9v\n\n-----END CERTIFICATE-----\n",
    "# A root.\nsubject: - ----- -----\n\n-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\nmore\n",
  ])
  func `a block is found among text and line breaks of either kind`(text: String) throws {
    #expect(try blocks(text) == [PEMTests.foo])
  }

  @Test(arguments: ["", "\n", "no blocks\n", "-----", "-----\n-----", "\r\r\n"])
  func `text without blocks has none`(text: String) throws {
    #expect(try blocks(text) == [])
  }

  @Test func `blocks come in order, each with its own label`() throws {
    let text = """
      -----BEGIN X509 CRL-----
      AA==
      -----END X509 CRL-----
      -----BEGIN A-B C-----
      AQ==
      -----END A-B C-----
      """
    let wanted = [PEM.Block(label: "X509 CRL", bytes: [0]), PEM.Block(label: "A-B C", bytes: [1])]
    #expect(try blocks(text) == wanted)
  }

  @Test(arguments: [
    // Boundaries that are not whole.
    (" -----BEGIN A-----\nAA==\n-----END A-----\n", PEMFailure.badBoundary(line: 1)),
    ("\u{feff}-----BEGIN A-----\nAA==\n-----END A-----\n", .badBoundary(line: 1)),
    ("\n-----BEGIN A----- \nAA==\n-----END A-----\n", .badBoundary(line: 2)),
    ("-----BEGIN A----\nAA==\n-----END A-----\n", .badBoundary(line: 1)),
    ("-----BEGIN A------\nAA==\n-----END A------\n", .badBoundary(line: 1)),
    ("------BEGIN A-----\n", .badBoundary(line: 1)),
    ("-----BEGIN-----\n", .badBoundary(line: 1)),
    ("-----BEGIN -----\n", .badBoundary(line: 1)),
    ("-----BEGIN  A-----\n", .badBoundary(line: 1)),
    ("-----BEGIN A -----\n", .badBoundary(line: 1)),
    ("-----BEGIN A  B-----\n", .badBoundary(line: 1)),
    ("-----BEGIN \u{e9}-----\n", .badBoundary(line: 1)),
    ("-----BEGIN A-----\rAA==\r-----END A-----\r", .badBoundary(line: 1)),  // CR alone ends no line.
    ("-----BEGIN A----------END A-----\n", .badBoundary(line: 1)),
    ("-----BEGIN A-----\nAA==\n-----END A----\n", .badBoundary(line: 3)),
    ("-----BEGIN A-----\nAA==-----END A-----\n", .badBoundary(line: 2)),
    // Whole, but not in their place.
    ("-----END A-----\n", .strayEnd(line: 1)),
    ("----BEGIN A-----\nAA==\n-----END A-----\n", .strayEnd(line: 3)),
    ("-----BEGIN A-----\nAA==\n-----END B-----\n", .strayEnd(line: 3)),
    ("-----BEGIN A-----\nAA==\n-----END a-----\n", .strayEnd(line: 3)),
    ("x\n-----BEGIN A-----\nAA==\n", .unfinished(line: 2)),
    ("-----BEGIN A-----", .unfinished(line: 1)),
    ("-----BEGIN A-----\nAA==\n-----BEGIN A-----\nAA==\n-----END A-----\n", .unfinished(line: 1)),
    // Bodies.
    ("x\n-----BEGIN A-----\n-----END A-----\n", .emptyBody(line: 2)),
    ("-----BEGIN A-----\n\r\n\n-----END A-----\n", .emptyBody(line: 1)),
    ("-----BEGIN A-----\nAAAA\nA*==\n-----END A-----\n", .badBody(.badDigit(0x2a, at: 6), line: 3)),
    ("-----BEGIN A-----\nAAAA \n-----END A-----\n", .badBody(.badDigit(0x20, at: 4), line: 2)),
    ("x\n-----BEGIN A-----\nAA==\nAA==\n-----END A-----\n", .badBody(.badPadding(at: 5), line: 4)),
    (
      "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----\n",
      .badBody(.badDigit(0x2d, at: 4), line: 2)
    ),
  ])
  func `anything half right is refused with its line`(text: String, failure: PEMFailure) {
    #expect(throws: failure) { try blocks(text) }
  }

  @Test func `a label of the longest length is taken and one more sign is not`() throws {
    let longest = String(repeating: "A", count: PEM.labelBytesMax)
    #expect(try blocks("-----BEGIN \(longest)-----\nAA==\n-----END \(longest)-----").map(\.label) == [longest])
    #expect(throws: PEMFailure.badBoundary(line: 1)) { try blocks("-----BEGIN \(longest)A-----\n") }
  }

  @Test func `the most blocks are taken and one more is not`() throws {
    let block = PEM.encode(PEMTests.foo)
    let most = String(repeating: block, count: PEM.blocksMax)
    #expect(try blocks(most).count == PEM.blocksMax)
    #expect(throws: PEMFailure.tooManyBlocks(line: 3 * PEM.blocksMax + 1)) { try blocks(most + block) }
  }

  @Test func `the longest text is taken and one more byte is not`() throws {
    let block = PEM.encode(PEMTests.foo)
    let longest = block + String(repeating: "\n", count: PEM.textBytesMax - block.utf8.count)
    #expect(try blocks(longest) == [PEMTests.foo])
    #expect(throws: PEMFailure.tooLong(bytes: PEM.textBytesMax + 1)) { try blocks(longest + "\n") }
  }

  @Test(arguments: [1, 47, 48, 49, 96, 97, 1_000])
  func `a block comes back, in lines of 64`(count: Int) throws {
    var generator = SplitMix64(seed: UInt64(count))
    let block = PEM.Block(label: "EC PRIVATE KEY", bytes: generator.bytes(count))
    let text = PEM.encode(block)
    #expect(try blocks(text) == [block])
    let body = text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().dropLast(2)
    #expect(body.dropLast().allSatisfy { $0.utf8.count == 64 })
    #expect(body.last.map { (1...64).contains($0.utf8.count) } == true)
  }

  @Test func `a block that could not be read back is our own mistake`() async {
    await #expect(processExitsWith: .failure) { _ = PEM.encode(PEM.Block(label: "A\nB", bytes: [1])) }
    await #expect(processExitsWith: .failure) { _ = PEM.encode(PEM.Block(label: "A", bytes: [])) }
  }
}
