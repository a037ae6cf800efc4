#include "csys.h"
#include "result.h"
#include <malloc.h>

void *csys_map(size_t count) {
  void *memory = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}
int csys_unmap(void *memory, size_t count) { return RESULT(munmap(memory, count)); }
int csys_forget(void *memory, size_t count) { return RESULT(madvise(memory, count, MADV_DONTNEED)); }
void csys_trim(void) { malloc_trim(0); }
void csys_trim_stack(void) {
  enum { PAGE = 4096, REACH = 512 << 10 };
  uintptr_t used = ((uintptr_t)__builtin_frame_address(0) - PAGE) & ~(uintptr_t)(PAGE - 1);
  madvise((void *)(used - REACH), REACH, MADV_DONTNEED); /* beyond the stack nothing is mapped: ENOMEM is fine */
}
