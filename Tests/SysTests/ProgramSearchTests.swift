import Glibc
import Sys
import TestKit
import Testing

struct ProgramSearchTests {
  @Test func theFirstThatMayBeExecuted() throws {
    try withScratch { scratch in
      for directory in ["a", "b", "c", "b/tool-dir"] { try makeDirectories("\(scratch)/\(directory)") }
      func put(_ path: String, mode: mode_t) throws {
        try replaceFile("\(scratch)/\(path)", with: [], durable: false)
        #expect(chmod("\(scratch)/\(path)", mode) == 0)
      }
      try put("a/plain", mode: 0o644)
      try put("b/plain", mode: 0o755)
      try put("c/late", mode: 0o755)
      let search = ProgramSearch(path: "relative::\(scratch)/a:\(scratch)/b", more: ["\(scratch)/c"])
      #expect(search.find("plain") == "\(scratch)/b/plain", "what may not be executed is passed over")
      #expect(search.find("late") == "\(scratch)/c/late")
      #expect(search.find("tool-dir") == nil, "a directory is no program")
      #expect(search.find("absent") == nil)
    }
  }
}
