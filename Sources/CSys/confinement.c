#include "csys.h"
#include "result.h"

int csys_seccomp(unsigned operation, unsigned flags, const void *argument) {
  return RESULT(syscall(SYS_seccomp, operation, flags, argument));
}
int csys_landlock_create_ruleset(const void *attributes, size_t size, uint32_t flags) {
  return RESULT(syscall(SYS_landlock_create_ruleset, attributes, size, flags));
}
int csys_landlock_add_rule(int ruleset, int type, const void *attributes, uint32_t flags) {
  return RESULT(syscall(SYS_landlock_add_rule, ruleset, type, attributes, flags));
}
int csys_landlock_restrict_self(int ruleset, uint32_t flags) {
  return RESULT(syscall(SYS_landlock_restrict_self, ruleset, flags));
}
int csys_bpf(int command, const void *attributes, unsigned size) { return RESULT(syscall(SYS_bpf, command, attributes, size)); }
