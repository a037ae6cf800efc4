import CSys
import Glibc
import Problems
import RegistryClient
import Sys

/// The life of `berth-registry`: read the configuration, shut itself in, answer until the engine has gone.
package enum Program {
  /// The engine's socket.
  private static let socketNumber: CInt = 3

  /// - Returns: the exit status.
  package static func run(arguments: [String]) -> CInt {
    signal(SIGPIPE, SIG_IGN)
    guard csys_fcntl(socketNumber, F_GETFD, 0) >= 0 else {
      complain("berth-registry is started by berth and has no socket")
      return 125
    }
    let socket = OwnedFD(adopting: socketNumber)
    _ = csys_fcntl(socket.borrowed, F_SETFD, Int(FD_CLOEXEC))
    let configuration: Result<Configuration, Problem>
    do throws(Problem) {
      configuration = .success(try Configuration(arguments: arguments) { environmentVariable($0) })
    } catch { configuration = .failure(error) }
    do throws(Problem) {
      try Enclosure.enter()
      let service: Service
      do throws(Errno) { service = try Service(socket: socket, configuration: configuration) } catch {
        throw Problem(code: .unavailable, message: "berth-registry cannot start", cause: error)
      }
      try service.run()
      return 0
    } catch {
      complain(error.description)
      return 125
    }
  }

  private static func complain(_ text: String) { try? writeAll(2, text + "\n") }
}
