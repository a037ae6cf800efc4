#include "csys.h"
#include "result.h"

int csys_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
  return RESULT(mount(source, target, type, flags, data));
}
int csys_umount2(const char *target, int flags) { return RESULT(umount2(target, flags)); }
int csys_pivot_root(const char *new_root, const char *put_old) {
  return RESULT(syscall(SYS_pivot_root, new_root, put_old));
}
int csys_open_tree(int dir, const char *path, unsigned flags) {
  return RESULT(syscall(SYS_open_tree, dir, path, flags | O_CLOEXEC));
}
int csys_move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  return RESULT(syscall(SYS_move_mount, from_dir, from, to_dir, to, flags));
}
int csys_mount_setattr(int dir, const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation,
                       uint64_t userns_fd) {
  struct { uint64_t attr_set, attr_clr, propagation, userns_fd; } attributes = {set, clear, propagation, userns_fd};
  return RESULT(syscall(SYS_mount_setattr, dir, path, flags, &attributes, sizeof attributes));
}
int csys_fsopen(const char *type, unsigned flags) { return RESULT(syscall(SYS_fsopen, type, flags | 1 /* CLOEXEC */)); }
int csys_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux) {
  return RESULT(syscall(SYS_fsconfig, fs, command, key, value, aux));
}
int csys_fsmount(int fs, unsigned flags, unsigned attributes) {
  return RESULT(syscall(SYS_fsmount, fs, flags | 1 /* CLOEXEC */, attributes));
}
int csys_fspick(int dir, const char *path, unsigned flags) {
  return RESULT(syscall(SYS_fspick, dir, path, flags | 1 /* CLOEXEC */));
}
