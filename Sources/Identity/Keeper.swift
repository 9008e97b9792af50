// SPDX-License-Identifier: Apache-2.0
// Keeper: a certificate for every identity of a node, renewed in time.
//
//   wanted ─► issued ─► at half of its life, give or take a tenth: issued anew ─► …
//               └ it cannot be: again after 1 s, 2 s, 4 s … 60 s; the old one is used as long as it lasts
//
// The clock may jump. A certificate is looked at by what the clock says now, never by what it said before: after a jump
// forwards it is renewed, after one backwards too (it is not valid yet), and never more often than once a second.

package import Mesh
package import Net

/// What signs leaves: an authority of this node, or somebody who is asked.
package typealias Signer =
  @Sendable (_ identity: Identity, _ notBefore: Int64, _ notAfter: Int64) throws -> TLSConfiguration

/// Certificates of a node's identities.
package struct Keeper: Sendable {
  /// How long a leaf lives.
  package static let lifeSeconds: Int64 = 86_400
  /// The first pause after a failure, and the longest.
  static let pauseSeconds: ClosedRange<Int64> = 1...60
  /// Clocks of other nodes may be behind by this much.
  static let skewSeconds: Int64 = 60

  /// What has to be told to those who use certificates.
  package enum News: Sendable {
    case issued(Identity, TLSConfiguration)
    /// It cannot be renewed, and why; the old one, if any, goes on.
    case failed(Identity, String)
  }

  fileprivate struct Entry: Sendable {
    var notBefore: Int64 = 0
    var notAfter: Int64 = 0
    /// When it is to be renewed, by the clock.
    var renewsAt: Int64 = 0
    var pause: Int64 = 0
    /// Users of it.
    var count = 1
  }

  private var entries: [Identity: Entry] = [:]
  private var generation: UInt64 = 0
  private let life: Int64
  private let signer: Signer

  /// A keeper of no certificates.
  package init(life: Int64 = Self.lifeSeconds, signer: @escaping Signer) {
    self.life = life
    self.signer = signer
  }

  /// How many identities are kept.
  package var count: Int { entries.count }

  /// One user more of an identity. It is issued by the next `tend`.
  package mutating func want(_ identity: Identity) {
    if entries[identity] != nil { entries[identity]?.count += 1 } else { entries[identity] = Entry() }
  }

  /// One user less; with the last one it is forgotten. Gives back whether it was.
  package mutating func release(_ identity: Identity) -> Bool {
    entries[identity]?.count -= 1
    guard entries[identity]?.count == 0 else { return false }
    entries[identity] = nil
    return true
  }

  /// Issues what is due. `jitter` is a number from -1 to 1.
  package mutating func tend(now: Int64, jitter: () -> Double) -> [News] {
    var news: [News] = []
    for (identity, entry) in entries where entry.isDue(now) { news.append(issue(identity, entry, now, jitter())) }
    return news
  }

  /// How long until something is due: at least a second, so that no clock makes this a tight loop.
  package func pause(now: Int64) -> Duration {
    let next = entries.values.map { $0.renewsAt - now }.min() ?? 60
    return .seconds(max(1, min(60, next)))
  }

  private mutating func issue(_ identity: Identity, _ entry: Entry, _ now: Int64, _ jitter: Double) -> News {
    var entry = entry
    defer { entries[identity] = entry }
    do {
      var configuration = try signer(identity, now - Self.skewSeconds, now + life)
      generation += 1
      configuration.generation = generation
      (entry.notBefore, entry.notAfter, entry.pause) = (now - Self.skewSeconds, now + life, 0)
      entry.renewsAt = now + max(1, life / 2 + Int64(Double(life) / 10 * min(1, max(-1, jitter))))
      return .issued(identity, configuration)
    } catch {
      let bounds = Self.pauseSeconds
      entry.pause = min(bounds.upperBound, max(bounds.lowerBound, entry.pause * 2))
      entry.renewsAt = now + entry.pause
      return .failed(identity, "\(error)")
    }
  }
}

extension Keeper.Entry {
  /// Whether the clock asks for a new one. A clock that went back makes it not valid yet.
  fileprivate func isDue(_ now: Int64) -> Bool {
    now >= renewsAt || pause == 0 && now < notBefore || pause > 0 && renewsAt - now > Keeper.pauseSeconds.upperBound
  }
}

extension AuthorityFolder {
  /// Signs leaves with what is in the folder now.
  package func makeSigner() throws(AuthorityFailure) -> Signer {
    let (signer, chain, roots) = try signer()
    return { identity, notBefore, notAfter in
      let leaf = try KeyPair.make(.leaf(uri: identity.uri), from: notBefore, to: notAfter, signedBy: signer)
      return TLSConfiguration(generation: 0, chain: [leaf.certificate] + chain, key: leaf.key, roots: roots)
    }
  }
}
