// SPDX-License-Identifier: Apache-2.0
// What a pod is told about a name: one row for each clause of the rules, the world of the row beside the question.
//
// The client is a pod of namespace shop in the network without a name, unless a row says otherwise.

import Format
import Testing

@testable import Mesh

@Suite struct ResolveTests {
  /// What is expected of an answer.
  enum Told: Equatable, Sendable {
    case forward(NameAnswer.Stranger)
    case none(NameRecords.Absence)
    case addresses(Set<String>)
    /// The same, recorded under what the search list had been put behind.
    case alias(String, Set<String>)
    case aliasOfNone(String, NameRecords.Absence)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let world: [Change]
    let name: String
    let family: NameQuestion.Family?
    let client: Workload
    let options: NameOptions
    let told: Told

    init(
      _ description: String, _ world: [Change], _ name: String, _ family: NameQuestion.Family? = .v4,
      as client: Workload = pod("client", at: "10.0.0.9"), under options: NameOptions = NameOptions(), tells told: Told
    ) {
      testDescription = description
      self.world = world
      self.name = name
      self.family = family
      self.client = client
      self.options = options
      self.told = told
    }
  }

  static let cases = names + search + wildcards + services + precedence + addresses + headless + malformed

  @Test(arguments: cases)
  func tells(_ c: Case) {
    let answer = Scene(c.world, client: c.client).resolve(c.name, c.family, under: c.options)
    #expect(answer.told == c.told)
    guard let records = answer.records else { return }
    #expect(records.owner == records.alias ?? c.name.lowercased().withoutLastDot)
    #expect(records.addresses.isEmpty == (records.absence != nil))
    #expect(Set(records.addresses).count == records.addresses.count, "an address stands there twice")
  }

  /// A table that lost its rows would pass.
  @Test func hasARowForEachClause() {
    #expect(Self.cases.count >= 150, "rows were lost")
    #expect(Set(Self.cases.map(\.testDescription)).count == Self.cases.count)
  }

  @Test func ordersAddressesByTheDiceOnly() throws {
    let many = (1...20).map { "10.0.0.\($0)" }
    let scene = Scene([called("shop/a.com", many)])
    var orders: Set<[IPAddress]> = []
    for seed: UInt64 in 0..<50 {
      let records = try #require(scene.resolve("a.com", seed: seed).records)
      #expect(Set(records.addresses.map(\.description)) == Set(many))
      #expect(scene.resolve("a.com", seed: seed).records == records)
      orders.insert(records.addresses)
    }
    #expect(orders.count == 50)
  }

  /// Each address comes first about as often as any other: 500 times of 5,000, give or take five deviations.
  @Test func givesEachAddressTheSameChance() throws {
    let scene = Scene([called("shop/a.com", (1...10).map { "10.0.0.\($0)" })])
    var firsts: [IPAddress: Int] = [:]
    for seed: UInt64 in 0..<5000 {
      let records = try #require(scene.resolve("a.com", seed: seed).records)
      firsts[try #require(records.addresses.first), default: 0] += 1
    }
    #expect(firsts.count == 10)
    #expect(firsts.values.allSatisfy { (394...606).contains($0) })
  }

  @Test(arguments: [NameRecords.addressesMax, NameRecords.addressesMax + 1])
  func tellsNoMoreAddressesThanAMessageHolds(count: Int) throws {
    let all = (0..<count).map { "10.0.\($0 / 256).\($0 % 256)" }
    let scene = Scene([called("shop/a.com", all)])
    let some = try #require(scene.resolve("a.com", seed: 1).records).addresses
    let others = try #require(scene.resolve("a.com", seed: 2).records).addresses
    #expect(Set(some).count == NameRecords.addressesMax)
    #expect(some.count == NameRecords.addressesMax)
    // Who is left out is not always the same.
    #expect((Set(some) == Set(others)) == (count == NameRecords.addressesMax))
  }

  @Test func fillsAMessage() {
    let (header, record) = (12, 16)
    #expect(header + NameRecords.addressesMax * record <= 65_535)
    #expect(header + (NameRecords.addressesMax + 1) * record > 65_535)
  }

  @Test func keepsForHalfAMinute() { #expect(NameRecords.ttlSeconds == 30) }

  /// Logs tell who was found, and a wildcard would not be known from the question.
  @Test func tellsWhoWasFound() throws {
    let scene = Scene([called("bank/*.com", ["10.0.0.1"])])
    let records = try #require(scene.resolve("a.com").records)
    #expect(records.service.name == ServiceName(namespace: "bank", hostname: "*.com"))
  }
}
