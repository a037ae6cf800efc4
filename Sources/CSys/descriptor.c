#include "csys.h"
#include "result.h"
#include <poll.h>
#include <sys/sendfile.h>

int csys_open(const char *path, int flags, mode_t mode) { return RESULT(open(path, flags | O_CLOEXEC, mode)); }
int csys_openat(int dir, const char *path, int flags, mode_t mode) {
  return RESULT(openat(dir, path, flags | O_CLOEXEC, mode));
}
int csys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
  return RESULT(syscall(SYS_openat2, dir, path, &how, sizeof how));
}
int csys_close(int fd) { return RESULT(close(fd)); }
int csys_close_range(unsigned first, unsigned last, unsigned flags) {
  return RESULT(syscall(SYS_close_range, first, last, flags));
}
ssize_t csys_read(int fd, void *buffer, size_t count) { return RESULT(read(fd, buffer, count)); }
ssize_t csys_write(int fd, const void *buffer, size_t count) { return RESULT(write(fd, buffer, count)); }
ssize_t csys_pread(int fd, void *buffer, size_t count, off_t offset) { return RESULT(pread(fd, buffer, count, offset)); }
ssize_t csys_pwrite(int fd, const void *buffer, size_t count, off_t offset) {
  return RESULT(pwrite(fd, buffer, count, offset));
}
ssize_t csys_splice(int from, int to, size_t count, unsigned flags) {
  return RESULT(splice(from, NULL, to, NULL, count, flags));
}
int csys_pipe2(int ends[2], int flags) { return RESULT(pipe2(ends, flags | O_CLOEXEC)); }
int csys_dup3(int from, int to, int flags) { return RESULT(dup3(from, to, flags)); }
int csys_fcntl(int fd, int command, long argument) { return RESULT(fcntl(fd, command, argument)); }
int csys_flock(int fd, int operation) { return RESULT(flock(fd, operation)); }
int csys_fsync(int fd) { return RESULT(fsync(fd)); }
int csys_fdatasync(int fd) { return RESULT(fdatasync(fd)); }
int csys_syncfs(int fd) { return RESULT(syncfs(fd)); }
int csys_ftruncate(int fd, off_t length) { return RESULT(ftruncate(fd, length)); }
int csys_memfd_create(const char *name, unsigned flags) { return RESULT(memfd_create(name, flags | MFD_CLOEXEC)); }
int csys_ioctl(int fd, unsigned long request, unsigned long argument) { return RESULT(ioctl(fd, request, argument)); }
int csys_poll(void *pollfds, unsigned count, int milliseconds) { return RESULT(poll(pollfds, count, milliseconds)); }
ssize_t csys_sendfile(int to, int from, size_t count) { return RESULT(sendfile(to, from, NULL, count)); }
