#include "csys.h"
#include "result.h"
#include <sys/prctl.h>

struct clone_request {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

int csys_fork(uint64_t clone_flags, int *pidfd) { return csys_fork_into(clone_flags, -1, pidfd); }
int csys_fork_into(uint64_t clone_flags, int cgroup, int *pidfd) {
  struct clone_request request = {.flags = clone_flags, .exit_signal = SIGCHLD};
  if (clone_flags & CSYS_CLONE_PARENT) request.exit_signal = 0; /* the kernel takes the caller's */
  if (pidfd) { request.flags |= CSYS_CLONE_PIDFD; request.pidfd = (uint64_t)(uintptr_t)pidfd; }
  if (cgroup >= 0) { request.flags |= CSYS_CLONE_INTO_CGROUP; request.cgroup = (uint64_t)cgroup; }
  int result = RESULT(syscall(SYS_clone3, &request, sizeof request));
  /* Inside a container a seccomp filter hides clone3, whose flags it cannot see; a plain fork needs none. */
  if (result == -ENOSYS && request.flags == 0) return RESULT(syscall(SYS_clone, (unsigned long)SIGCHLD, 0UL, 0UL, 0UL, 0UL));
  return result;
}
static void exit_with(int signal) { _exit(128 + signal); }
int csys_exit_on(int signal) {
  struct sigaction action = {.sa_handler = exit_with};
  return RESULT(sigaction(signal, &action, NULL));
}
int csys_unshare(uint64_t flags) { return RESULT(syscall(SYS_unshare, flags)); }
int csys_setns(int fd, int type) { return RESULT(setns(fd, type)); }
int csys_pidfd_open(pid_t pid, unsigned flags) { return RESULT(syscall(SYS_pidfd_open, pid, flags)); }
int csys_pidfd_send_signal(int pidfd, int signal) { return RESULT(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0)); }
int csys_waitid(int id_type, id_t id, siginfo_t *info, int options) { return RESULT(waitid(id_type, id, info, options)); }
int csys_wait4(pid_t pid, int *status, int options) { return RESULT(wait4(pid, status, options, NULL)); }
int csys_kill(pid_t pid, int signal) { return RESULT(kill(pid, signal)); }
int csys_execve(const char *path, char *const argv[], char *const envp[]) { return RESULT(execve(path, argv, envp)); }
int csys_execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags) {
  return RESULT(syscall(SYS_execveat, dir, path, argv, envp, flags));
}
int csys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  return RESULT(prctl(option, a, b, c, d));
}
int csys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++) {
    data[i].effective = (uint32_t)(effective >> (32 * i));
    data[i].permitted = (uint32_t)(permitted >> (32 * i));
    data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
  }
  return RESULT(syscall(SYS_capset, &header, data));
}
int csys_capget(pid_t pid, uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
  struct __user_cap_data_struct data[2];
  int result = RESULT(syscall(SYS_capget, &header, data));
  if (result < 0) return result;
  *effective = data[0].effective | (uint64_t)data[1].effective << 32;
  *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
  *inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
  return 0;
}
/* The raw calls: glibc's change all threads, and these programs have one. */
int csys_setresuid(uid_t real, uid_t effective, uid_t saved) { return RESULT(syscall(SYS_setresuid, real, effective, saved)); }
int csys_setresgid(gid_t real, gid_t effective, gid_t saved) { return RESULT(syscall(SYS_setresgid, real, effective, saved)); }
int csys_setgroups(size_t count, const gid_t *groups) { return RESULT(syscall(SYS_setgroups, count, groups)); }
int csys_setsid(void) { return RESULT(setsid()); }
int csys_setpgid(pid_t pid, pid_t group) { return RESULT(setpgid(pid, group)); }
int csys_sethostname(const char *name, size_t count) { return RESULT(sethostname(name, count)); }
int csys_setdomainname(const char *name, size_t count) { return RESULT(setdomainname(name, count)); }
int csys_prlimit(pid_t pid, int resource, const struct csys_rlimit *limit, struct csys_rlimit *old) {
  return RESULT(syscall(SYS_prlimit64, pid, resource, limit, old));
}
int csys_keyctl(int operation, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  return RESULT(syscall(SYS_keyctl, operation, a, b, c, d));
}
int csys_sigprocmask(int how, const sigset_t *set, sigset_t *old) { return RESULT(sigprocmask(how, set, old)); }
int csys_signalfd(int fd, const sigset_t *set, int flags) { return RESULT(signalfd(fd, set, flags | SFD_CLOEXEC)); }
int csys_default_signals(void) {
  for (int signal = 1; signal < 65; signal++) {
    struct sigaction action;
    if (sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
      action = (struct sigaction){.sa_handler = SIG_DFL};
      sigaction(signal, &action, NULL); /* SIGKILL and SIGSTOP refuse, and need nothing */
    }
  }
  sigset_t none;
  sigemptyset(&none);
  return RESULT(sigprocmask(SIG_SETMASK, &none, NULL));
}
int csys_personality(unsigned long persona) { return RESULT(syscall(SYS_personality, persona)); }
int csys_ioprio_set(int which, int who, int value) { return RESULT(syscall(SYS_ioprio_set, which, who, value)); }
int csys_sched_setattr(pid_t pid, const struct csys_sched_attr *attributes) {
  return RESULT(syscall(SYS_sched_setattr, pid, attributes, 0));
}
int csys_set_mempolicy(int mode, const uint64_t *nodes, unsigned long bits) {
  return RESULT(syscall(SYS_set_mempolicy, mode, bits ? nodes : NULL, bits));
}
int csys_sched_setaffinity(pid_t pid, size_t bytes, const void *mask) {
  return RESULT(syscall(SYS_sched_setaffinity, pid, bytes, mask));
}
