// SPDX-License-Identifier: Apache-2.0
// FuzzCertificate: DER that a peer, a file or a control plane may hand us: certificates, chains, keys.
//
// Whatever comes: no trap, and what was read keeps to its limits and reads the same again.

import Net

@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let input = Array(UnsafeBufferPointer(start: data, count: size))
  if let certificate = try? Certificate(der: input) {
    precondition(certificate.uris.count + certificate.otherNames <= Certificate.namesMax)
    precondition(certificate.uris.allSatisfy { $0.utf8.allSatisfy { (0x21...0x7e).contains($0) } })
    precondition((try? Certificate(der: input)) == certificate)
    precondition((try? Certificate(der: input + [0])) == nil, "something follows it")
  }
  _ = PrivateKey(der: input)
  // As a configuration: refused with a reason, or built.
  let configuration = TLSConfiguration(generation: 1, chain: [input], key: input, roots: [input])
  _ = try? TLSContext(.server, configuration)
  _ = try? TLSContext(.client, configuration)
  return 0
}
