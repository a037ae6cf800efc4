import MonitorProtocol
import Problems
import Testing

// covers PD-68, OC-13
@Suite struct DetachKeysTests {
  @Test(
    arguments: [
      ("ctrl-p,ctrl-q", [0x10, 0x11]), ("", []), ("a", [0x61]), ("ctrl-@", [0]),
      ("ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", [27, 28, 29, 30, 31]),
      ("CTRL-A,z", [1, 0x7a]), ("ctrl-x,ctrl-x", [24, 24]), ("~,.", [0x7e, 0x2e]), (" ", [0x20]),
    ] as [(String, [UInt8])]) func goodKeys(_ text: String, _ bytes: [UInt8]) throws
  {
    #expect(try DetachKeys(text).bytes == bytes)
  }

  @Test(arguments: [
    "ctrl-", "ctrl-1", "ctrl-ab", "ab", ",", "a,", "a,,b", "ctrl-p ctrl-q", "é", "\u{1}", "ctrl-`", "shift-a",
  ])
  func badKeys(_ text: String) {
    let problem = #expect(throws: Problem.self) { try DetachKeys(text) }
    #expect(problem?.code == .invalid)
  }

  /// keys, what is typed (each text is one read), what passes, whether it detaches
  @Test(arguments: [
    ("ctrl-p,ctrl-q", ["abc"], "abc", false),
    ("ctrl-p,ctrl-q", ["ab\u{10}\u{11}cd"], "ab", true),
    ("ctrl-p,ctrl-q", ["\u{10}", "\u{11}"], "", true),
    ("ctrl-p,ctrl-q", ["\u{10}", "x"], "\u{10}x", false),
    ("ctrl-p,ctrl-q", ["\u{10}\u{10}\u{11}"], "\u{10}", true),
    ("ctrl-p,ctrl-q", ["\u{11}\u{10}"], "\u{11}\u{10}", false),  // the last byte is held until the end
    ("a,a,b", ["aaab"], "a", true),
    ("a,b,a,c", ["ababac"], "ab", true),
    ("a,b,a,c", ["abab"], "abab", false),
    ("", ["\u{10}\u{11}"], "\u{10}\u{11}", false),
    ("q", ["hello q"], "hello ", true),
  ]) func whatPasses(_ keys: String, _ typed: [String], _ passed: String, _ detaches: Bool) throws {
    var watch = DetachWatch(try DetachKeys(keys))
    var result: [UInt8] = []
    var isDetached = false
    for text in typed where !isDetached {
      let step = watch.pass(Array(text.utf8))
      result += step.bytes
      isDetached = step.isDetached
    }
    if !isDetached { result += watch.finish() }
    #expect(String(decoding: result, as: UTF8.self) == passed)
    #expect(isDetached == detaches)
  }
}
