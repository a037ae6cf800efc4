#include "csys.h"
#include "result.h"
#include <sys/eventfd.h>
#include <sys/timerfd.h>

int csys_epoll_create1(int flags) { return RESULT(epoll_create1(flags | EPOLL_CLOEXEC)); }
int csys_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return RESULT(epoll_ctl(epoll, operation, fd, &event));
}
int csys_epoll_wait(int epoll, struct epoll_event *events, int count, int milliseconds) {
  return RESULT(epoll_wait(epoll, events, count, milliseconds));
}
int csys_timerfd_create(int clock, int flags) { return RESULT(timerfd_create(clock, flags | TFD_CLOEXEC)); }
int csys_timerfd_settime(int fd, int flags, const struct itimerspec *value) {
  return RESULT(timerfd_settime(fd, flags, value, NULL));
}
int csys_inotify_init1(int flags) { return RESULT(inotify_init1(flags | IN_CLOEXEC)); }
int csys_inotify_add_watch(int inotify, const char *path, uint32_t events) {
  return RESULT(inotify_add_watch(inotify, path, events));
}
int csys_inotify_rm_watch(int inotify, int watch) { return RESULT(inotify_rm_watch(inotify, watch)); }
int csys_eventfd(unsigned initial, int flags) { return RESULT(eventfd(initial, flags | EFD_CLOEXEC)); }

int csys_openpty_master(void) {
  int master = RESULT(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (master < 0) return master;
  int unlock = 0;
  if (ioctl(master, TIOCSPTLCK, &unlock) == 0) return master;
  int failure = errno;
  close(master);
  return -failure;
}
int csys_tiocgptpeer(int master, int flags) { return RESULT(ioctl(master, TIOCGPTPEER, flags)); }
int csys_tcgetattr(int fd, struct termios *attributes) { return RESULT(tcgetattr(fd, attributes)); }
int csys_tcsetattr(int fd, int when, const struct termios *attributes) { return RESULT(tcsetattr(fd, when, attributes)); }
int csys_get_window_size(int fd, uint16_t *rows, uint16_t *columns) {
  struct winsize size;
  int result = RESULT(ioctl(fd, TIOCGWINSZ, &size));
  if (result == 0) { *rows = size.ws_row; *columns = size.ws_col; }
  return result;
}
int csys_set_window_size(int fd, uint16_t rows, uint16_t columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return RESULT(ioctl(fd, TIOCSWINSZ, &size));
}
int csys_set_controlling_terminal(int fd) { return RESULT(ioctl(fd, TIOCSCTTY, 0)); }
