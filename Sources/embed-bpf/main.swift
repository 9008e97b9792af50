// SPDX-License-Identifier: Apache-2.0
// embed-bpf: compiles one BPF program and writes the object as a Swift file.
//
//   embed-bpf CLANG OBJCOPY bpf/NAME.bpf.c OUTPUT.swift
//
// The object becomes a hex StaticString. A byte-array literal of 100 KB takes 21 s to compile, the string 0.2 s;
// `#embed` would be shorter, but the build system does not see through it and keeps a stale object.
// What clang writes goes to the build's output untouched, so its errors keep file and line.
import Glibc

embed()
