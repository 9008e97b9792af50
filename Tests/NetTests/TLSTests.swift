// SPDX-License-Identifier: Apache-2.0
// TLS: who is let in, who is not and why, in a full handshake and in a resumed one.

import Glibc
import Net
import Rig
import Synchronization
import Testing

@Suite struct TLSTests {
  static let alice = "spiffe://cluster.local/ns/a/sa/alice"
  static let bob = "spiffe://cluster.local/ns/b/sa/bob"

  /// What both ends came to.
  struct Outcome: Sendable, Equatable {
    var client: TLSFailure?
    var server: TLSFailure?
    var isResumed = false
    var clientSees: String?
    var serverSees: String?
  }

  /// One side of a handshake: its context and whom it accepts.
  struct Side {
    let context: TLSContext
    var accepts = AcceptedPeers.trustDomain("cluster.local")
    init(
      _ role: TLSContext.Role, _ configuration: TLSConfiguration, accepts: AcceptedPeers = .trustDomain("cluster.local")
    ) throws {
      context = try TLSContext(role, configuration)
      self.accepts = accepts
    }
  }

  /// A handshake over a TCP connection, then one byte each way so that tickets and late alerts arrive.
  static func meet(_ client: Side, _ server: Side, key: String? = nil, on worker: isolated Worker) async throws
    -> Outcome
  {
    let (near, far) = try await tcpPair(on: worker)
    let outcome = Box(Outcome())
    let a = TLSPipe(over: near, client.context, accepting: client.accepts, resumptionKey: key, on: worker)
    let b = TLSPipe(over: far, server.context, accepting: server.accepts, on: worker)
    let isDone = Box(false)
    Task.immediate(executorPreference: worker.loop) { await serve(b, outcome, isDone, on: worker) }
    do throws(TLSFailure) {
      outcome.value.clientSees = try await a.handshake(within: .seconds(5), on: worker).identity
      outcome.value.isResumed = a.isResumed
      a.send("?")
      _ = await a.receive(1, on: worker)
      a.close()
    } catch {
      outcome.value.client = error
    }
    _ = await eventually(on: worker) { isDone.value }
    return outcome.value
  }

  private static func serve(_ pipe: TLSPipe, _ outcome: Box<Outcome>, _ isDone: Box<Bool>, on worker: isolated Worker)
    async
  {
    do throws(TLSFailure) {
      outcome.value.serverSees = try await pipe.handshake(within: .seconds(5), on: worker).identity
      if await pipe.receive(1, on: worker).count == 1 { pipe.send("!") }
      pipe.close()
    } catch {
      outcome.value.server = error
    }
    isDone.value = true
  }

  @Test func bothSidesSeeEachOther() async throws {
    let authority = try Authority()
    let (a, b) = (try authority.configuration(Self.alice), try authority.configuration(Self.bob))
    let outcome = try await onWorker { worker in
      try await Self.meet(Side(.client, a, accepts: .identities([Self.bob])), Side(.server, b), on: worker)
    }
    #expect(outcome == Outcome(clientSees: Self.bob, serverSees: Self.alice))
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    let name: String
    let uris: [String]
    var from = -60
    var until = 3600
    var usage = "serverAuth,clientAuth"
    let refusal: TLSRefusal
    let count: NetCount
    var testDescription: String { name }
  }

  static let bad: [Bad] = [
    Bad(name: "expired", uris: [bob], from: -7200, until: -3600, refusal: .expired, count: .tlsRefusedExpired),
    Bad(
      name: "not yet valid", uris: [bob], from: 3600, until: 7200, refusal: .notYetValid, count: .tlsRefusedNotYetValid),
    Bad(name: "no URI name", uris: [], refusal: .noIdentity, count: .tlsRefusedNoIdentity),
    Bad(name: "two URI names", uris: [bob, alice], refusal: .manyIdentities, count: .tlsRefusedManyIdentities),
    Bad(name: "no SPIFFE id", uris: ["https://bob.example/x"], refusal: .noIdentity, count: .tlsRefusedNoIdentity),
    Bad(name: "no path", uris: ["spiffe://cluster.local"], refusal: .noIdentity, count: .tlsRefusedNoIdentity),
    Bad(
      name: "another domain", uris: ["spiffe://evil.example/ns/b/sa/bob"], refusal: .trustDomain,
      count: .tlsRefusedTrustDomain),
    Bad(
      name: "a domain that only begins alike", uris: ["spiffe://cluster.local.evil/ns/b"], refusal: .trustDomain,
      count: .tlsRefusedTrustDomain),
    Bad(
      name: "only for e-mail", uris: [bob], usage: "emailProtection", refusal: .untrusted, count: .tlsRefusedUntrusted),
  ]

