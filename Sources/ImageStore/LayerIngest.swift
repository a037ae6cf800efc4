import CSys
import Digests
import Glibc
import Problems
import RegistryProtocol
import StateStore
import Sys
import UnpackProtocol

/// Fetches and unpacks layers, several at a time, each by its own worker into its own directory.
///
/// One loop over poll(2): the registry's events and the ends of the workers. Nothing becomes visible here; the caller
/// moves the directories into place.
final class LayerIngest {
  /// One layer in work.
  private final class Task {
    let number: Int
    let layer: IncomingLayer
    let diffID: Digest?
    let directory: String
    /// What progress reports call it.
    let label: String
    var worker: UnpackWorker?
    /// The registry's request, until its last event.
    var request: RegistryConnection.RequestID?
    var fetchProblem: Problem?
    var result: Result<UnpackedLayer, Problem>?
    /// When the worker failed while the registry had not said its last word.
    var waitingSince: ContinuousClock.Instant?

    init(number: Int, layer: IncomingLayer, diffID: Digest?, directory: String) {
      self.number = number
      self.layer = layer
      self.diffID = diffID
      self.directory = directory
      label = (layer.digest ?? diffID)?.description ?? ""
    }
  }

  private enum Limit {
    /// Bytes that a layer's pipe holds between the registry program and the worker.
    static let pipeBytes = 1 << 20
  }
  /// `F_SETPIPE_SZ`, which glibc's module does not show.
  private let pipeSizeCommand: CInt = 1031

  /// A finished layer: where it lies, and its row.
  struct Unpacked {
    let directory: String
    let record: LayerRecord
  }

  private let library: ImageLibrary
  private let partialPrefix: String
  private let label: String
  private let progress: (ImageProgress) -> Void
  private var waiting: [Task] = []
  private var running: [Task] = []
  private var connection: RegistryConnection?
  private(set) var done: [Int: Unpacked] = [:]

  /// - Parameter label: the image's name, for messages.
  init(_ library: ImageLibrary, partialPrefix: String, label: String, progress: @escaping (ImageProgress) -> Void) {
    self.library = library
    self.partialPrefix = partialPrefix
    self.label = label
    self.progress = progress
  }

  /// Adds a layer. - Parameter diffID: what it must turn out to be; nil takes any.
  func add(_ number: Int, _ layer: IncomingLayer, diffID: Digest?) {
    let directory = "\(library.root)/layers/\(partialPrefix)\(number)"
    waiting.append(Task(number: number, layer: layer, diffID: diffID, directory: directory))
    progress(.layer(digest: waiting[waiting.count - 1].label, .waiting))
  }

  /// Works until all layers are there, or the first problem.
  func run() throws(Problem) {
    do throws(Problem) {
      while !waiting.isEmpty || !running.isEmpty {
        while running.count < ImageLibrary.Limit.parallelLayers, !waiting.isEmpty { try start(waiting.removeFirst()) }
        try step()
      }
    } catch {
      for task in running { stop(task) }
      running = []
      throw error
    }
  }

  private func start(_ task: Task) throws(Problem) {
    if case .unpacked(let directory, let record) = task.layer.source {
      done[task.number] = Unpacked(directory: directory, record: record)
      return
    }
    let inner = task.directory + "/diff"
    let target = try doing("make \(inner)", hint: library.diskHint) { () throws(Errno) in
      try makeDirectories(parentPath(of: task.directory), mode: 0o711)
      try makeDirectory(task.directory, mode: 0o755)
      try makeDirectory(inner, mode: 0o755)
      return try open(inner, O_RDONLY | O_DIRECTORY)
    }
    switch task.layer.source {
    case .registry(let connection, let name):
      guard let digest = task.layer.digest, let size = task.layer.size else {
        preconditionFailure("a blob without digest")
      }
      let blob = RegistryRequest.BlobRequest(name: name, digest: digest.description, size: size, kind: .layer)
      try stream(.blob(blob), over: connection, task, into: target)
    case .download(let connection, let url):
      try stream(.download(url: url), over: connection, task, into: target)
    case .file(let opened):
      let file = try opened()
      task.worker = try UnpackWorker(
        program: library.programs.unpack, input: file.borrowed, directory: target.borrowed)
    case .unpacked: break
    }
    progress(.layer(digest: task.label, .fetching(bytes: 0, total: task.layer.size ?? 0)))
    running.append(task)
  }

  /// The registry program writes into a pipe, the worker reads it.
  private func stream(
    _ request: RegistryRequest, over connection: RegistryConnection, _ task: Task, into target: borrowing OwnedFD
  ) throws(Problem) {
    self.connection = connection
    let pipe = try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
    _ = csys_fcntl(pipe.writer.borrowed, pipeSizeCommand, Limit.pipeBytes)
    task.worker = try UnpackWorker(
      program: library.programs.unpack, input: pipe.reader.borrowed, directory: target.borrowed)
    task.request = try connection.send(request, descriptor: pipe.writer.borrowed)
  }

