import Problems
import RegistryClient
import Testing

/// `import` of a web address, without a server.
struct DownloadAnswerTests {
  private func answer(_ status: Int, _ length: Int64? = nil) throws -> DownloadAnswer {
    DownloadAnswer(address: try DownloadAnswer.address("http://h:8080/a?token=s"), status: status, length: length)
  }

  @Test(
    arguments: [
      (200, nil), (404, .notFound), (410, .notFound), (401, .denied), (403, .denied), (500, .unavailable),
      (206, .unavailable), (304, .unavailable), (418, .unavailable),
    ] as [(Int, Problem.Code?)]) func statuses(_ status: Int, _ code: Problem.Code?) throws
  {
    let problem = try answer(status).problem
    #expect(problem?.code == code)
    #expect(problem.map { $0.hint != nil && $0.message.contains("h:8080") } ?? true)
    #expect(problem.map { !$0.description.contains("token") } ?? true, "a query may hold a secret")
  }

  @Test(arguments: ["ftp://h/x", "http://u:p@h/x", "http://", "https:/h/x", "http://h:0/x", "http://h/a b"])
  func addressesThatAreNone(_ text: String) {
    #expect(throws: Problem.self) { try DownloadAnswer.address(text) }
  }

  @Test func lengthsAreKept() throws {
    func code(_ length: Int64?, _ received: Int64, isEnd: Bool) throws -> Problem.Code? {
      let answer = try answer(200, length)
      do throws(Problem) { try answer.check(received: received, isEnd: isEnd) } catch { return error.code }
      return nil
    }
    #expect(try code(10, 5, isEnd: false) == nil)
    #expect(try code(10, 10, isEnd: true) == nil)
    #expect(try code(10, 9, isEnd: true) == .unavailable)
    #expect(try code(10, 11, isEnd: false) == .invalid)
    #expect(try code(nil, 11, isEnd: true) == nil)
    #expect(try code(nil, DownloadAnswer.Limit.bytesMax + 1, isEnd: false) == .invalid)
    #expect(try answer(200, DownloadAnswer.Limit.bytesMax + 1).problem?.code == .invalid)
  }
}
