// swift-tools-version: 6.2
import PackageDescription

/// BERTH_WITHOUT_REGISTRY leaves out `berth-registry` and with it swift-nio and async-http-client:
/// the debug build of the unit tests does not need to compile them (scripts/test sets it).
let withRegistry = Context.environment["BERTH_WITHOUT_REGISTRY"] == nil

let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
  // What a program does not call is not linked, and the metadata of its arrays is made at compile time rather than at
  // each start (docs/decisions/0006).
  .unsafeFlags(
    ["-Xfrontend", "-function-sections", "-Xfrontend", "-prespecialize-generic-metadata"],
    .when(configuration: .release)),
]

/// Fully static programs: no loader, no relocation (DESIGN.md, part 1). Release only, because a test
/// bundle that depends on such a target would inherit the flags and fail to link.
let fullyStatic: [LinkerSetting] = [
  .unsafeFlags(["-static-executable", "-Xlinker", "-s", "-Xlinker", "--gc-sections"], .when(configuration: .release))
]
/// CEntry's first instruction instead of libc's: the program protects itself before it begins (docs/decisions/0004).
let protectedStart: [LinkerSetting] = [
  .unsafeFlags(["-Xlinker", "-e", "-Xlinker", "centry_start"], .when(configuration: .release))
]
let staticWithFoundation: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-static-executable", "-Xlinker", "-s", "-Xlinker", "--gc-sections", "-l_FoundationCShims",
      "-l_FoundationCollections", "-lswiftSynchronization", "-lswift_Concurrency", "-lswift_StringProcessing",
      "-lswift_RegexParser",
    ], .when(configuration: .release))
]
let staticStandardLibrary: [LinkerSetting] = [
  .unsafeFlags(["-static-stdlib", "-Xlinker", "-s", "-Xlinker", "--gc-sections"], .when(configuration: .release))
]

