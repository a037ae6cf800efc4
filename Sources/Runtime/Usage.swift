import Sys

/// `--help`, of the program and of each command, by the name that the program was called with.
struct Usage {
  let program: String

  /// - Parameter word: argv[0].
  init(calledAs word: String) {
    let name = fileName(of: word)
    program = name.isEmpty ? "berth-runtime" : name
  }

  private struct Command {
    let name: String, summary: String, synopsis: String
  }

  private static let globalFlags = """
    --root DIR            where the state of containers is kept
    --log FILE            also write messages to a file
    --log-format FORMAT   text or json
    --log-level LEVEL     debug, info, warning (unless said otherwise) or error
    --debug               write every step, as --log-level debug
    --cgroup-manager NAME cgroupfs, systemd or disabled
    --systemd-cgroup      as --cgroup-manager systemd
    --criu PATH           the program for checkpoint and restore
    --rootless true|false|auto
                          whether a cgroup that cannot be written is left out; auto: unless we are the machine's root
    --create-timeout, --start-timeout, --kill-timeout, --delete-timeout TIME
                          60s, 30s, 10s and 10s unless said otherwise
    --create-hook PROGRAM, --create-hook-timeout TIME
                          runs after each create, at most 5s unless said otherwise
    --apparmor, --capabilities, --cgroup-devices, --seccomp true|false
                          false leaves this part of every specification out
    --help, -h            --version, -v
    """

  private static let launchFlags = """
    [-b|--bundle DIR] [-f|--config FILE] [--console-socket PATH] [--pid-file FILE] [--pidfd-socket PATH]
    [--no-pivot] [--no-new-keyring] [--preserve-fds N]
    """

  private static let commands: [Command] = [
    Command(name: "create", summary: "create a container", synopsis: "\(launchFlags) ID"),
    Command(name: "start", summary: "execute the command of a created container", synopsis: "ID"),
    Command(
      name: "run", summary: "create and start a container",
      synopsis: "\(launchFlags) [-d|--detach] [--keep] [--no-subreaper] ID"),
    Command(
      name: "exec", summary: "run another process in a container",
      synopsis: """
        [-t|--tty] [-u|--user UID[:GID]] [-g|--additional-gids GID] [-e|--env NAME=VALUE] [--cwd DIR]
        [-c|--cap CAP] [--no-new-privs] [--apparmor PROFILE] [--process-label LABEL] [-p|--process FILE]
        [-d|--detach] [--console-socket PATH] [--pid-file FILE] [--pidfd-socket PATH] [--preserve-fds N]
        [--ignore-paused] [--cgroup [CONTROLLER:]PATH] ID [COMMAND ...]
        """),
    Command(name: "kill", summary: "send a signal to a container", synopsis: "[-a|--all] [-r|--regex] ID [SIGNAL]"),
    Command(name: "delete", summary: "remove what a container left", synopsis: "[-f|--force] [-r|--regex] ID"),
    Command(name: "state", summary: "show a container's state", synopsis: "ID"),
    Command(name: "list", summary: "list containers", synopsis: "[-q|--quiet] [-f|--format table|json]"),
    Command(
      name: "ps", summary: "list a container's processes", synopsis: "[-f|--format table|json] ID [OPTIONS OF PS ...]"),
    Command(name: "pause", summary: "stop all processes of a container", synopsis: "ID"),
    Command(name: "resume", summary: "let the processes of a paused container go on", synopsis: "ID"),
    Command(
      name: "update", summary: "change resource limits",
      synopsis: """
        [-r|--resources FILE|-] [--memory SIZE] [--memory-reservation SIZE] [--memory-swap SIZE]
        [--memory-check-before-update] [--kernel-memory SIZE] [--kernel-memory-tcp SIZE] [--pids-limit N]
        [--cpu-share N] [--cpu-period N] [--cpu-quota N] [--cpu-burst N] [--cpu-rt-period N] [--cpu-rt-runtime N]
        [--cpu-idle 0|1] [--cpuset-cpus LIST] [--cpuset-mems LIST] [--blkio-weight N]
        [--l3-cache-schema LINES] [--mem-bw-schema LINES] ID
        """),
    Command(
      name: "events", summary: "report resource use and out-of-memory kills",
      synopsis: "[--stats] [--interval 5s] ID"),
    Command(
      name: "checkpoint", summary: "write a running container to files, by CRIU",
      synopsis: """
        [--image-path DIR] [--work-path DIR] [--parent-path DIR] [--pre-dump] [--leave-running] [--tcp-established]
        [--tcp-skip-in-flight] [--ext-unix-sk] [--shell-job] [--file-locks] [--link-remap] [--auto-dedup]
        [--empty-ns network] [--manage-cgroups-mode soft|full|strict|ignore] [--page-server ADDRESS:PORT]
        [--lazy-pages] [--status-fd N] ID
        """),
    Command(
      name: "restore", summary: "bring a container back from such files",
      synopsis: """
        [-b|--bundle DIR] [--image-path DIR] [--work-path DIR] [-d|--detach] [--pid-file FILE] [--console-socket PATH]
        [--tcp-established] [--ext-unix-sk] [--shell-job] [--file-locks] [--auto-dedup] [--empty-ns network]
        [--manage-cgroups-mode soft|full|strict|ignore] [--lsm-profile TYPE:NAME] [--lsm-mount-context CONTEXT]
        [--lazy-pages] [--no-subreaper] ID
        """),
    Command(
      name: "mounts", summary: "add mounts to a running container, or remove them", synopsis: "add|remove ID FILE"),
    Command(
      name: "spec", summary: "write a config.json to start from",
      synopsis: "[-b|--bundle DIR] [-f|--file FILE] [--rootless]"),
    Command(name: "features", summary: "show what this runtime can do", synopsis: ""),
  ]

  var text: String {
    let width = 2 + (Self.commands.map(\.name.count).max() ?? 0)
    let list = Self.commands.map { command in
      "   " + command.name + String(repeating: " ", count: width - command.name.count) + command.summary
    }
    return """
      NAME:
         \(program) - Open Container Initiative runtime: creates and runs containers

      USAGE:
         \(program) [GLOBAL FLAGS] COMMAND [FLAGS] ...

      COMMANDS:
      \(list.joined(separator: "\n"))

      GLOBAL FLAGS:
      \(Self.indented(Self.globalFlags))

      """
  }

  /// nil where there is no such command.
  func text(of name: String) -> String? {
    guard let command = Self.commands.first(where: { $0.name == name }) else { return nil }
    return """
      NAME:
         \(program) \(name) - \(command.summary)

      USAGE:
         \(program) \(name)
      \(Self.indented(command.synopsis))

      """
  }
  private static func indented(_ text: String) -> String {
    text.split(separator: "\n").map { "      " + $0 }.joined(separator: "\n")
  }
}