  /// Each bad certificate, once shown by the client and once by the server.
  @Test(arguments: bad, [true, false])
  func refusesAndSaysWhy(_ bad: Bad, isServerBad: Bool) async throws {
    let authority = try Authority()
    let good = try authority.configuration(Self.alice)
    let leaf = try authority.leaf(bad.uris, from: bad.from, until: bad.until, usage: bad.usage)
    let wrong = TLSConfiguration(generation: 1, chain: leaf.chain, key: leaf.key, roots: [try authority.root()])
    let (outcome, count, handshakes) = try await onWorker { worker in
      let outcome = try await Self.meet(
        Side(.client, isServerBad ? good : wrong), Side(.server, isServerBad ? wrong : good), on: worker)
      return (outcome, worker.reactor.counts[bad.count], worker.reactor.counts[.tlsHandshakes])
    }
    #expect((isServerBad ? outcome.client : outcome.server) == .refused(bad.refusal))
    #expect(count == 1)
    #expect(isServerBad ? handshakes == 0 : handshakes <= 1, "only the side that has not heard yet may believe in it")
  }

  @Test func refusesARootItDoesNotHaveAndAClientWithoutACertificate() async throws {
    let (ours, theirs) = (try Authority(), try Authority())
    let good = try ours.configuration(Self.alice)
    let stranger = try theirs.configuration(Self.bob)
    let outcome = try await onWorker { worker in
      try await Self.meet(Side(.client, stranger), Side(.server, good), on: worker)
    }
    #expect(outcome.client == .refused(.untrusted))
    var trusting = stranger
    trusting.roots = [try ours.root()]
    let trust = trusting
    let second = try await onWorker { worker in
      try await Self.meet(Side(.client, trust), Side(.server, good), on: worker)
    }
    #expect(second.server == .refused(.untrusted))
  }

  @Test func anAcceptedDomainIsNotAnAcceptedIdentity() async throws {
    let authority = try Authority()
    let (a, b) = (try authority.configuration(Self.alice), try authority.configuration(Self.bob))
    let outcome = try await onWorker { worker in
      try await Self.meet(Side(.client, a, accepts: .identities([Self.alice])), Side(.server, b), on: worker)
    }
    #expect(outcome.client == .refused(.identity))
  }

  // MARK: Resumption

  @Test func theRightIdentityResumes() async throws {
    let authority = try Authority()
    let (a, b) = (try authority.configuration(Self.alice), try authority.configuration(Self.bob))
    let outcomes = try await onWorker { worker in
      let (client, server) = (try Side(.client, a), try Side(.server, b))
      var outcomes: [Outcome] = []
      for _ in 0..<3 { outcomes.append(try await Self.meet(client, server, key: "bob", on: worker)) }
      return outcomes
    }
    #expect(outcomes.map(\.isResumed) == [false, true, true])
    #expect(outcomes.allSatisfy { $0.clientSees == Self.bob && $0.serverSees == Self.alice })
  }

  /// The session says bob; this time only alice will do. Chosen by a careless key, it must still be refused.
  @Test func aResumedSessionOfTheWrongIdentityIsRefused() async throws {
    let authority = try Authority()
    let (a, b) = (try authority.configuration(Self.alice), try authority.configuration(Self.bob))
    let outcome = try await onWorker { worker in
      var client = try Side(.client, a)
      let server = try Side(.server, b)
      _ = try await Self.meet(client, server, key: "same", on: worker)
      client.accepts = .identities([Self.alice])
      return try await Self.meet(client, server, key: "same", on: worker)
    }
    #expect(outcome.client == .refused(.identity))
  }