  /// Waits for something to happen, and deals with it.
  private func step() throws(Problem) {
    if running.isEmpty { return }
    var polls: [pollfd] = []
    if let connection, running.contains(where: { $0.request != nil }) {
      polls.append(pollfd(fd: connection.descriptor, events: CShort(POLLIN), revents: 0))
    }
    let withRegistry = !polls.isEmpty
    let working = running.filter { $0.result == nil }
    polls += working.map { pollfd(fd: $0.worker?.pidfd ?? -1, events: CShort(POLLIN), revents: 0) }
    let grace: CInt = working.count == running.count ? -1 : 200
    let ready = csys_poll(&polls, CUnsignedInt(polls.count), grace)
    if ready < 0, ready != -EINTR {
      throw Problem(code: .bug, message: "wait for layers", cause: Errno(rawValue: -ready))
    }
    if ready > 0 {
      // The registry's word first: if it broke off, the worker's complaint about the end of its input is no news.
      if withRegistry, polls[0].revents != 0, let connection {
        while let (id, event) = try connection.nextEvent(timeout: .zero) { take(id, event) }
      }
      for (task, poll) in zip(working, polls.dropFirst(withRegistry ? 1 : 0)) where poll.revents != 0 {
        finishWorker(task)
      }
    }
    for task in running where isOver(task) {
      running.removeAll { $0 === task }
      try conclude(task)
    }
  }

  private func take(_ id: RegistryConnection.RequestID, _ event: RegistryEvent) {
    guard let task = running.first(where: { $0.request == id }) else { return }
    switch event {
    case .progress(let bytes):
      progress(.layer(digest: task.label, .fetching(bytes: bytes, total: task.layer.size ?? 0)))
    case .done: task.request = nil
    case .failed(let problem):
      task.request = nil
      task.fetchProblem = problem
    case .resolved, .trying, .credentialsNeeded: break
    }
  }

  private func finishWorker(_ task: Task) {
    guard let worker = task.worker.take() else { return }
    do throws(Problem) { task.result = .success(try worker.wait()) } catch {
      task.result = .failure(error)
      task.waitingSince = .now
    }
  }

  private func isOver(_ task: Task) -> Bool {
    guard task.result != nil else { return false }
    if task.request == nil { return true }
    // The worker has failed: was it the network? The registry says so at once, or never.
    guard let since = task.waitingSince else { return false }
    return .now - since > .milliseconds(500)
  }

  private func conclude(_ task: Task) throws(Problem) {
    let what = (task.layer.digest ?? task.diffID).map { "layer \($0.short) of \(label)" } ?? label  // an import's tar
    // `.conflict` is the registry's word for "nobody reads the layer any more": then the worker knows why.
    if let problem = task.fetchProblem, problem.code != .conflict {
      let hint = problem.hint ?? "try again; if it stays so, the registry has lost the layer: push the image again"
      throw Problem(code: problem.code, message: "fetch \(what)", hint: hint, cause: problem)
    }
    let unpacked: UnpackedLayer
    switch task.result {
    case .success(let layer)?: unpacked = layer
    case .failure(let problem)?:
      let damage =
        task.layer.digest == nil && task.diffID == nil
        ? "import reads a root filesystem's tar, plain or packed with gzip or zstd"
        : "the layer is damaged where it comes from: try again, or ask who made the image"
      let hint =
        switch problem.code {
        case .unavailable: library.diskHint
        case .unsupported:
          "more subordinate ids make it possible: usermod(8), --add-subuids; then: berth system migrate"
        default: damage
        }
      throw Problem(code: problem.code, message: "unpack \(what)", hint: problem.hint ?? hint, cause: problem)
    case nil: preconditionFailure("a layer without result")
    }
    try check(unpacked, task, what)
    let record = LayerRecord(
      diffID: unpacked.diffID.hex, compressedDigest: unpacked.compressedDigest.description,
      compressedSize: unpacked.compressedBytes, size: unpacked.bytes, entries: unpacked.entries)
    done[task.number] = Unpacked(directory: task.directory, record: record)
    progress(.layer(digest: task.label, .done(total: unpacked.compressedBytes)))
  }

  private func check(_ unpacked: UnpackedLayer, _ task: Task, _ what: String) throws(Problem) {
    let hint = "what came is not what the image names: try again, or use another registry or mirror"
    if let digest = task.layer.digest, unpacked.compressedDigest != digest {
      throw Problem(
        code: .invalid, message: "\(what) has the wrong digest: expected \(digest), got \(unpacked.compressedDigest)",
        hint: hint)
    }
    if let size = task.layer.size, unpacked.compressedBytes != size {
      throw Problem(
        code: .invalid, message: "\(what) has \(unpacked.compressedBytes) bytes instead of \(size)", hint: hint)
    }
    if let diffID = task.diffID, unpacked.diffID != diffID {
      throw Problem(
        code: .invalid,
        message: "\(what) unpacks to \(unpacked.diffID), but the image's configuration says \(diffID)", hint: hint)
    }
  }

  private func stop(_ task: Task) {
    if let request = task.request, let connection { _ = try? connection.send(.cancel(target: request)) }
    guard let worker = task.worker.take() else { return }
    worker.cancel()
    _ = try? worker.wait()
  }
}
