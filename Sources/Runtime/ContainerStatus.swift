import CSys
import Cgroups
import Glibc
import Problems
import RuntimeSpec
import Sys

extension ContainerRecord {
  /// Where the container is in its life, as the kernel tells it now.
  func status(in store: RecordStore) -> Status {
    guard isAlive else { return .stopped }
    if exists(store.startSocket(id)) { return .created }
    if (try? cgroup.isFrozen()) == true { return .paused }
    return .running
  }

  /// The process that was recorded is there and not a zombie.
  var isAlive: Bool {
    guard let stat = try? ProcessStat(ofPid: pid), stat.startTime == startTime else { return false }
    return stat.state != UInt8(ascii: "Z") && stat.state != UInt8(ascii: "X")
  }

  /// A descriptor of the recorded process and no other; nil when it has gone.
  func pidfd() throws(Problem) -> OwnedFD? {
    do throws(Errno) {
      let fd = OwnedFD(adopting: try check(csys_pidfd_open(pid, 0)))
      if isAlive { return fd }  // checked after opening: the descriptor cannot change its process any more
      return nil
    } catch {
      if error == .noSuchProcess { return nil }
      throw Problem(code: Problem.Code(error), message: "open process \(pid) of \(id)", cause: error)
    }
  }

  func state(in store: RecordStore) -> State {
    let status = status(in: store)
    var state = State(ociVersion: ociVersion, id: id, status: status, bundle: bundle)
    state.pid = status == .stopped ? 0 : pid
    state.annotations = annotations.isEmpty ? nil : annotations
    return state
  }
}
