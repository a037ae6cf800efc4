package import Problems

/// The format: a line is a word and its arguments, one space apart; `container` begins a block.
///
///     berth-dns 1
///     network front
///     internal
///     listen 10.89.0.1
///     upstream 9.9.9.9
///     zone example.org 192.0.2.1
///     container 4f5e… web
///     hostname web1
///     alias www
///     address 10.89.0.2
///     upstream 1.1.1.1
///     end
///
/// The first and the last line are always there; a word that is not known is ignored, so that an older service reads
/// what a newer engine writes.
extension NetworkRecords {
  static let signature = "berth-dns 1"

  /// - Throws: `.invalid` for a name with spaces or control bytes, or for more than a limit.
  package func text() throws(Problem) -> [UInt8] {
    var writer = RecordWriter(network: name)
    writer.output.append(contentsOf: (Self.signature + "\n").utf8)
    try writer.line("network", [name])
    if isInternal { try writer.line("internal", []) }
    try writer.lines("listen", listenAddresses.map(\.description), atMost: Limit.listenAddressesMax)
    try writer.lines("upstream", upstreams.map(\.description), atMost: Limit.upstreamsMax)
    if zones.count > Limit.zonesMax { throw writer.excess("zone", Limit.zonesMax) }
    for zone in zones { try writer.line("zone", [zone.name, zone.server.description]) }
    if containers.count > Limit.containersMax { throw writer.excess("container", Limit.containersMax) }
    for container in containers {
      try writer.line("container", [container.id, container.name])
      if let hostname = container.hostname { try writer.line("hostname", [hostname]) }
      try writer.lines("alias", container.aliases, atMost: Limit.aliasesMax)
      try writer.lines("address", container.addresses.map(\.description), atMost: Limit.addressesMax)
      try writer.lines("upstream", container.upstreams.map(\.description), atMost: Limit.upstreamsMax)
    }
    writer.output.append(contentsOf: "end\n".utf8)
    return writer.output
  }

  /// - Throws: `.invalid`, naming the line; nothing is half read.
  package init(text: [UInt8]) throws(Problem) {
    self.init(name: "")
    if text.count > Limit.fileBytesMax { throw Self.refusal(1, "more than \(Limit.fileBytesMax) bytes") }
    var number = 0
    var isComplete = false
    for line in text.split(separator: 10, omittingEmptySubsequences: false) {
      number += 1
      if isComplete {
        if line.isEmpty { continue }  // behind the last newline
        throw Self.refusal(number, "text behind the end")
      }
      if number == 1 {
        guard line.elementsEqual(Self.signature.utf8) else { throw Self.refusal(1, "not \"\(Self.signature)\"") }
        continue
      }
      let words = try Self.words(line, number)
      isComplete = words[0] == "end"
      do throws(Refused) { try take(words) } catch { throw Self.refusal(number, error.reason) }
    }
    if !isComplete { throw Self.refusal(number, "cut off: the last line is not \"end\"") }
    if name.isEmpty { throw Self.refusal(number, "no network line") }
  }

  private struct Refused: Error { let reason: String }

  private mutating func take(_ words: [String]) throws(Refused) {
    switch (words[0], words.count) {
    case ("network", 2): name = words[1]
    case ("internal", 1): isInternal = true
    case ("listen", 2): try Self.add(try Self.address(words[1]), to: &listenAddresses, Limit.listenAddressesMax)
    case ("upstream", 2) where containers.isEmpty:
      try Self.add(try Self.address(words[1]), to: &upstreams, Limit.upstreamsMax)
    case ("zone", 3):
      try Self.add(Zone(name: words[1], server: try Self.address(words[2])), to: &zones, Limit.zonesMax)
    case ("container", 3): try Self.add(Container(id: words[1], name: words[2]), to: &containers, Limit.containersMax)
    case ("hostname", 2), ("alias", 2), ("address", 2), ("upstream", 2):
      if containers.isEmpty { throw Refused(reason: "\(words[0]) before the first container") }
      try Self.take(words[0], words[1], into: &containers[containers.count - 1])
    case ("network", _), ("internal", _), ("listen", _), ("container", _), ("hostname", _), ("alias", _),
      ("address", _), ("upstream", _), ("zone", _):
      throw Refused(reason: "\(words[0]) with \(words.count - 1) arguments")
    default: break
    }
  }

  private static func take(_ word: String, _ value: String, into container: inout Container) throws(Refused) {
    switch word {
    case "hostname": container.hostname = value
    case "alias": try add(value, to: &container.aliases, Limit.aliasesMax)
    case "address": try add(try address(value), to: &container.addresses, Limit.addressesMax)
    default: try add(try address(value), to: &container.upstreams, Limit.upstreamsMax)
    }
  }

  private static func add<E>(_ element: E, to list: inout [E], _ most: Int) throws(Refused) {
    if list.count >= most { throw Refused(reason: "more than \(most) of its kind") }
    list.append(element)
  }
  private static func address(_ text: String) throws(Refused) -> HostAddress {
    guard let address = HostAddress(text) else { throw Refused(reason: "\(text) is no address") }
    return address
  }

  private static func words(_ line: ArraySlice<UInt8>, _ number: Int) throws(Problem) -> [String] {
    var words: [String] = []
    for word in line.split(separator: 0x20, omittingEmptySubsequences: false) {
      if let reason = Self.reasonAgainst(word) { throw refusal(number, reason) }
      words.append(String(decoding: word, as: UTF8.self))
    }
    return words
  }
  /// Why these bytes cannot be a word; nil where they can.
  static func reasonAgainst(_ word: some Collection<UInt8>) -> String? {
    if word.isEmpty { return "an empty word" }
    if word.count > Limit.wordBytesMax { return "a word of more than \(Limit.wordBytesMax) bytes" }
    return word.allSatisfy { (0x21...0x7e).contains($0) } ? nil : "a byte that is not printable ASCII"
  }
  private static func refusal(_ line: Int, _ reason: String) -> Problem {
    Problem(code: .invalid, message: "line \(line) of the network's records: \(reason)")
  }
}

private struct RecordWriter {
  let network: String
  var output: [UInt8] = []

  init(network: String) { self.network = network }

  mutating func line(_ word: String, _ arguments: [String]) throws(Problem) {
    output.append(contentsOf: word.utf8)
    for argument in arguments {
      if let reason = NetworkRecords.reasonAgainst(argument.utf8) {
        throw Problem(
          code: .invalid, message: "\(word) \"\(argument)\" in the records of network \(network): \(reason)")
      }
      output.append(0x20)
      output.append(contentsOf: argument.utf8)
    }
    output.append(10)
  }
  mutating func lines(_ word: String, _ values: [String], atMost most: Int) throws(Problem) {
    if values.count > most { throw excess(word, most) }
    for value in values { try line(word, [value]) }
  }
  func excess(_ word: String, _ most: Int) -> Problem {
    Problem(code: .invalid, message: "records of network \(network): more than \(most) of \(word)")
  }
}
