// SPDX-License-Identifier: Apache-2.0
// Programs: the BPF objects this binary carries, as libbpf wants them.
//
//   bpf/NAME.bpf.c → EmbedBPF (at build time) → Embedded.NAME, hex → Programs.NAME, an ELF object
//
// Decoding takes microseconds and happens once per load, so nothing is cached: idle memory is dearer.
import Format

/// Compiled BPF objects, one per file of bpf/.
package enum Programs {
  /// Passes every packet; it shows that build, embedding and kernel agree.
  package static var proof: [UInt8] { Hex.decode(literal: Embedded.proof) }
}

/// What the build generates extends this.
enum Embedded {}
