// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Targets stand in the order a connection meets them; imports point up this list only (scripts/check holds the table).
// What the manifest cannot say (static stdlib, the import check) is in scripts/build.

let common: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("ImmutableWeakCaptures"),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
]

/// Where no C is spoken, every unsafe use is marked.
let strict = common + [.strictMemorySafety()]

/// Where bytes move: a debug build checks exclusive access at run time, a release build relies on those checks.
let hot = common + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// Fuzz targets have no main of their own, so they exist only in a fuzzer build (scripts/fuzz).
let isFuzzing = Context.environment["SKEIN_FUZZ"] != nil
let fuzzed = [
  "FuzzHTTP2Client", "FuzzHTTP2Server", "FuzzCertificate", "FuzzFormat", "FuzzManifest", "FuzzObjects",
]
let fuzzers: [Target] = fuzzed.map { name in
  .executableTarget(
    name: name, dependencies: ["Format", "Mesh", "Net", "HTTP", "World", "Rig"], path: "Tests/Fuzz/\(name)",
    swiftSettings: common + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "skein",
  products: [],
  targets: [
    .target(name: "CLinux"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CMnl", pkgConfig: "libmnl", providers: [.apt(["libmnl-dev"])]),
    .systemLibrary(name: "CNftables", pkgConfig: "libnftables", providers: [.apt(["libnftables-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CBPF", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),

    .target(name: "Format", swiftSettings: strict),
    .target(name: "Mesh", dependencies: ["Format"], swiftSettings: strict),
    .target(name: "Net", dependencies: ["Format", "CLinux", "COpenSSL"], swiftSettings: hot),
    .target(name: "HTTP", dependencies: ["Net", "Format", "CNghttp2"], swiftSettings: hot),

    .target(name: "Telemetry", dependencies: ["Mesh", "Format"], swiftSettings: strict),
    .target(name: "Identity", dependencies: ["Net", "Mesh", "Format", "COpenSSL"], swiftSettings: common),
    .target(
      name: "Tunnel", dependencies: ["Net", "HTTP", "Mesh", "Telemetry", "Format"], swiftSettings: strict),
    .target(name: "World", dependencies: ["Mesh", "Format", "CYAML", "CLinux"], swiftSettings: common),

    .target(
      name: "Node",
      dependencies: ["Capture", "Identity", "Tunnel", "World", "Telemetry", "Net", "Mesh", "Format"],
      swiftSettings: strict),
    .executableTarget(name: "skein-node", dependencies: ["Node"], swiftSettings: common),
    .executableTarget(name: "skeinctl", dependencies: ["World", "Mesh", "Format"], swiftSettings: common),

    .executableTarget(name: "embed-bpf", swiftSettings: common),
    .plugin(name: "EmbedBPF", capability: .buildTool(), dependencies: ["embed-bpf"], path: "Sources/EmbedBPF"),
    .target(
      name: "Capture", dependencies: ["Net", "Format", "CBPF", "CMnl", "CNftables"], swiftSettings: common,
      plugins: ["EmbedBPF"]),

    .executableTarget(
      name: "skein-bench", dependencies: ["Format", "Mesh", "Net", "HTTP"], path: "Tests/Bench",
      exclude: ["harness", "thresholds.json"], swiftSettings: common),
    .target(name: "Rig", dependencies: ["Net", "Format"], path: "Tests/Rig", swiftSettings: common),
    .testTarget(name: "FormatTests", dependencies: ["Format"], swiftSettings: common),
    .testTarget(
      name: "MeshTests", dependencies: ["Mesh", "Format"], exclude: ["oracle"], swiftSettings: common),
    .testTarget(name: "SkeinctlTests", dependencies: ["skeinctl", "World", "Mesh", "Format"], swiftSettings: common),
    .testTarget(
      name: "WorldTests", dependencies: ["World", "Mesh", "Format"], exclude: ["oracle"], swiftSettings: common),
    .testTarget(name: "NetTests", dependencies: ["Net", "CLinux", "Format", "Rig"], swiftSettings: common),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Net", "Format", "Rig"], swiftSettings: common),
    .testTarget(name: "CaptureTests", dependencies: ["Capture", "CBPF"], swiftSettings: common),
  ] + (isFuzzing ? fuzzers : [])
)
