#include "centry.h"
#include <elf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

/* CVE-2019-5736: before libc or Swift start, the program executes itself from a detached read-only mount of its own
 * file, and only then begins. Where that cannot work it begins as it is, and SelfProtection, in Swift, finds another
 * way or refuses.
 *
 * There is no libc here: no errno, no memcpy, no thread-local storage; only system calls. */

#define UNPROTECTED __attribute__((no_stack_protector, noinline))

#if defined(__x86_64__)
__asm__(
    ".pushsection .text.centry_start,\"ax\",@progbits\n"
    ".globl centry_start\n.type centry_start,@function\n"
    "centry_start:\n"
    "  endbr64\n"
    "  xorl %ebp, %ebp\n"
    "  movq %rsp, %rdi\n"
    "  movq %rsp, %rbx\n"
    "  andq $-16, %rsp\n"
    "  call centry_protect\n"
    "  movq %rbx, %rsp\n"
    "  xorl %edx, %edx\n" /* no function of a loader to call at exit */
    "  jmp _start\n"
    ".size centry_start, .-centry_start\n"
    ".popsection\n");
static long call5(long number, long a, long b, long c, long d, long e) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
__asm__(
    ".pushsection .text.centry_start,\"ax\",@progbits\n"
    ".globl centry_start\n.type centry_start,@function\n"
    "centry_start:\n"
    "  mov x0, sp\n"
    "  bl centry_protect\n" /* keeps the stack: it is aligned already */
    "  mov x0, #0\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  b _start\n"
    ".size centry_start, .-centry_start\n"
    ".popsection\n");
static long call5(long number, long a, long b, long c, long d, long e) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
#endif

static int equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}
static int begins(const char *text, const char *start) {
  while (*start && *text == *start) text++, start++;
  return !*start;
}

/* Only these bring the program near a container's processes. */
static int is_wanted(int count, char **words) {
  for (int i = 1; i < count; i++)
    if (equal(words[i], "create") || equal(words[i], "run") || equal(words[i], "exec")) return 1;
  return 0;
}

/* The name that execve was given; a file that is executed by its descriptor has one below /dev/fd. */
static const char *executed_name(const Elf64_auxv_t *auxiliary) {
  for (; auxiliary->a_type != AT_NULL; auxiliary++)
    if (auxiliary->a_type == AT_EXECFN) return (const char *)auxiliary->a_un.a_val;
  return "";
}

static void close_it(long fd) {
  if (fd >= 0) call5(SYS_close, fd, 0, 0, 0, 0);
}

static void say(const char *text) {
  long length = 0;
  while (text[length]) length++;
  call5(SYS_write, 2, (long)text, length, 0, 0);
}

/* Without its /proc Swift aborts before it has a word for it. */
static void want_proc(void) {
  struct statfs status;
  long result = call5(SYS_statfs, (long)"/proc", (long)&status, 0, 0, 0);
  if (result == 0 && status.f_type == PROC_SUPER_MAGIC) return;
  say("berth-runtime: /proc is not a procfs: mount one with mount -t proc proc /proc\n");
  call5(SYS_exit_group, 1, 0, 0, 0, 0);
}

/* stack: argc, argv, NULL, envp, NULL, the auxiliary vector, as the kernel leaves it. */
__attribute__((used)) UNPROTECTED void centry_protect(long *stack) {
  int count = (int)stack[0];
  char **words = (char **)(stack + 1), **environment = words + count + 1;
  want_proc();
  if (!is_wanted(count, words)) return;
  char **end = environment;
  while (*end) end++;
  if (begins(executed_name((const Elf64_auxv_t *)(end + 1)), "/dev/fd/")) return; /* one try, never a loop */

  long own = call5(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_PATH | O_CLOEXEC, 0, 0);
  if (own < 0) return;
  struct statfs status;
  long tree = -1;
  if (call5(SYS_fstatfs, own, (long)&status, 0, 0, 0) == 0 && !(status.f_flags & 1 /* ST_RDONLY */))
    tree = call5(SYS_open_tree, own, (long)"", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, 0, 0);
  close_it(own);
  if (tree < 0) return;
  uint64_t change[4]; /* struct mount_attr: set, clear, propagation, user namespace */
  change[0] = MOUNT_ATTR_RDONLY;
  for (volatile int i = 1; i < 4; i++) change[i] = 0; /* volatile: no call to memset */
  if (call5(SYS_mount_setattr, tree, (long)"", AT_EMPTY_PATH, (long)change, sizeof change) == 0)
    call5(SYS_execveat, tree, (long)"", (long)words, (long)environment, AT_EMPTY_PATH);
  close_it(tree);
}
