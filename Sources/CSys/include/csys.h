#ifndef CSYS_H
#define CSYS_H
/* System calls and constants that glibc's headers or Swift's importer lack.
 *
 * A function returns what the kernel returns, and -errno on failure: errno is read here, in C, so that
 * nothing in Swift can change it first. No policy, no retry, no allocation. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <linux/seccomp.h>
#include <linux/veth.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <termios.h>

/* --- descriptors: descriptor.c --- */
int csys_open(const char *path, int flags, mode_t mode);
int csys_openat(int dir, const char *path, int flags, mode_t mode);
int csys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int csys_close(int fd);
int csys_close_range(unsigned first, unsigned last, unsigned flags);
ssize_t csys_read(int fd, void *buffer, size_t count);
ssize_t csys_write(int fd, const void *buffer, size_t count);
ssize_t csys_pread(int fd, void *buffer, size_t count, off_t offset);
ssize_t csys_pwrite(int fd, const void *buffer, size_t count, off_t offset);
ssize_t csys_splice(int from, int to, size_t count, unsigned flags);
ssize_t csys_sendfile(int to, int from, size_t count);
int csys_pipe2(int ends[2], int flags);
int csys_dup3(int from, int to, int flags);
int csys_fcntl(int fd, int command, long argument);
int csys_flock(int fd, int operation);
int csys_fsync(int fd);
int csys_fdatasync(int fd);
int csys_syncfs(int fd);
int csys_ftruncate(int fd, off_t length);
int csys_memfd_create(const char *name, unsigned flags);
int csys_ioctl(int fd, unsigned long request, unsigned long argument);
int csys_poll(void *pollfds, unsigned count, int milliseconds);

/* --- files: file.c --- */
ssize_t csys_getdents64(int fd, void *buffer, size_t count);
int csys_mkdirat(int dir, const char *path, mode_t mode);
int csys_mknodat(int dir, const char *path, mode_t mode, dev_t device);
int csys_unlinkat(int dir, const char *path, int flags);
int csys_symlinkat(const char *target, int dir, const char *path);
int csys_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int csys_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
ssize_t csys_readlinkat(int dir, const char *path, char *buffer, size_t count);
int csys_fstatat(int dir, const char *path, struct stat *status, int flags);
int csys_fstatfs(int fd, struct statfs *status);
int csys_statfs(const char *path, struct statfs *status);
int csys_faccessat2(int dir, const char *path, int mode, int flags);
int csys_fchmod(int fd, mode_t mode);
int csys_fchmodat(int dir, const char *path, mode_t mode);
int csys_fchownat(int dir, const char *path, uid_t uid, gid_t gid, int flags);
int csys_utimensat(int dir, const char *path, const struct timespec times[2], int flags);
int csys_futimens(int fd, const struct timespec times[2]);
int csys_fsetxattr(int fd, const char *name, const void *value, size_t count, int flags);
int csys_lsetxattr(const char *path, const char *name, const void *value, size_t count, int flags);
ssize_t csys_fgetxattr(int fd, const char *name, void *value, size_t count);
ssize_t csys_lgetxattr(const char *path, const char *name, void *value, size_t count);
ssize_t csys_llistxattr(const char *path, char *list, size_t count);
ssize_t csys_flistxattr(int fd, char *list, size_t count);
int csys_chdir(const char *path);
int csys_fchdir(int fd);
int csys_chroot(const char *path);
int csys_umask(mode_t mask);

/* --- mounts: mount.c --- */
int csys_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int csys_umount2(const char *target, int flags);
int csys_pivot_root(const char *new_root, const char *put_old);
int csys_open_tree(int dir, const char *path, unsigned flags);
int csys_move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int csys_mount_setattr(int dir, const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation, uint64_t userns_fd);
int csys_fsopen(const char *type, unsigned flags);
int csys_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux);
int csys_fsmount(int fs, unsigned flags, unsigned attributes);
int csys_fspick(int dir, const char *path, unsigned flags);

