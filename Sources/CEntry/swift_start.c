#include <stdbool.h>

/* What the Swift runtime does before main and no program of ours needs. It is left out by defining the symbols for
 * which the linker would take that part of libswiftCore.a:
 *
 * CommandLine.cpp reads /proc/self/maps to find the arguments; libc hands them to every constructor.
 * Backtrace.cpp looks for a program "swift-backtrace" to run when this one crashes, in twelve places, some of them
 * below the working directory when the program was executed by descriptor: a bundle's, which is not ours to trust. */

static int argument_count;
static char **argument_vector;

__attribute__((constructor)) static void keep_arguments(int count, char **vector) {
  argument_count = count;
  argument_vector = vector;
}

/* For Swift's CommandLine.arguments. */
char **_swift_stdlib_getUnsafeArgvArgc(int *count) {
  *count = argument_count;
  return argument_vector;
}

/* All zero: no backtraces. The runtime looks at its first word; the size is that of Swift 6.3's structure. */
int _swift_backtraceSettings[22];

/* Only the backtracer asks. */
bool _swift_backtrace_isThunkFunction(const char *name) {
  (void)name;
  return false;
}
