#include "csys.h"
#include "result.h"
#include <sys/xattr.h>

ssize_t csys_getdents64(int fd, void *buffer, size_t count) { return RESULT(syscall(SYS_getdents64, fd, buffer, count)); }
int csys_mkdirat(int dir, const char *path, mode_t mode) { return RESULT(mkdirat(dir, path, mode)); }
int csys_mknodat(int dir, const char *path, mode_t mode, dev_t device) { return RESULT(mknodat(dir, path, mode, device)); }
int csys_unlinkat(int dir, const char *path, int flags) { return RESULT(unlinkat(dir, path, flags)); }
int csys_symlinkat(const char *target, int dir, const char *path) { return RESULT(symlinkat(target, dir, path)); }
int csys_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
  return RESULT(linkat(from_dir, from, to_dir, to, flags));
}
int csys_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  return RESULT(syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}
ssize_t csys_readlinkat(int dir, const char *path, char *buffer, size_t count) {
  return RESULT(readlinkat(dir, path, buffer, count));
}
int csys_fstatat(int dir, const char *path, struct stat *status, int flags) {
  return RESULT(fstatat(dir, path, status, flags));
}
int csys_statfs(const char *path, struct statfs *status) { return RESULT(statfs(path, status)); }
int csys_fstatfs(int fd, struct statfs *status) { return RESULT(fstatfs(fd, status)); }
int csys_faccessat2(int dir, const char *path, int mode, int flags) {
  return RESULT(syscall(SYS_faccessat2, dir, path, mode, flags));
}
int csys_fchmod(int fd, mode_t mode) { return RESULT(fchmod(fd, mode)); }
int csys_fchmodat(int dir, const char *path, mode_t mode) { return RESULT(fchmodat(dir, path, mode, 0)); }
int csys_fchownat(int dir, const char *path, uid_t uid, gid_t gid, int flags) {
  return RESULT(fchownat(dir, path, uid, gid, flags));
}
int csys_utimensat(int dir, const char *path, const struct timespec times[2], int flags) {
  return RESULT(utimensat(dir, path, times, flags));
}
int csys_futimens(int fd, const struct timespec times[2]) { return RESULT(futimens(fd, times)); }
int csys_fsetxattr(int fd, const char *name, const void *value, size_t count, int flags) {
  return RESULT(fsetxattr(fd, name, value, count, flags));
}
int csys_lsetxattr(const char *path, const char *name, const void *value, size_t count, int flags) {
  return RESULT(lsetxattr(path, name, value, count, flags));
}
ssize_t csys_fgetxattr(int fd, const char *name, void *value, size_t count) {
  return RESULT(fgetxattr(fd, name, value, count));
}
ssize_t csys_lgetxattr(const char *path, const char *name, void *value, size_t count) {
  return RESULT(lgetxattr(path, name, value, count));
}
ssize_t csys_llistxattr(const char *path, char *list, size_t count) { return RESULT(llistxattr(path, list, count)); }
ssize_t csys_flistxattr(int fd, char *list, size_t count) { return RESULT(flistxattr(fd, list, count)); }
int csys_chdir(const char *path) { return RESULT(chdir(path)); }
int csys_fchdir(int fd) { return RESULT(fchdir(fd)); }
int csys_chroot(const char *path) { return RESULT(chroot(path)); }
int csys_umask(mode_t mask) { return (int)umask(mask); }