/* --- processes and identity: process.c --- */
/* fork(2) with clone3's flags: 0 in the child, the pid in the parent; *pidfd is set with CLONE_PIDFD. */
int csys_fork(uint64_t clone_flags, int *pidfd);
/* As csys_fork, and the child starts in this cgroup of version 2 (a directory fd; -1 is none). Linux 5.7+. */
int csys_fork_into(uint64_t clone_flags, int cgroup, int *pidfd);
int csys_unshare(uint64_t flags);
int csys_setns(int fd, int type);
int csys_pidfd_open(pid_t pid, unsigned flags);
int csys_pidfd_send_signal(int pidfd, int signal);
int csys_waitid(int id_type, id_t id, siginfo_t *info, int options);
int csys_wait4(pid_t pid, int *status, int options);
int csys_kill(pid_t pid, int signal);
int csys_execve(const char *path, char *const argv[], char *const envp[]);
int csys_execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags);
int csys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int csys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int csys_capget(pid_t pid, uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
int csys_setresuid(uid_t real, uid_t effective, uid_t saved);
int csys_setresgid(gid_t real, gid_t effective, gid_t saved);
int csys_setgroups(size_t count, const gid_t *groups);
int csys_setsid(void);
int csys_setpgid(pid_t pid, pid_t group);
int csys_sethostname(const char *name, size_t count);
int csys_setdomainname(const char *name, size_t count);
/* Both 64 bits; ~0 is RLIM_INFINITY. */
struct csys_rlimit { uint64_t soft, hard; };
int csys_prlimit(pid_t pid, int resource, const struct csys_rlimit *limit, struct csys_rlimit *old);
int csys_keyctl(int operation, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int csys_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int csys_signalfd(int fd, const sigset_t *set, int flags);
int csys_exit_on(int signal);    /* 128 + signal is the status: PID 1 of a namespace would ignore it */
int csys_default_signals(void); /* every handler to SIG_DFL and an empty mask */
int csys_personality(unsigned long persona);
int csys_ioprio_set(int which, int who, int value);
struct csys_sched_attr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};
int csys_sched_setattr(pid_t pid, const struct csys_sched_attr *attributes);
int csys_sched_setaffinity(pid_t pid, size_t bytes, const void *mask);
int csys_set_mempolicy(int mode, const uint64_t *nodes, unsigned long bits);

/* One program to start; see csys_spawn. */
struct csys_spawn {
  const char *path;          /* absolute */
  char *const *argv, *const *envp;
  const int *fds;            /* fds[i] becomes descriptor i in the child; -1 is /dev/null; all others are closed */
  int fd_count;
  int working_dir;           /* a directory fd, or -1 to stay */
  int new_session;           /* setsid(2) */
  int death_signal;          /* PR_SET_PDEATHSIG, or 0 */
};
/* Starts a program with vfork(2)'s speed: the pid, or -errno (execve's own, too); *pidfd when not null. */
int csys_spawn(const struct csys_spawn *what, int *pidfd);

/* --- sockets: socket.c --- */
int csys_socket(int domain, int type, int protocol);
int csys_socketpair(int domain, int type, int protocol, int ends[2]);
int csys_bind(int fd, const void *address, socklen_t size);
int csys_connect(int fd, const void *address, socklen_t size);
int csys_listen(int fd, int backlog);
int csys_accept4(int fd, int flags);
int csys_shutdown(int fd, int how);
int csys_setsockopt(int fd, int level, int option, int value);
/* SO_SNDTIMEO: how long connect(2) waits where a listener has no room; 0 is for ever. */
int csys_set_send_timeout(int fd, long milliseconds);
/* One netlink message block from the kernel: its full length even where `count` was less. -EAGAIN for one from another process. */
ssize_t csys_receive_netlink(int socket, void *bytes, size_t count, int flags);
int csys_set_receive_timeout(int fd, int milliseconds); /* SO_RCVTIMEO: receiving then fails with -EAGAIN */
int csys_set_interface_up(int socket, const char *name); /* SIOCGIFFLAGS, SIOCSIFFLAGS */
/* One message with up to 16 descriptors. Receiving: *fd_count holds the room, then the number; MSG_CMSG_CLOEXEC is set.
   A filter may keep sendmsg waiting: sendmmsg does the same. */
ssize_t csys_send_fds(int socket, const void *bytes, size_t count, const int *fds, int fd_count, int flags);
ssize_t csys_send_fds_by_sendmmsg(int socket, const void *bytes, size_t count, const int *fds, int fd_count, int flags);
ssize_t csys_receive_fds(int socket, void *bytes, size_t count, int *fds, int *fd_count, int flags);

/* The address of an IP peer. */
union csys_address {
  struct sockaddr any;
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
};
int csys_accept_from(int fd, union csys_address *peer, int flags);
/* One datagram: where it is or shall be, whose it is. Receiving: count holds the room, then the datagram's whole size,
 * which may be more than the room. Up to 64 in one call, never waiting: recvmmsg(2), sendmmsg(2). */
struct csys_datagram {
  void *bytes;
  uint32_t count, peer_size;
  union csys_address peer;
};
int csys_receive_datagrams(int socket, struct csys_datagram *datagrams, unsigned count);
int csys_send_datagrams(int socket, const struct csys_datagram *datagrams, unsigned count);

/* --- events and terminals: event.c --- */
int csys_epoll_create1(int flags);
int csys_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data);
int csys_epoll_wait(int epoll, struct epoll_event *events, int count, int milliseconds);
int csys_timerfd_create(int clock, int flags);
int csys_timerfd_settime(int fd, int flags, const struct itimerspec *value);
int csys_eventfd(unsigned initial, int flags);
int csys_openpty_master(void);               /* /dev/ptmx, unlocked */
int csys_tiocgptpeer(int master, int flags); /* the slave's fd, without a path */
int csys_tcgetattr(int fd, struct termios *attributes);
int csys_tcsetattr(int fd, int when, const struct termios *attributes);
int csys_get_window_size(int fd, uint16_t *rows, uint16_t *columns);
int csys_set_window_size(int fd, uint16_t rows, uint16_t columns);
int csys_set_controlling_terminal(int fd);

