package import JSON

/// What happens to a system call. Source: config-linux.md, "Seccomp".
package struct SeccompAction: RawRepresentable, Hashable, Sendable {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
  package static let kill = SeccompAction(rawValue: "SCMP_ACT_KILL")
  package static let killProcess = SeccompAction(rawValue: "SCMP_ACT_KILL_PROCESS")
  package static let killThread = SeccompAction(rawValue: "SCMP_ACT_KILL_THREAD")
  package static let trap = SeccompAction(rawValue: "SCMP_ACT_TRAP")
  package static let errno = SeccompAction(rawValue: "SCMP_ACT_ERRNO")
  package static let trace = SeccompAction(rawValue: "SCMP_ACT_TRACE")
  package static let allow = SeccompAction(rawValue: "SCMP_ACT_ALLOW")
  package static let log = SeccompAction(rawValue: "SCMP_ACT_LOG")
  package static let notify = SeccompAction(rawValue: "SCMP_ACT_NOTIFY")
}

/// How an argument is compared. Source: config-linux.md, "Seccomp".
package struct SeccompOperator: RawRepresentable, Hashable, Sendable {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
  package static let notEqual = SeccompOperator(rawValue: "SCMP_CMP_NE")
  package static let less = SeccompOperator(rawValue: "SCMP_CMP_LT")
  package static let lessOrEqual = SeccompOperator(rawValue: "SCMP_CMP_LE")
  package static let equal = SeccompOperator(rawValue: "SCMP_CMP_EQ")
  package static let greaterOrEqual = SeccompOperator(rawValue: "SCMP_CMP_GE")
  package static let greater = SeccompOperator(rawValue: "SCMP_CMP_GT")
  package static let maskedEqual = SeccompOperator(rawValue: "SCMP_CMP_MASKED_EQ")
}

/// A filter of system calls. Source: config-linux.md, "Seccomp".
package struct LinuxSeccomp: SpecObject {
  package var defaultAction: SeccompAction
  /// Absent is EPERM.
  package var defaultErrnoRet: UInt32?
  /// "SCMP_ARCH_X86_64", ...; absent is the native one.
  package var architectures: [String]?
  /// "SECCOMP_FILTER_FLAG_LOG", ...
  package var flags: [String]?
  /// Unix socket that gets the notify descriptor.
  package var listenerPath: String?
  package var listenerMetadata: String?
  package var syscalls: [SeccompRule]?

  package init(defaultAction: SeccompAction) {
    self.defaultAction = defaultAction
  }
  package init(_ members: SpecReader) throws(SpecError) {
    let action = try members.string("defaultAction").map(SeccompAction.init(rawValue:))
    defaultAction = try members.required(action, "defaultAction")
    defaultErrnoRet = try members.integer("defaultErrnoRet")
    architectures = try members.strings("architectures")
    flags = try members.strings("flags")
    listenerPath = try members.string("listenerPath")
    listenerMetadata = try members.string("listenerMetadata")
    syscalls = try members.list("syscalls")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("defaultAction", defaultAction.rawValue)
    writer.put("defaultErrnoRet", defaultErrnoRet)
    writer.put("architectures", architectures)
    writer.put("flags", flags)
    writer.put("listenerPath", listenerPath)
    writer.put("listenerMetadata", listenerMetadata)
    writer.put("syscalls", syscalls)
    return writer.json
  }
}

/// An action for named system calls.
package struct SeccompRule: SpecObject {
  package var names: [String]
  package var action: SeccompAction
  package var errnoRet: UInt32?
  /// All must hold.
  package var args: [SeccompArgument]?

  package init(names: [String], action: SeccompAction) {
    self.names = names
    self.action = action
  }
  package init(_ members: SpecReader) throws(SpecError) {
    names = try members.required(try members.strings("names"), "names")
    action = try members.required(try members.string("action").map(SeccompAction.init(rawValue:)), "action")
    errnoRet = try members.integer("errnoRet")
    args = try members.list("args")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("names", names)
    writer.put("action", action.rawValue)
    writer.put("errnoRet", errnoRet)
    writer.put("args", args)
    return writer.json
  }
}

/// A condition on one argument.
package struct SeccompArgument: SpecObject {
  /// 0 to 5.
  package var index: UInt32
  /// With `maskedEqual`: the mask.
  package var value: UInt64
  /// With `maskedEqual`: the value.
  package var valueTwo: UInt64?
  package var comparison: SeccompOperator

  package init(index: UInt32, value: UInt64, comparison: SeccompOperator) {
    self.index = index
    self.value = value
    self.comparison = comparison
  }
  package init(_ members: SpecReader) throws(SpecError) {
    index = try members.required(try members.integer("index"), "index")
    value = try members.required(try members.integer("value"), "value")
    valueTwo = try members.integer("valueTwo")
    comparison = try members.required(try members.string("op").map(SeccompOperator.init(rawValue:)), "op")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("index", index)
    writer.put("value", value)
    writer.put("valueTwo", valueTwo)
    writer.put("op", comparison.rawValue)
    return writer.json
  }
}
