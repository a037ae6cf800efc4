#include "csys.h"
#include "result.h"
#include <sys/prctl.h>

/* The child half of csys_spawn: it shares the parent's memory until execve, so it only makes system calls
 * and leaves its errno in *failure. */
struct spawn_child {
  const struct csys_spawn *what;
  int failure;
  int highest; /* above every descriptor that is given */
};

static int move_descriptors(const struct spawn_child *child) {
  const struct csys_spawn *what = child->what;
  int parked[64];
  for (int i = 0; i < what->fd_count; i++) { /* first out of the way, so that no dup3 overwrites a later source */
    int source = what->fds[i] >= 0 ? what->fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
    if (source < 0 || (parked[i] = fcntl(source, F_DUPFD_CLOEXEC, child->highest)) < 0) return -1;
  }
  for (int i = 0; i < what->fd_count; i++)
    if (dup3(parked[i], i, 0) < 0) return -1;
  return (int)syscall(SYS_close_range, what->fd_count, ~0U, 0);
}

static int spawn_child(void *argument) {
  struct spawn_child *child = argument;
  const struct csys_spawn *what = child->what;
  csys_default_signals();
  if ((what->new_session && setsid() < 0) || (what->death_signal && prctl(PR_SET_PDEATHSIG, what->death_signal) < 0) ||
      (what->working_dir >= 0 && fchdir(what->working_dir) < 0) || move_descriptors(child) < 0) {
    child->failure = errno;
    _exit(127);
  }
  execve(what->path, what->argv, what->envp);
  child->failure = errno;
  _exit(127);
}

int csys_spawn(const struct csys_spawn *what, int *pidfd) {
  if (what->fd_count > 64) return -E2BIG;
  struct spawn_child child = {.what = what, .highest = what->fd_count};
  for (int i = 0; i < what->fd_count; i++)
    if (what->fds[i] >= child.highest) child.highest = what->fds[i] + 1;
  enum { STACK = 64 << 10 };
  char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return -errno;
  sigset_t all, before; /* no handler of ours may run in the child */
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  int fd = -1;
  int pid = RESULT(clone(spawn_child, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &fd));
  sigprocmask(SIG_SETMASK, &before, NULL);
  munmap(stack, STACK);
  if (pid < 0) return pid;
  if (child.failure) {
    waitpid(pid, NULL, 0);
    close(fd);
    return -child.failure;
  }
  if (pidfd) *pidfd = fd; else close(fd);
  return pid;
}
