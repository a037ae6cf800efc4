import Problems
import Sys

/// `berth documentation`: writes completions and manual pages; `make install` calls it.
struct DocumentationCommand: Command {
  var manualDirectory: String?
  var completion: String?
  var given: [String] = []
  init() {}

  static var about: About { About("documentation", "Write completions and manual pages", hidden: true) }
  static var flags: [Flag<Self>] {
    [
      .value("man", "directory", "Write the manual pages there", completion: .directory) { $0.manualDirectory = $1 },
      .value("completion", "shell", "Print the completion script: bash, zsh or fish") { $0.completion = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    if let completion {
      guard let script = Documentation.completionScript(for: completion) else {
        throw choice("--completion", completion, ["bash", "zsh", "fish"])
      }
      context.output.write(script)
    }
    if let manualDirectory {
      try doing("make directory \(manualDirectory)") { () throws(Errno) in try makeDirectories(manualDirectory) }
      for page in ManualPage.all {
        let path = "\(manualDirectory)/\(page.name).1"
        try doing("write \(path)") { () throws(Errno) in
          try replaceFile(path, with: Array(page.text.utf8), durable: false)
        }
      }
    }
    return 0
  }
}
