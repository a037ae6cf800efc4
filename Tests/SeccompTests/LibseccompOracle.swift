import CSys
import Glibc
import JSON
import RuntimeSpec
import Sys
import TestKit

/// libseccomp as the judge: a small C program, compiled once, turns the same profile into its filter.
enum LibseccompOracle {
  /// The program's path, or nil where there is no compiler or no libseccomp-dev. Its file has no name any more.
  static let program: String? = {
    let directory = "/tmp/berth-test-libseccomp-\(getpid())"
    guard (try? makeDirectories(directory, mode: 0o700)) != nil else { return nil }
    let path = directory + "/oracle"
    guard (try? replaceFile(path + ".c", with: Array(source.utf8), durable: false)) != nil,
      let built = try? TestKit.run(["cc", "-O1", "-o", path, path + ".c", "-lseccomp"]), built.code == 0,
      let file = try? open(path, O_RDONLY), (try? removeTree(directory)) != nil
    else { return nil }
    return "/proc/\(getpid())/fd/\(file.release())"
  }()

  static func filter(_ profile: LinuxSeccomp) throws -> [sock_filter] {
    var text = "default \(value(profile.defaultAction, profile.defaultErrnoRet))\n"
    for name in profile.architectures ?? [] {
      let token: [String: UInt32] = [
        "SCMP_ARCH_X86_64": 0xc000_003e, "SCMP_ARCH_X86": 0x4000_0003, "SCMP_ARCH_X32": 0x4000_003e,
        "SCMP_ARCH_AARCH64": 0xc000_00b7,
      ]
      text += "arch \(token[name]!)\n"
    }
    for rule in profile.syscalls ?? [] {
      for name in rule.names {
        text += "rule \(value(rule.action, rule.errnoRet)) \(name) \(rule.args?.count ?? 0)"
        for argument in rule.args ?? [] {
          text += " \(argument.index) \(comparison(argument.comparison)) \(argument.value) \(argument.valueTwo ?? 0)"
        }
        text += "\n"
      }
    }
    let outcome = try TestKit.run([program!], input: Array(text.utf8))
    return outcome.output.withUnsafeBytes { bytes in
      (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: sock_filter.self) }
    }
  }

  private static func value(_ action: SeccompAction, _ errno: UInt32?) -> UInt32 {
    switch action {
    case .allow: 0x7fff_0000
    case .errno: 0x0005_0000 | (errno ?? 1)
    case .trap: 0x0003_0000
    case .log: 0x7ffc_0000
    case .trace: 0x7ff0_0000 | (errno ?? 1)
    case .notify: 0x7fc0_0000
    case .killProcess: 0x8000_0000
    default: 0
    }
  }
  private static func comparison(_ op: SeccompOperator) -> Int {
    let order: [SeccompOperator] = [.notEqual, .less, .lessOrEqual, .equal, .greaterOrEqual, .greater, .maskedEqual]
    return order.firstIndex(of: op)! + 1
  }

  /// Reads "default V", "arch TOKEN" and "rule V NAME COUNT (INDEX OP A B)..." lines; writes the filter.
  private static let source = #"""
    #include <seccomp.h>
    #include <stdio.h>
    #include <string.h>
    #include <errno.h>
    int main(void) {
      scmp_filter_ctx context = NULL;
      char word[16], name[64];
      unsigned value, fallback = 0;
      while (scanf("%15s %u", word, &value) == 2) {
        if (!strcmp(word, "default")) {
          fallback = value;
          context = seccomp_init(value);
          seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0);
        } else if (!strcmp(word, "arch")) {
          int result = seccomp_arch_add(context, value);
          if (result && result != -EEXIST) { fprintf(stderr, "arch %d\n", result); return 1; }
        } else {
          unsigned count, index, op;
          unsigned long long a, b;
          struct scmp_arg_cmp args[6];
          if (scanf("%63s %u", name, &count) != 2) return 1;
          for (unsigned i = 0; i < count; i++) {
            if (scanf("%u %u %llu %llu", &index, &op, &a, &b) != 4) return 1;
            args[i] = (struct scmp_arg_cmp){index, op, a, b};
          }
          int number = seccomp_syscall_resolve_name(name);
          if (number == __NR_SCMP_ERROR || value == fallback) continue;
          int result = seccomp_rule_add_array(context, value, number, count, args);
          if (result && result != -EEXIST) { fprintf(stderr, "rule %s %d\n", name, result); return 1; }
        }
      }
      return seccomp_export_bpf(context, 1) ? 1 : 0;
    }
    """#
}
