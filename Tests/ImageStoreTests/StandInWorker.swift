import Digests
import Glibc
import ImageStore
import JSON
import Problems
import StateStore
import Sys
import Testing

/// What `berth-unpack` does, as a script without privilege: for tests of the store, not of the worker.
private let standInWorker = """
  #!/bin/sh
  # descriptor 0: layer, 3: directory, 4: answer
  PATH=/usr/bin:/bin; t=$(mktemp -d); cat >$t/in
  if gzip -t $t/in 2>/dev/null; then gzip -dc <$t/in >$t/tar; else cp $t/in $t/tar; fi
  if ! tar -xf $t/tar -C /proc/self/fd/3 2>/dev/null; then
    echo '{"error":"not a tar","code":"invalid"}' >&4; rm -r $t; exit 1
  fi
  d() { sha256sum <$1 | cut -c1-64; }
  b() { stat -c %s $1; }
  printf '{"compressedDigest":"sha256:%s","compressedBytes":%s,' $(d $t/in) $(b $t/in) >$t/answer
  printf '"diffID":"sha256:%s","bytes":%s,"entries":1}' $(d $t/tar) $(b $t/tar) >>$t/answer
  cat $t/answer >&4
  rm -r $t

  """

/// A store of one test's own, and tools to make archives for it.
struct Workshop {
  let path: String
  var root: String { path + "/root" }

  static func with<R>(_ body: (Workshop) throws -> R) throws -> R {
    let path = "/tmp/berth-images-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try makeDirectories(path + "/libexec", mode: 0o700)
    defer { try? removeTree(path) }
    try replaceFile(path + "/libexec/berth-unpack", with: Array(standInWorker.utf8), mode: 0o755, durable: false)
    return try body(Workshop(path: path))
  }

  func library() throws -> ImageLibrary {
    try ImageLibrary(store: try Store(root: root), programs: ImagePrograms(libexec: path + "/libexec", environment: []))
  }

  func shell(_ script: String) throws {
    var spawn = Spawn("/bin/sh", ["-ec", script], environment: ["PATH=/usr/bin:/bin"])
    spawn.descriptors = [-1, 1, 2]
    let child = try spawn.start()
    let status = try child.wait()
    #expect(status == .exited(code: 0), "\(script)")
  }

  /// A tar with one file. - Returns: its path and digest.
  func layer(_ name: String, _ content: String) throws -> (path: String, digest: Digest) {
    let tar = "\(path)/\(name).tar"
    let tree = "\(path)/t-\(name)"
    try shell("mkdir -p \(tree); printf %s '\(content)' >\(tree)/\(name); tar --mtime=@0 -C \(tree) -cf \(tar) .")
    return (tar, Digest(of: try readFile(tar)))
  }

  func config(_ layers: [Digest], author: String = "me") -> [UInt8] {
    let json: JSON = [
      "created": "2026-01-02T03:04:05.5Z", "author": JSON(author), "architecture": "amd64", "os": "linux",
      "config": ["Env": ["A=1"], "Cmd": ["sh"], "Labels": ["team": "blue"]],
      "rootfs": ["type": "layers", "diff_ids": JSON(layers.map(\.description))],
      "history": [["created_by": "first"], ["created_by": "env", "empty_layer": true]],
    ]
    return json.bytes()
  }

  /// One image of a docker-archive.
  struct Image {
    let tags: [String]
    let layers: [String]
    let config: [UInt8]
  }

  /// - Parameter mangle: a script that spoils the archive's files.
  func dockerArchive(_ images: [Image], mangle: String = ":") throws -> String {
    let directory = "\(path)/docker-\(randomID().prefix(8))"
    try makeDirectories(directory)
    var entries: [JSON] = []
    for (number, image) in images.enumerated() {
      let name = Digest(of: image.config).hex + ".json"
      try replaceFile("\(directory)/\(name)", with: image.config, durable: false)
      var names: [String] = []
      for (place, layer) in image.layers.enumerated() {
        names.append("\(number)-\(place).tar")
        try shell("cp \(layer) \(directory)/\(number)-\(place).tar")
      }
      entries.append(["Config": JSON(name), "RepoTags": JSON(image.tags), "Layers": JSON(names)])
    }
    try replaceFile("\(directory)/manifest.json", with: JSON.array(entries).bytes(), durable: false)
    try shell("cd \(directory); \(mangle); tar -cf \(directory).tar .")
    return directory + ".tar"
  }

  /// What lies below `layers` and `blobs`, and the intents.
  func leftovers() throws -> (layers: [String], blobs: [String], intents: Int) {
    let layers = ((try? entries(ofPath: root + "/layers")) ?? []).map(\.name).sorted()
    let blobs = ((try? entries(ofPath: root + "/blobs/sha256")) ?? []).map(\.name).sorted()
    return (layers, blobs, try Store(root: root).intents.list().count)
  }
}

func problem(_ body: () throws -> Void) -> Problem? {
  do { try body() } catch { return error as? Problem }
  return nil
}
