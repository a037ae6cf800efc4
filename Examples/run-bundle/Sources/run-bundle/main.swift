import RuntimeClient

// run-bundle BUNDLE ID: a bundle's whole life from Swift. `berth-runtime` has to be beside this program or in PATH.
guard CommandLine.arguments.count == 3 else { fatalError("usage: run-bundle BUNDLE ID") }
do {
  let runtime = try ContainerRuntime()
  let bundle = try OCIBundle(path: CommandLine.arguments[1])
  let container = try runtime.create(CommandLine.arguments[2], from: bundle, streams: .inherited)
  do {
    try container.start()
    print("its process is \(try container.state().pid ?? 0)")
    let options = ProcessOptions(environment: ["GREETING=hello from exec"])
    print(try container.exec(["sh", "-c", "echo $GREETING"], options, streams: .inherited))
    try container.kill(signal: 15)
    print(try container.wait())
  } catch {
    try container.delete(force: true)
    throw error
  }
  try container.delete()
} catch { fatalError("\(error)") }