/// async-http-client brings FoundationEssentials; the name service needs a dynamic glibc.
let staticStandardLibraryWithFoundation: [LinkerSetting] =
  staticStandardLibrary + [
    .unsafeFlags(["-l_FoundationCShims", "-l_FoundationCollections"], .when(configuration: .release))
  ]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: house)
}
func program(_ name: String, _ dependencies: [Target.Dependency], _ linking: [LinkerSetting]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies + ["CEntry"], swiftSettings: house, linkerSettings: linking)
}
func tests(_ name: String, _ dependencies: [Target.Dependency], goldens: Bool = false) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: dependencies, exclude: goldens ? ["Goldens"] : [], swiftSettings: house)
}
func system(_ name: String, pkgConfig: String, debian package: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

var targets: [Target] = [
  // system
  .target(name: "CEntry", exclude: ["README.md"], cSettings: [.define("_GNU_SOURCE")]),
  .target(name: "CSys", exclude: ["README.md"], cSettings: [.define("_GNU_SOURCE")]),
  library("Sys", ["CSys"]),
  library("Netlink", ["Sys", "CSys"]),
  system("CSQLite", pkgConfig: "sqlite3", debian: "libsqlite3-dev"),
  system("CISAL", pkgConfig: "libisal", debian: "libisal-dev"),
  system("CZstd", pkgConfig: "libzstd", debian: "libzstd-dev"),
  system("CCrypto", pkgConfig: "libcrypto", debian: "libssl-dev"),
  library("DBus", ["Sys", "CSys"]),
  // vocabulary
  library("JSON"),
  library("Problems", ["Sys"]),
  library("RuntimeSpec", ["JSON"]),
  library("ImageSpec", ["JSON", "Problems", "Digests"]),
  library("Digests", ["CCrypto"]),
  // services
  library("Seccomp", ["Sys", "CSys", "JSON", "RuntimeSpec", "Problems"]),
  library("Cgroups", ["DBus", "Sys", "CSys", "RuntimeSpec", "Problems"]),
  library("MonitorProtocol", ["Sys", "CSys", "JSON", "Problems"]),
  library("RegistryProtocol", ["Sys", "CSys", "JSON", "Problems"]),
  library("UnpackProtocol", ["Digests", "Sys", "CSys", "JSON", "Problems"]),
  library("DNSRecords", ["Sys", "CSys", "Problems"]),
  library("StateStore", ["CSQLite", "Sys", "JSON", "Problems"]),
  library(
    "ImageStore",
    ["StateStore", "ImageSpec", "Digests", "RegistryProtocol", "UnpackProtocol", "Sys", "CSys", "JSON", "Problems"]),
  library("Networking", ["Netlink", "Sys", "CSys", "JSON", "Problems"]),
  library("Templates", ["JSON", "Problems"]),
  library("Rootless", ["Sys", "CSys", "Problems"]),
  library("RuntimeClient", ["RuntimeSpec", "Sys", "CSys", "JSON", "Problems"]),
  // libraries behind one program each
  library("Runtime", ["RuntimeSpec", "Seccomp", "Cgroups", "Netlink", "Sys", "CSys", "JSON", "Problems"]),
  library("Monitor", ["MonitorProtocol", "Sys", "CSys", "JSON", "Problems"]),
  library(
    "Unpack", ["UnpackProtocol", "Rootless", "Seccomp", "Digests", "CISAL", "CZstd", "Sys", "CSys", "JSON", "Problems"]),
  library("NameService", ["DNSRecords", "Seccomp", "Sys", "CSys", "Problems"]),
  library(
    "RegistryClient", ["RegistryProtocol", "ImageSpec", "Digests", "Seccomp", "Sys", "CSys", "JSON", "Problems"]),
  library(
    "Engine",
    [
      "ImageStore", "Networking", "StateStore", "ImageSpec", "RuntimeSpec", "MonitorProtocol", "RegistryProtocol",
      "Seccomp", "DNSRecords", "Rootless", "RuntimeClient", "Digests", "Sys", "CSys", "JSON", "Problems",
    ]),
  library(
    "CommandLineInterface",
    [
      "Engine", "ImageStore", "Networking", "Templates", "JSON", "Problems", "Sys", "CSys",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
  // programs
  program("berth", ["CommandLineInterface", "Engine"], staticWithFoundation),
  program("berth-runtime", ["Runtime"], fullyStatic + protectedStart),
  program("berth-monitor", ["Monitor"], fullyStatic),
  program("berth-unpack", ["Unpack"], staticStandardLibrary),
  program("berth-dns", ["NameService"], fullyStatic),
  program("berth-init", ["Sys", "CSys"], fullyStatic),
  program("berth-keeper", ["CSys"], fullyStatic),
  program("berth-hello", ["Sys", "CSys"], fullyStatic),
  .executableTarget(
    name: "berth-bench", dependencies: ["Sys", "CSys", "JSON"], path: "Benchmarks/berth-bench", swiftSettings: house,
    linkerSettings: fullyStatic),
  // tests
  .target(name: "TestKit", dependencies: ["Sys", "CSys", "JSON"], path: "Tests/TestKit", swiftSettings: house),
  tests("Sys", ["Sys", "CSys", "TestKit"]),
  tests("Netlink", ["Netlink", "Sys", "CSys", "TestKit"], goldens: true),
  tests("Networking", ["Networking", "Netlink", "JSON", "Problems", "TestKit"], goldens: true),
  tests("JSON", ["JSON", "TestKit"]),
  tests("Problems", ["Problems", "Sys"]),
  tests("RuntimeSpec", ["RuntimeSpec", "JSON"]),
  tests("ImageSpec", ["ImageSpec", "Digests", "JSON", "Problems", "TestKit"]),
  tests("Seccomp", ["Seccomp", "RuntimeSpec", "JSON", "Problems", "Sys", "CSys", "TestKit"]),
  tests("DBus", ["DBus", "Sys", "TestKit"]),
  tests("Cgroups", ["Cgroups", "DBus", "RuntimeSpec", "Problems", "Sys", "CSys", "TestKit"]),
  tests("MonitorProtocol", ["MonitorProtocol", "Problems", "JSON", "Sys"]),
  tests("RegistryProtocol", ["RegistryProtocol", "Problems", "JSON", "Sys", "CSys"]),
  tests("RegistryClient", ["RegistryClient", "RegistryProtocol", "ImageSpec", "Digests", "Problems", "Sys"]),
  tests("DNSRecords", ["DNSRecords", "Problems", "Sys", "CSys", "TestKit"]),
  tests("NameService", ["NameService", "DNSRecords", "Problems"]),
  tests("StateStore", ["StateStore", "Problems", "JSON", "Sys"]),
  tests("ImageStore", ["ImageStore", "StateStore", "ImageSpec", "Digests", "JSON", "Problems", "Sys"]),
  tests("Rootless", ["Rootless", "Problems"]),
  tests("RuntimeClient", ["RuntimeClient", "Problems", "Sys", "TestKit"]),
  tests("Templates", ["Templates", "JSON", "Problems", "TestKit"]),
  tests("Runtime", ["Runtime", "Cgroups", "RuntimeSpec", "Problems", "Sys", "JSON"]),
  tests("Monitor", ["Monitor", "MonitorProtocol", "Problems", "Sys", "CSys", "JSON"]),
  tests("Unpack", ["Unpack", "UnpackProtocol", "Digests", "JSON", "Problems", "TestKit", "Sys", "CSys"]),
  tests("Engine", ["Engine", "Networking", "Rootless", "RuntimeSpec", "ImageSpec", "JSON", "Problems"]),
  tests("CommandLineInterface", ["CommandLineInterface", "Engine", "ImageStore", "Problems", "JSON"]),
  tests("House", ["TestKit", "Sys"]),
  // the installed release programs, as root: scripts/test builds and installs them first
  tests(
    "Privileged",
    [
      "TestKit", "RuntimeClient", "MonitorProtocol", "RegistryProtocol", "DNSRecords", "Digests", "Problems", "JSON",
      "Sys", "CSys",
    ]),
]

var dependencies: [Package.Dependency] = [
  .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
]
if withRegistry {
  dependencies += [
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
  ]
  targets += [
    library(
      "Registry",
      [
        "RegistryClient", "RegistryProtocol", "ImageSpec", "Digests", "Seccomp", "Problems", "JSON", "Sys", "CSys",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    program("berth-registry", ["Registry"], staticStandardLibraryWithFoundation),
  ]
}

let package = Package(
  name: "berth",
  products: [
    .library(name: "Engine", targets: ["Engine"]), .library(name: "RuntimeClient", targets: ["RuntimeClient"]),
  ],
  dependencies: dependencies,
  targets: targets
)
