// SPDX-License-Identifier: Apache-2.0
// EmbedBPF: turns every bpf/*.bpf.c into a Swift file that holds the compiled object.
//
//   bpf/proof.bpf.c → embed-bpf (clang, hex) → proof.bpf.swift → Capture: Programs.proof
//
// Every file of bpf/ is an input of every command: a changed header has to rebuild what includes it, and the
// programs are few. A clang error is the error of the build, with its file and line.
import Foundation
import PackagePlugin

@main struct EmbedBPF: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let folder = context.package.directoryURL.appending(path: "bpf")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    let inputs = names.filter { $0.hasSuffix(".c") || $0.hasSuffix(".h") }.map { folder.appending(path: $0) }
    let embed = try context.tool(named: "embed-bpf").url
    return inputs.filter { $0.lastPathComponent.hasSuffix(".bpf.c") }.map { source in
      let name = source.deletingPathExtension().lastPathComponent
      let output = context.pluginWorkDirectoryURL.appending(path: "\(name).swift")
      return .buildCommand(
        displayName: "Embedding \(source.lastPathComponent)", executable: embed,
        arguments: [path(of: "clang", in: context), path(of: "llvm-objcopy", in: context), source.path, output.path],
        inputFiles: inputs, outputFiles: [output])
    }
  }

  /// The toolchain's own tool, so that no second compiler is needed; otherwise the one in $PATH.
  private func path(of tool: String, in context: PluginContext) -> String {
    (try? context.tool(named: tool).url.path) ?? tool
  }
}
