import CSys
import Glibc
import Sys

// PID 1 of containers with --init: starts the command, passes signals on to it, reaps whatever is left to it, and ends
// as the command does. Usage: berth-init -- COMMAND [ARGUMENT ...]

var words = Array(CommandLine.arguments.dropFirst())
if words.first == "--" { words.removeFirst() }
guard let command = words.first else {
  try? writeAll(2, "berth-init: no command\n")
  exit(127)
}

/// Those that the kernel raises in this process itself stay; SIGCHLD says that somebody ended.
let passed = (1...31).filter {
  ![SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS, SIGTTIN, SIGTTOU].contains(CInt($0))
}.map { CInt($0) }
var set = sigset_t()
var before = sigset_t()
sigemptyset(&set)
for signal in passed { sigaddset(&set, signal) }
_ = csys_sigprocmask(SIG_BLOCK, &set, &before)

let child = csys_fork(0, nil)
if child < 0 {
  try? writeAll(2, "berth-init: fork: \(Errno(rawValue: -child))\n")
  exit(126)
}
if child == 0 {
  // A group of its own in the foreground, so that a terminal's signals reach the command and not its init.
  _ = csys_setpgid(0, 0)
  if isatty(0) == 1 {
    signal(SIGTTOU, SIG_IGN)
    tcsetpgrp(0, getpid())
    signal(SIGTTOU, SIG_DFL)
  }
  _ = csys_sigprocmask(SIG_SETMASK, &before, nil)
  _ = withCStrings(words) { argv in execvp(command, argv) }
  let error = errno
  try? writeAll(2, "berth-init: exec: \"\(command)\": \(Errno(rawValue: error))\n")
  _exit(error == ENOENT ? 127 : 126)
}

while true {
  var info = siginfo_t()
  guard sigwaitinfo(&set, &info) > 0 else { continue }
  guard info.si_signo == SIGCHLD else {
    _ = csys_kill(child, info.si_signo)
    continue
  }
  while true {
    var status: CInt = 0
    let reaped = csys_wait4(-1, &status, WNOHANG)
    if reaped <= 0 { break }
    if reaped == child { exit(ExitStatus(waitStatus: status).shellCode) }
  }
}
