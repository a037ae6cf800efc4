// swift-tools-version: 6.2
import PackageDescription

// A package outside of Berth's: in your own, name Berth's repository instead of the path.
let package = Package(
  name: "run-bundle",
  dependencies: [.package(name: "berth", path: "../..")],
  targets: [
    .executableTarget(name: "run-bundle", dependencies: [.product(name: "RuntimeClient", package: "berth")])
  ]
)