  @Test func aServerRefusesAResumedSessionOfSomebodyItNoLongerAccepts() async throws {
    let authority = try Authority()
    let (a, b) = (try authority.configuration(Self.alice), try authority.configuration(Self.bob))
    let outcome = try await onWorker { worker in
      let client = try Side(.client, a)
      var server = try Side(.server, b)
      _ = try await Self.meet(client, server, key: "bob", on: worker)
      server.accepts = .identities([Self.bob])
      return try await Self.meet(client, server, key: "bob", on: worker)
    }
    #expect(outcome.server == .refused(.identity))
  }

  /// Between the two handshakes an hour passes, and the certificate's end with it. Nothing is verified in a resumed
  /// handshake but by us.
  @Test(arguments: [true, false])
  func aResumedSessionOfAnExpiredCertificateIsRefused(isServerExpired: Bool) async throws {
    let authority = try Authority()
    let clock = WallClock()
    let short = try authority.leaf([isServerExpired ? Self.bob : Self.alice], until: 1800)
    var brief = TLSConfiguration(generation: 1, chain: short.chain, key: short.key, roots: [try authority.root()])
    var lasting = try authority.configuration(isServerExpired ? Self.alice : Self.bob)
    brief.now = { clock.now }
    lasting.now = { clock.now }
    let (a, b) = isServerExpired ? (lasting, brief) : (brief, lasting)
    let outcomes = try await onWorker { worker in
      let (client, server) = (try Side(.client, a), try Side(.server, b))
      let first = try await Self.meet(client, server, key: "peer", on: worker)
      clock.advance(3600)
      let second = try await Self.meet(client, server, key: "peer", on: worker)
      return [first, second]
    }
    #expect(outcomes[0].client == nil && outcomes[0].server == nil)
    #expect((isServerExpired ? outcomes[1].client : outcomes[1].server) == .refused(.expired))
  }

  /// New credentials make new contexts, which know no session of the old: a full handshake, and what it decides.
  @Test func anotherGenerationFallsBackToAFullHandshake() async throws {
    let authority = try Authority()
    let (a, b) = (try authority.configuration(Self.alice), try authority.configuration(Self.bob))
    var c = b
    c.generation = 2
    let newer = c
    let outcomes = try await onWorker { worker in
      let client = try Side(.client, a)
      let first = try await Self.meet(client, try Side(.server, b), key: "bob", on: worker)
      let second = try await Self.meet(client, try Side(.server, newer), key: "bob", on: worker)
      return [first, second]
    }
    #expect(outcomes.map(\.isResumed) == [false, false])
    #expect(outcomes[1].clientSees == Self.bob)
  }

  @Test func aRemovedRootRefusesWhoWasLetInBefore() async throws {
    let (old, new) = (try Authority(), try Authority())
    let a = try old.configuration(Self.alice)
    var both = try old.configuration(Self.bob)
    both.roots.append(try new.root())
    var strict = both
    strict.generation = 2
    strict.roots = [try new.root()]
    let (before, after) = (both, strict)
    let outcomes = try await onWorker { worker in
      let client = try Side(.client, a)
      let first = try await Self.meet(client, try Side(.server, before), key: "bob", on: worker)
      let second = try await Self.meet(client, try Side(.server, after), key: "bob", on: worker)
      return [first, second]
    }
    #expect(outcomes[0].server == nil)
    #expect(outcomes[1].server == .refused(.untrusted))
  }

  // MARK: Ends

  @Test func aGoodbyeIsAnEndAndASilentEndIsATruncation() async throws {
    let authority = try Authority()
    let (a, b) = (try authority.configuration(Self.alice), try authority.configuration(Self.bob))
    try await onWorker { worker in
      for isOrderly in [true, false] {
        let (near, far) = try await tcpPair(on: worker)
        let client = TLSPipe(
          over: near, try Side(.client, a).context, accepting: .trustDomain("cluster.local"), on: worker)
        let server = TLSPipe(
          over: far, try Side(.server, b).context, accepting: .trustDomain("cluster.local"), on: worker)
        Task.immediate(executorPreference: worker.loop) {
          _ = try? await server.handshake(within: .seconds(5), on: worker)
        }
        _ = try await client.handshake(within: .seconds(5), on: worker)
        client.send("all of it")
        if isOrderly { client.close() } else { near.finish() }
        #expect(await server.receive(9, on: worker) == Array("all of it".utf8))
        #expect(await server.lastWord(on: worker) == (isOrderly ? .end : .failed(.truncated)))
      }
      #expect(worker.reactor.counts[.tlsTruncated] == 1)
    }
  }

