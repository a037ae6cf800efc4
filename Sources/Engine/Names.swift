import Problems

/// Names that a user may give to containers and volumes. Source: podman's and Docker's name pattern.
enum ObjectName {
  /// [a-zA-Z0-9][a-zA-Z0-9_.-]*
  static func isValid(_ name: String) -> Bool {
    func alphanumeric(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
    guard let first = name.utf8.first, alphanumeric(first), name.utf8.count <= lengthMax else { return false }
    return name.utf8.allSatisfy {
      alphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
    }
  }
  /// A name becomes a file's name: NAME_MAX less a suffix of ours.
  static let lengthMax = 240

  static func check(_ name: String, what: String = "name") throws(Problem) {
    guard isValid(name) else {
      throw Problem(
        code: .invalid, message: "\(what) \"\(name)\" is not valid",
        hint: "names begin with a letter or digit; letters, digits, \"_\", \".\" and \"-\" follow")
    }
  }
}

enum VolumeName {
  static func check(_ name: String) throws(Problem) {
    do throws(Problem) { try ObjectName.check(name, what: "volume name") } catch {
      guard name.contains("/") else { throw error }
      throw Problem(
        code: error.code, message: error.message,
        hint: "a directory of the host begins with / or ./, as in -v ./\(name):/data")
    }
  }
}

/// Random identities. Source: capability lines PD-38, G.1.
enum Identity {
  /// 64 lower-case hex digits from the kernel's random source.
  static func random() -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for _ in 0..<4 {
      var word = UInt64.random(in: .min ... .max)
      for _ in 0..<16 {
        text.append(digits[Int(word & 15)])
        word >>= 4
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// "amber_heron": 4,096 of them; `attempt` > 2 appends a number.
  static func containerName(attempt: Int) -> String {
    let name = "\(adjectives[Int.random(in: 0..<adjectives.count)])_\(nouns[Int.random(in: 0..<nouns.count)])"
    return attempt > 2 ? "\(name)\(Int.random(in: 2...9_999_999))" : name
  }

  static let adjectives = [
    "amber", "brisk", "calm", "candid", "clever", "coastal", "cosy", "crisp", "daring", "deft", "eager", "early",
    "fair",
    "fleet", "fresh", "gentle", "gilded", "glad", "golden", "grand", "hardy", "hearty", "honest", "humble", "ivory",
    "jolly", "keen", "kind", "lively", "lofty", "loyal", "lucid", "mellow", "merry", "mighty", "misty", "modest",
    "nimble",
    "noble", "northern", "patient", "placid", "plucky", "polite", "proud", "quick", "quiet", "rapid", "rosy", "rustic",
    "salty", "serene", "sharp", "silver", "sober", "spry", "steady", "stout", "sunny", "swift", "tidal", "trim",
    "vivid",
    "wise",
  ]
  static let nouns = [
    "anchor", "bay", "beacon", "bollard", "bosun", "bow", "breeze", "buoy", "cape", "capstan", "cargo", "clipper",
    "compass",
    "cove", "crane", "current", "cutter", "davit", "delta", "dock", "dolphin", "ferry", "fjord", "frigate", "galley",
    "gannet", "gull", "harbour", "hatch", "hawser", "heron", "hull", "inlet", "island", "jetty", "keel", "ketch",
    "lagoon",
    "lantern", "mast", "mooring", "osprey", "otter", "pelican", "pier", "pilot", "port", "puffin", "quay", "reef",
    "rudder",
    "sail", "schooner", "seal", "sextant", "shoal", "skiff", "sloop", "spar", "strait", "tern", "tide", "wharf", "yawl",
  ]
}
