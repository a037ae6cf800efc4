import Glibc

/// The benchmark as a container's process: nothing but system calls. It is linked statically, so that it runs anywhere.
enum SystemCalls {
  static let count = 10_000_000

  static func run() -> Never {
    for _ in 0..<count { _ = getppid() }
    exit(0)
  }
}
