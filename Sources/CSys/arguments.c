#include "csys.h"

/* Swift's CommandLine.arguments reads /proc/self/maps to find them; libc hands them to every constructor. */
static int argument_count;
static char **argument_vector;

__attribute__((constructor)) static void keep_arguments(int count, char **vector) {
  argument_count = count;
  argument_vector = vector;
}
int csys_argument_count(void) { return argument_count; }
const char *csys_argument(int place) { return place < argument_count ? argument_vector[place] : NULL; }
