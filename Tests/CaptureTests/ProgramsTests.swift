// SPDX-License-Identifier: Apache-2.0
// What the build embeds is a BPF object that libbpf reads and this kernel accepts.
import CBPF
import Capture
import Glibc
import Testing

@Suite struct ProgramsTests {
  @Test func theEmbeddedProofIsABPFObject() throws {
    let object = Programs.proof
    try #require(object.count > 64)
    #expect(Array(object[0..<4]) == [0x7f, 0x45, 0x4c, 0x46])  // Magic.
    #expect(object[4] == 2)  // EI_CLASS: 64 bits.
    #expect(object[5] == 1)  // EI_DATA: little-endian.
    #expect(Array(object[16..<18]) == [1, 0])  // e_type: relocatable.
    #expect(Array(object[18..<20]) == [247, 0])  // e_machine: EM_BPF.
  }

  /// A refusal of the kernel is a failure here, not a skip: a root that may not load BPF cannot capture with it either.
  @Test(.enabled(if: geteuid() == 0, "loading BPF needs root"))
  func theKernelLoadsTheEmbeddedProof() throws {
    let bytes = Programs.proof
    let object = try #require(bpf_object__open_mem(bytes, bytes.count, nil), "libbpf does not open it: errno \(errno)")
    defer { bpf_object__close(object) }
    let status = bpf_object__load(object)
    #expect(status == 0, "the kernel does not load it: errno \(-status)")
    let program = try #require(bpf_object__find_program_by_name(object, "pass"))
    #expect(bpf_program__fd(program) >= 0)
  }

  /// The positive control of the test above: it would see a program that the kernel has to refuse.
  @Test(.enabled(if: geteuid() == 0, "loading BPF needs root"))
  func aProgramWithoutExitIsRefused() throws {
    var bytes = Programs.proof
    // BPF_EXIT with its zero fields; the program is the only code in the object.
    let exit: [UInt8] = [0x95, 0, 0, 0, 0, 0, 0, 0]
    let at = try #require(bytes.indices.dropLast(7).first { Array(bytes[$0..<$0 + 8]) == exit })
    bytes[at] = 0xb7  // BPF_MOV: runs off the end.
    let object = try #require(bpf_object__open_mem(bytes, bytes.count, nil))
    defer { bpf_object__close(object) }
    #expect(bpf_object__load(object) != 0)
  }
}