  @Test func aHandshakeThatStopsHalfWayEndsAtItsDeadline() async throws {
    let authority = try Authority()
    let b = try authority.configuration(Self.bob)
    let clock = FakeClock()
    try await onWorker(clock: clock) { worker in
      let (near, far) = try await tcpPair(on: worker)
      let server = TLSPipe(
        over: far, try Side(.server, b).context, accepting: .trustDomain("cluster.local"), on: worker)
      let failure = Box<TLSFailure?>(nil)
      Task.immediate(executorPreference: worker.loop) { await note(failure, server, on: worker) }
      // A record header that promises 512 bytes, and then nothing.
      near.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
      await settle(20, on: worker)
      await clock.advance(.seconds(9), on: worker)
      #expect(failure.value == nil)
      await clock.advance(.seconds(2), on: worker)
      #expect(failure.value == .timedOut)
      #expect(worker.reactor.counts[.tlsHandshakeTimeout] == 1)
      #expect(await near.lastWord(on: worker) != .wait)
    }
  }

  @Test(
    arguments: [
      [0x47, 0x45, 0x54, 0x20, 0x2f, 0x0d, 0x0a],  // "GET /"
      [0x16, 0x03, 0x01, 0xff, 0xff, 0x01, 0x00],  // a record longer than any may be
      [0x17, 0x03, 0x03, 0x00, 0x01, 0x00],  // data before a handshake
    ] as [[UInt8]])
  func nonsenseInsteadOfAHandshakeIsRefusedAtOnce(bytes: [UInt8]) async throws {
    let authority = try Authority()
    let b = try authority.configuration(Self.bob)
    try await onWorker { worker in
      let (near, far) = try await tcpPair(on: worker)
      let server = TLSPipe(
        over: far, try Side(.server, b).context, accepting: .trustDomain("cluster.local"), on: worker)
      near.send(bytes)
      near.finish()
      await #expect(throws: TLSFailure.self) { try await server.handshake(within: .seconds(5), on: worker) }
      #expect(worker.reactor.counts[.tlsHandshakeFailed] == 1)
    }
  }

  @Test func badConfigurationsAreNamed() throws {
    let authority = try Authority()
    let good = try authority.configuration(Self.alice)
    func failure(_ change: (inout TLSConfiguration) -> Void) -> TLSConfigurationFailure? {
      var configuration = good
      change(&configuration)
      do throws(TLSConfigurationFailure) {
        _ = try TLSContext(.server, configuration)
        return nil
      } catch {
        return error
      }
    }
    let other = try authority.configuration(Self.bob)
    #expect(failure { _ in } == nil)
    #expect(failure { $0.chain = [] } == .empty)
    #expect(failure { $0.chain[0].append(0) } == .chain(0))
    #expect(failure { $0.chain.append([1, 2, 3]) } == .chain(1))
    #expect(failure { $0.key = other.key } == .key)
    #expect(failure { $0.key = [] } == .key)
    #expect(failure { $0.roots.append([0x30, 0]) } == .root(1))
  }
}

/// The wall clock, shifted by the test.
private final class WallClock: Sendable {
  private let shift = Atomic<Int64>(0)
  var now: Int64 { Int64(time(nil)) + shift.load(ordering: .relaxed) }
  func advance(_ seconds: Int64) { shift.add(seconds, ordering: .relaxed) }
}

private func note(_ failure: Box<TLSFailure?>, _ pipe: TLSPipe, on worker: isolated Worker) async {
  do throws(TLSFailure) { _ = try await pipe.handshake(within: .seconds(10), on: worker) } catch {
    failure.value = error
  }
}
