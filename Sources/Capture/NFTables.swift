// SPDX-License-Identifier: Apache-2.0
// NFTables: transactions and listings of one namespace, by libnftables. A context belongs to the namespace it was made in, and
// costs a megabyte: it is made for one call.

import CNftables
import Glibc

/// Why a transaction was refused.
package struct NFTablesFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The library's words, on one line.
  package let description: String
}

enum NFTables {
  /// Runs a transaction in the namespace the thread is in. All of it holds, or nothing.
  static func run(_ text: String) throws(NFTablesFailure) { _ = try call(text, isJSON: false) }

  /// What stands under the names of the pod's tables, as text without counters; empty when there is none of them.
  static func list() throws(NFTablesFailure) -> String {
    var text = ""
    for table in PodRules.tables {
      do throws(NFTablesFailure) {
        text += try call("list table inet \(table)", isJSON: false)
      } catch {
        // There is no such table: that is an answer.
        guard error.description.contains("No such file") else { throw error }
      }
    }
    return text
  }

  private static func call(_ text: String, isJSON: Bool) throws(NFTablesFailure) -> String {
    guard let context = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
      throw NFTablesFailure(description: "out of memory")
    }
    defer { nft_ctx_free(context) }
    nft_ctx_buffer_output(context)
    nft_ctx_buffer_error(context)
    // Counters change with every packet, and are no difference.
    nft_ctx_output_set_flags(context, UInt32(NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_ALL))
    let code = nft_run_cmd_from_buffer(context, text)
    let output = nft_ctx_get_output_buffer(context).map { String(cString: $0) } ?? ""
    guard code == 0 else {
      let words = nft_ctx_get_error_buffer(context).map { String(cString: $0) } ?? ""
      throw NFTablesFailure(
        description: words.split(separator: "\n").first.map(String.init) ?? "refused without a word")
    }
    return output
  }
}
