import Glibc
import Problems
import StateStore
import Sys
import Testing

/// A directory of one test's own.
func withDirectory<R>(_ body: (String) throws -> R) throws -> R {
  let path = "/tmp/berth-state-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
  try makeDirectories(path, mode: 0o700)
  defer { try? removeTree(path) }
  return try body(path)
}

func container(_ name: String, id: String = randomID(), image: String? = nil) -> ContainerRecord {
  ContainerRecord(id: id, name: name, imageID: image, created: nanosecondsNow(), config: #"{"name":"\#(name)"}"#)
}

func code(_ body: () throws -> Void) -> Problem.Code? {
  do { try body() } catch let problem as Problem { return problem.code } catch {}
  return nil
}
func problem(_ body: () throws -> Void) -> Problem? {
  do { try body() } catch { return error as? Problem }
  return nil
}

/// Each test runs on a database in a file and on one in memory: one contract (covers PD-24).
enum Kind: CaseIterable { case file, memory }
func withStore(_ kind: Kind, _ body: (Store) throws -> Void) throws {
  try withDirectory { directory in
    try body(kind == .file ? try Store(root: directory) : try Store(inMemory: directory))
  }
}

struct ContainerTableTests {
  // covers PD-24, PD-166, PD-167
  @Test(arguments: Kind.allCases) func storesAndChanges(_ kind: Kind) throws {
    try withStore(kind) { store in
      let web = container("web")
      try store.containers.insert(web)
      var status = try #require(try store.containers.get(web.id)).status
      #expect(status == ContainerStatus(state: .configured))
      status.state = .running
      (status.pid, status.startTime, status.monitorPid, status.monitorStartTime) = (42, .max, 43, 7)
      (status.exited, status.exitCode, status.started, status.finished) = (true, -1, 5, 6)
      (status.outOfMemory, status.stoppedByUser, status.restartCount, status.error) = (true, true, 3, "no")
      try store.containers.update(web.id, status, durable: false)
      let again = try #require(try store.containers.get(web.id))
      #expect(again.status == status)
      #expect(again.config == web.config)
      #expect(try store.containers.has(web.id))
      #expect(try store.containers.list(in: [.running]).map(\.id) == [web.id])
      #expect(try store.containers.list(in: [.exited, .stopped]).isEmpty)
      #expect(try store.containers.counts() == [.running: 1])
      try store.containers.delete(web.id, durable: true)
      #expect(try store.containers.get(web.id) == nil)
      #expect(code { try store.containers.update(web.id, status, durable: false) } == .notFound)
      #expect(code { try store.containers.delete(web.id, durable: true) } == .notFound)
    }
  }

  // covers PD-26
  @Test(arguments: Kind.allCases) func namesAndIDsAreUnique(_ kind: Kind) throws {
    try withStore(kind) { store in
      let first = container("web")
      try store.containers.insert(first)
      let taken = problem { try store.containers.insert(container("web")) }
      #expect(taken?.code == .conflict)
      #expect(taken?.message == "the name \"web\" is in use by container \(first.id.prefix(12))")
      #expect(code { try store.containers.insert(container("other", id: first.id)) } == .conflict)
      #expect(try store.names.owner(of: "other") == nil)
      try store.containers.rename(first.id, to: "www")
      try store.containers.insert(container("web"))
      #expect(code { try store.containers.rename(first.id, to: "web") } == .conflict)
      #expect(try store.names.owner(of: "www")?.id == first.id)
    }
  }

  // covers PD-27
  @Test(arguments: Kind.allCases) func looksUpByNameIDAndPrefix(_ kind: Kind) throws {
    try withStore(kind) { store in
      let a = container("web", id: "abc" + String(repeating: "0", count: 61))
      let b = container("db", id: "abd" + String(repeating: "0", count: 61))
      let c = container("ab", id: "c" + String(repeating: "1", count: 63))
      for each in [a, b, c] { try store.containers.insert(each) }
      #expect(try store.containers.lookup("web").id == a.id)
      #expect(try store.containers.lookup(b.id).id == b.id)
      #expect(try store.containers.lookup("abd").id == b.id)
      #expect(try store.containers.lookup("ab").id == c.id, "a full name goes before a prefix")
      let ambiguous = problem { _ = try store.containers.lookup("a") }
      #expect(ambiguous?.code == .conflict)
      #expect(ambiguous?.message == "more than one result for container ID a: abc000000000 (web), abd000000000 (db)")
      #expect(code { _ = try store.containers.lookup("xyz") } == .notFound)
      #expect(code { _ = try store.containers.lookup("%") } == .notFound)
      #expect(code { _ = try store.containers.lookup("") } == .invalid)
      #expect(code { _ = try store.containers.lookup("' OR 1 --") } == .notFound)
      try store.database.run("INSERT INTO names VALUES('infra', 'f00', 'pod')")
      #expect(problem { _ = try store.containers.lookup("infra") }?.message == "infra is a pod, not a container")
    }
  }

  // covers PD-36
  @Test func stateNamesParseBothWays() throws {
    for state in ContainerState.allCases { #expect(try ContainerState(parsing: state.rawValue) == state) }
    #expect(code { _ = try ContainerState(parsing: "sleeping") } == .invalid)
  }
}

struct VolumeAndSessionTests {
  @Test(arguments: Kind.allCases) func volumesInUseStay(_ kind: Kind) throws {
    try withStore(kind) { store in
      try store.volumes.insert(VolumeRecord(name: "data", created: 1))
      try store.volumes.insert(VolumeRecord(name: "dump", created: 2, anonymous: true))
      #expect(code { try store.volumes.insert(VolumeRecord(name: "data", created: 1)) } == .conflict)
      let web = container("web")
      try store.containers.insert(web, volumes: [("data", "/data")])
      #expect(
        problem { try store.volumes.delete("data") }?.message
          == "volume data is being used by the following container(s): \(web.id.prefix(12))")
      #expect(try store.volumes.list(ofContainer: web.id).map(\.name) == ["data"])
      #expect(try store.volumes.lookup("dat").name == "data")
      #expect(code { _ = try store.volumes.lookup("d") } == .conflict)
      #expect(code { _ = try store.volumes.lookup("nothing") } == .notFound)
      try store.containers.delete(web.id, durable: false)
      try store.volumes.delete("data")
      #expect(try store.volumes.list().map(\.name) == ["dump"])
    }
  }

  @Test(arguments: Kind.allCases) func sessionsBelongToContainers(_ kind: Kind) throws {
    try withStore(kind) { store in
      let web = container("web")
      try store.containers.insert(web)
      var session = ExecSessionRecord(id: randomID(), containerID: web.id, created: 1, config: "{}")
      try store.execSessions.insert(session)
      #expect(code { try store.execSessions.insert(session) } == .conflict)
      (session.state, session.pid) = ("running", 7)
      try store.execSessions.update(session)
      #expect(try store.execSessions.list(ofContainer: web.id).map(\.pid) == [7])
      let stray = ExecSessionRecord(id: randomID(), containerID: randomID(), created: 1, config: "{}")
      #expect(code { try store.execSessions.insert(stray) } == .notFound)
      try store.containers.delete(web.id, durable: false)
      #expect(try store.execSessions.get(session.id) == nil)
    }
  }
}
