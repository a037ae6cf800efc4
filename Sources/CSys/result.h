#ifndef CSYS_RESULT_H
#define CSYS_RESULT_H
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A libc call's result, or -errno. */
#define RESULT(call) ({ __typeof__(call) result_ = (call); result_ == (__typeof__(call))-1 ? (__typeof__(call))-errno : result_; })
#endif
