import JSON
import TestKit
import Testing

@testable import Templates

private let container: JSON = [
  "ID": "0123456789ab", "Names": "web", "Pid": 42, "Ratio": .number("0.25"), "Running": true, "Empty": "",
  "Nothing": nil,
  "State": ["Status": "running", "ExitCode": 0],
  "Labels": ["b": "2", "a": "1", "com.example/x": "y"],
  "Mounts": [["Source": "/a", "RW": true], ["Source": "/b", "RW": false]],
  "Command": ["sleep", "10"],
]

private func fill(_ text: String, _ value: JSON = container) throws -> String { try Template(text).fill(value) }

/// covers LP-33, LP-35
@Suite struct TemplateTests {
  @Test(arguments: [
    ("plain text", "plain text"),
    ("{{.Names}}", "web"),
    ("{{ .Names }}|{{.ID}}", "web|0123456789ab"),
    ("{{.State.Status}}", "running"),
    ("{{.id}} {{.state.status}}", "0123456789ab running"),
    ("{{.Pid}} {{.Ratio}} {{.Running}}", "42 0.25 true"),
    ("{{.Labels}}", "map[a:1 b:2 com.example/x:y]"),
    ("{{.Command}}", "[sleep 10]"),
    ("{{.Nothing}}", "<no value>"),
    ("{{$.Names}} {{(.State).Status}} {{$x := .State}}{{$x.Status}}", "web running running"),
    ("{{.Label \"a\"}}|{{.Label \"nope\"}}", "1|"),
    ("{{/* a comment */}}x{{- /* and another */ -}}  y", "xy"),
    ("a  {{- .Names -}}  b", "awebb"),
    ("a  {{.Names}}  b", "a  web  b"),
    ("{{\"quoted \\\"text\\\"\\n\"}}", "quoted \"text\"\n"),
    ("{{`raw \\n`}} {{'a'}} {{0x10}} {{-3}} {{1_000}}", "raw \\n 97 16 -3 1000"),
  ]) func fields(_ text: String, _ wanted: String) throws { #expect(try fill(text) == wanted) }

  @Test(arguments: [
    ("{{json .State}}", #"{"Status":"running","ExitCode":0}"#),
    ("{{.Command | json}}", #"["sleep","10"]"#),
    ("{{join .Command \" \"}}", "sleep 10"),
    ("{{index (split .ID \"4\") 0}}", "0123"),
    ("{{split \"a,b,,c\" \",\"}}", "[a b  c]"),
    ("{{upper .Names}} {{lower \"ABC\"}} {{title \"two words\"}}", "WEB abc Two Words"),
    ("{{len .Command}} {{len .Names}} {{len .Labels}}", "2 3 3"),
    ("{{index .Labels \"com.example/x\"}}|{{index .Labels \"nope\"}}|{{index .Command 1}}", "y||10"),
    ("{{index .Mounts 0 \"Source\"}} {{(index .Mounts 1).Source}}", "/a /b"),
    (
      "{{printf \"%s-%d-%v-%q-%5d|%-5s|%05d|%x|%.2f|%t%%\" .Names .Pid .Ratio .Names 7 \"ab\" 42 255 .Ratio true}}",
      "web-42-0.25-\"web\"-    7|ab   |00042|ff|0.25|true%"
    ),
    ("{{println .Names .Pid}}", "web 42\n"),
    ("{{print .Names .Pid}}", "web42"),
    ("{{truncate .ID 4}} {{pad .Names 1 2}}|{{slice .ID 0 3}}", "0123  web  |012"),
    ("{{.ID | printf \"%.6s\" | upper}}", "012345"),
  ]) func functions(_ text: String, _ wanted: String) throws { #expect(try fill(text) == wanted) }

  @Test(arguments: [
    ("{{if .Running}}up{{else}}down{{end}}", "up"),
    ("{{if .Empty}}a{{else if eq .Pid 42}}b{{else}}c{{end}}", "b"),
    ("{{if .Empty}}a{{else if .Nothing}}b{{else}}c{{end}}", "c"),
    ("{{with .State}}{{.Status}} {{$.Names}}{{end}}", "running web"),
    ("{{with .Empty}}a{{else}}{{.Names}}{{end}}", "web"),
    ("{{with .Empty}}a{{else with .State}}{{.Status}}{{end}}", "running"),
    ("{{with $x := .Names}}{{$x}}{{.}}{{end}}", "webweb"),
    ("{{range .Mounts}}{{.Source}} {{end}}", "/a /b "),
    ("{{range $i, $v := .Command}}{{$i}}={{$v}};{{end}}", "0=sleep;1=10;"),
    ("{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}", "a=1,b=2,com.example/x=y,"),
    ("{{range .Nothing}}x{{else}}none{{end}}", "none"),
    ("{{range 3}}{{.}}{{end}}", "012"),
    ("{{range .Command}}{{if eq . \"10\"}}{{break}}{{end}}{{.}}{{end}}", "sleep"),
    ("{{range .Command}}{{if eq . \"sleep\"}}{{continue}}{{end}}{{.}}{{end}}", "10"),
    ("{{$n := 0}}{{range .Command}}{{$n = .}}{{end}}{{$n}}", "10"),
    ("{{$n := 1}}{{if true}}{{$n := 2}}{{$n}}{{end}}{{$n}}", "21"),
    (
      "{{eq 1 1}} {{eq .Names \"db\" \"web\"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1.5 1}} {{ge \"b\" \"a\"}}",
      "true true true true true true true"
    ),
    ("{{and true .Names}} {{or .Empty \"else\"}} {{not .Empty}}", "web else true"),
    ("{{or .Running .NotEvenThere}}", "true"),
    ("{{range .Mounts}}{{if .RW}}{{.Source}}{{end}}{{end}}", "/a"),
  ]) func control(_ text: String, _ wanted: String) throws { #expect(try fill(text) == wanted) }

  @Test(arguments: [
    ("{{.Nope}}", "at character 3: no field 'Nope': it has ID, Names"),
    ("a\n {{.State.Nope}}", "at line 2, character 10: no field 'Nope' in .State: it has Status, ExitCode"),
    ("{{.Names.X}}", "no field 'X': .Names is text"),
    ("{{.Names", "at character 1: an action that does not end: }} is missing"),
    ("{{}}", "an empty action"),
    ("{{nope .}}", "no function 'nope'"),
    ("{{if .Names}}x", "{{if}} without its {{end}}"),
    ("{{range .Command}}x{{else}}y", "{{range}} without its {{end}}"),
    ("x{{end}}", "{{end}} without a block that it ends"),
    ("{{else}}", "{{else}} without a block that it ends"),
    ("{{\"abc}}", "a string that does not end"),
    ("{{(.Names}}", "( without its )"),
    ("{{.Names)}}", "unexpected ')'"),
    ("{{$x}}", "no variable $x"),
    ("{{$x := 1}}{{if true}}{{$y := 2}}{{end}}{{$y}}", "no variable $y"),
    ("{{template \"x\"}}", "'template' is not supported"),
    ("{{break}}", "break outside of a range"),
    ("{{len 3}}", "len: a number has no length"),
    ("{{index .Command 7}}", "index: no position 7 in a list of 2"),
    ("{{eq 1 \"1\"}}", "eq: cannot compare a number with text"),
    ("{{join .Command}}", "join takes 2 values, not 1 value"),
    ("{{printf \"%d\" .Names}}", "printf: %d needs an integer, not text"),
    ("{{printf \"%s\"}}", "printf: %s has no value: 0 given"),
    ("{{.Names .ID}}", "a value is no function: it takes no arguments"),
    ("{{1 2}}", "a literal is no function"),
    ("{{if}}x{{end}}", "if needs a value"),
    ("{{.Names | }}", "a value is missing"),
    ("{{#}}", "unexpected '#'"),
    ("{{1x}}", "'1x' is not a number"),
    ("{{range .Names}}{{end}}", "range needs a list or a map, not text"),
  ]) func errors(_ text: String, _ wanted: String) throws {
    let error = #expect(throws: TemplateError.self) { try fill(text) }
    #expect(error?.description.contains(wanted) == true, "\(error?.description ?? "")")
  }

  @Test func nestingHasALimit() {
    let deep = String(repeating: "{{if .}}", count: 200) + String(repeating: "{{end}}", count: 200)
    #expect(throws: TemplateError.self) { try Template(deep) }
    let brackets = "{{" + String(repeating: "(", count: 10_000) + "1" + String(repeating: ")", count: 10_000) + "}}"
    #expect(throws: TemplateError.self) { try Template(brackets) }
    #expect(throws: TemplateError.self) { try Template("{{range 3}}" + String(repeating: "{{else if .}}", count: 500)) }
    #expect(throws: TemplateError.self) {
      try Template("{{if .}}" + String(repeating: "{{else if .}}", count: 500) + "{{end}}")
    }
  }

  /// No text of a user may trap: pieces of templates in any order either fail with a place or print.
  @Test func anyTextIsAnswered() {
    let parts = [
      "{{", "}}", "{{-", "-}}", ".", ".Names", ".State", "$", "$x", ":=", "=", ",", "|", "(", ")", "if", "else", "end",
      "range",
      "with", " ", "\n", "\"a\"", "`b`", "'c'", "1", "-1", "0x", "9e99", "eq", "index", "printf", "\"%d%s%5.3f\"",
      "len", "slice",
      "json", "{{end}}", "{{.}}", "/*", "*/", "ü", "\u{0}", "\\", "\"", "break", "truncate", "pad", "split", "true",
      "nil",
    ]
    var random = Seeded(2026)
    for _ in 0..<20_000 {
      var text = ""
      for _ in 0..<Int(random.next() % 24) { text += parts[Int(random.next() % UInt64(parts.count))] }
      do {
        _ = try Template(text).fill(container)
      } catch {
        #expect(error.line >= 1 && error.column >= 1, "\(text): \(error)")
      }
    }
  }
}