int csys_inotify_init1(int flags);
int csys_inotify_add_watch(int inotify, const char *path, uint32_t events);
int csys_inotify_rm_watch(int inotify, int watch);

/* --- memory: memory.c --- */
void *csys_map(size_t count);                 /* anonymous and zero, or NULL; pages come when they are touched */
int csys_unmap(void *memory, size_t count);
int csys_forget(void *memory, size_t count);  /* the pages go, the mapping stays: zero again (MADV_DONTNEED) */
void csys_trim(void);                         /* the heap's free pages go back (malloc_trim) */
void csys_trim_stack(void);                   /* so do the main thread's stack pages below the caller's; no other thread's */

/* --- confinement: confinement.c --- */
int csys_seccomp(unsigned operation, unsigned flags, const void *argument);
int csys_landlock_create_ruleset(const void *attributes, size_t size, uint32_t flags);
int csys_landlock_add_rule(int ruleset, int type, const void *attributes, uint32_t flags);
int csys_landlock_restrict_self(int ruleset, uint32_t flags);
int csys_bpf(int command, const void *attributes, unsigned size);

/* --- device programs of cgroup v2: bpf.c --- */
int csys_bpf_load_device(const void *instructions, unsigned count); /* a program fd */
int csys_bpf_cgroup_device(int cgroup, int program, int attach);    /* attaches (beside others) or detaches */
int csys_bpf_query_device(int cgroup, uint32_t *ids, uint32_t room); /* the number of attached programs */
int csys_bpf_program(uint32_t id);                                  /* a program fd */

/* --- constants that are macros with casts, or newer than the headers --- */
enum {
  CSYS_OPEN_TREE_CLONE = 1, CSYS_AT_RECURSIVE = 0x8000, CSYS_AT_EMPTY_PATH = 0x1000,
  CSYS_MOVE_MOUNT_F_EMPTY_PATH = 0x4, CSYS_MOVE_MOUNT_T_EMPTY_PATH = 0x40,
  CSYS_FSCONFIG_SET_FLAG = 0, CSYS_FSCONFIG_SET_STRING = 1, CSYS_FSCONFIG_SET_FD = 5, CSYS_FSCONFIG_CMD_CREATE = 6,
  CSYS_FSCONFIG_CMD_RECONFIGURE = 7,
  CSYS_F_SETPIPE_SZ = 1031
};
/* linux/netfilter.h brings linux/in.h along, which does not go with netinet/in.h. */
enum {
  CSYS_NF_DROP = 0, CSYS_NF_ACCEPT = 1,
  CSYS_NF_INET_PRE_ROUTING = 0, CSYS_NF_INET_LOCAL_IN = 1, CSYS_NF_INET_FORWARD = 2, CSYS_NF_INET_LOCAL_OUT = 3,
  CSYS_NF_INET_POST_ROUTING = 4,
  CSYS_NFPROTO_INET = 1
};
/* linux/if_bridge.h brings linux/in6.h along. */
enum { CSYS_IFLA_BRIDGE_VLAN_INFO = 2, CSYS_BRIDGE_VLAN_INFO_PVID = 2, CSYS_BRIDGE_VLAN_INFO_UNTAGGED = 4 };
enum { CSYS_IFLA_BRIDGE_FLAGS = 0, CSYS_BRIDGE_FLAGS_SELF = 2 };
struct csys_bridge_vlan { uint16_t flags, id; };
#define CSYS_CLONE_NEWNS 0x00020000ULL
#define CSYS_CLONE_NEWCGROUP 0x02000000ULL
#define CSYS_CLONE_NEWUTS 0x04000000ULL
#define CSYS_CLONE_NEWIPC 0x08000000ULL
#define CSYS_CLONE_NEWUSER 0x10000000ULL
#define CSYS_CLONE_NEWPID 0x20000000ULL
#define CSYS_CLONE_NEWNET 0x40000000ULL
#define CSYS_CLONE_NEWTIME 0x00000080ULL
#define CSYS_CLONE_PARENT 0x00008000ULL
#define CSYS_CLONE_PIDFD 0x00001000ULL
#define CSYS_CLONE_INTO_CGROUP 0x200000000ULL
#endif
