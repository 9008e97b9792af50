// SPDX-License-Identifier: Apache-2.0
// Enrolment: one pod's namespace, made to send its traffic to us, kept so, and given back as it was.
//
//   enrol     listing differs from what is wanted? → one transaction → routes
//   verify    compares again; says what drifted; puts it right
//   withdraw  rules first, then routes: what is open goes on past us, or ends
//
// Runs on the capture thread, in the pod's namespace. A listing takes half a millisecond, a commit fourteen: what is as it
// should be is not written again, and so a restart finds a hundred pods in no time.

package import Net
import Glibc

/// Why a namespace could not be made so, or kept so.
package enum CaptureFailure: Error, Equatable, Sendable {
  /// It could not be entered, or not be asked.
  case namespace(Errno)
  /// Rules were refused.
  case rules(String)
  /// Routes were refused.
  case routes(Errno)
}

/// What was found where something else was wanted.
package enum Drift: String, Sendable, CaseIterable {
  case rules, routes
}

/// One pod's namespace under nftables.
package struct Enrolment: Sendable {
  private let namespace: NetworkNamespace
  private let rules: PodRules
  /// What the kernel listed right after the rules were written.
  private var listing: String?

  /// A namespace that is to be made so.
  package init(_ namespace: NetworkNamespace, _ rules: PodRules) {
    self.namespace = namespace
    self.rules = rules
  }

  /// Makes the namespace so. Gives back whether anything had to be written.
  package mutating func enrol() throws(CaptureFailure) -> Bool {
    let wanted = rules
    let known = listing
    let (found, hasWritten) = try Self.inside(namespace) { () throws(CaptureFailure) -> (String, Bool) in
      let before = try Self.list()
      do throws(Errno) { try PolicyRoutes.add(hasV6: wanted.hasV6) } catch { throw .routes(error) }
      // Written by whom does not matter, as long as it is the same: the mark in it says what it was made from.
      if before == known || known == nil && before.contains(wanted.mark) { return (before, false) }
      do throws(NFTablesFailure) { try NFTables.run(wanted.transaction) } catch { throw .rules(error.description) }
      return (try Self.list(), true)
    }
    listing = found
    return hasWritten
  }

  /// Compares the namespace with what was written; puts it right. Gives back whether it had drifted.
  package mutating func verify() throws(CaptureFailure) -> Bool { try enrol() }

  /// Gives the namespace back as it was.
  package mutating func withdraw() throws(CaptureFailure) {
    listing = nil
    try Self.inside(namespace) { () throws(CaptureFailure) in
      do throws(NFTablesFailure) { try NFTables.run(PodRules.nftablesRemoval) } catch {
        throw .rules(error.description)
      }
      do throws(Errno) { try PolicyRoutes.remove() } catch { throw .routes(error) }
    }
  }

  private static func list() throws(CaptureFailure) -> String {
    do { return try NFTables.list() } catch { throw .rules(error.description) }
  }

  private static func inside<Answer>(
    _ namespace: NetworkNamespace, _ body: () throws(CaptureFailure) -> Answer
  ) throws(CaptureFailure) -> Answer {
    let result: Result<Answer, CaptureFailure>
    do throws(Errno) {
      result = try namespace.inside { () throws(Errno) in
        do throws(CaptureFailure) { return .success(try body()) } catch { return .failure(error) }
      }
    } catch {
      throw .namespace(error)
    }
    return try result.get()
  }
}

extension PodRules {
  /// A comment in the rules that tells what they were made from.
  fileprivate var mark: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in nftables.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return "skein \(String(hash, radix: 16))"
  }

  /// The transaction, with the mark in it.
  fileprivate var transaction: String {
    nftables + "add rule inet istio-ambient-mangle istio-output counter comment \"\(mark)\"\n"
  }
}
