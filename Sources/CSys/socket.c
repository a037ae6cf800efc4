#include "csys.h"
#include "result.h"
#include <net/if.h>

enum { FDS_MAX = 16 };

int csys_socket(int domain, int type, int protocol) { return RESULT(socket(domain, type | SOCK_CLOEXEC, protocol)); }
int csys_socketpair(int domain, int type, int protocol, int ends[2]) {
  return RESULT(socketpair(domain, type | SOCK_CLOEXEC, protocol, ends));
}
int csys_bind(int fd, const void *address, socklen_t size) { return RESULT(bind(fd, address, size)); }
int csys_connect(int fd, const void *address, socklen_t size) { return RESULT(connect(fd, address, size)); }
int csys_listen(int fd, int backlog) { return RESULT(listen(fd, backlog)); }
int csys_accept4(int fd, int flags) { return RESULT(accept4(fd, NULL, NULL, flags | SOCK_CLOEXEC)); }
int csys_set_receive_timeout(int fd, int milliseconds) {
  struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
  return RESULT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
}
int csys_shutdown(int fd, int how) { return RESULT(shutdown(fd, how)); }
int csys_setsockopt(int fd, int level, int option, int value) {
  return RESULT(setsockopt(fd, level, option, &value, sizeof value));
}
int csys_set_send_timeout(int fd, long milliseconds) {
  struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};
  return RESULT(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
}
ssize_t csys_receive_netlink(int socket, void *bytes, size_t count, int flags) {
  struct sockaddr_nl sender = {0};
  socklen_t size = sizeof sender;
  ssize_t got = RESULT(recvfrom(socket, bytes, count, flags | MSG_TRUNC, (struct sockaddr *)&sender, &size));
  return got >= 0 && sender.nl_pid != 0 ? -EAGAIN : got;
}
int csys_set_interface_up(int socket, const char *name) {
  struct ifreq request = {0};
  if (strlen(name) >= sizeof request.ifr_name) return -ENAMETOOLONG;
  memcpy(request.ifr_name, name, strlen(name));
  if (ioctl(socket, SIOCGIFFLAGS, &request) < 0) return -errno;
  request.ifr_flags |= IFF_UP;
  return RESULT(ioctl(socket, SIOCSIFFLAGS, &request));
}

static ssize_t send_message(int socket, struct msghdr *message, int flags) { return RESULT(sendmsg(socket, message, flags)); }

static ssize_t send_as_one_of_many(int socket, struct msghdr *message, int flags) {
  struct mmsghdr one = {.msg_hdr = *message};
  ssize_t sent = RESULT(sendmmsg(socket, &one, 1, flags));
  return sent < 0 ? sent : (ssize_t)one.msg_len;
}

static ssize_t send_fds(ssize_t (*call)(int, struct msghdr *, int), int socket, const void *bytes, size_t count,
                        const int *fds, int fd_count, int flags) {
  if (fd_count < 0 || fd_count > FDS_MAX) return -EINVAL;
  union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int) * FDS_MAX)]; } control;
  memset(&control, 0, sizeof control);
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd_count) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fd_count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fd_count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)fd_count);
  }
  return call(socket, &message, flags | MSG_NOSIGNAL);
}

ssize_t csys_send_fds(int socket, const void *bytes, size_t count, const int *fds, int fd_count, int flags) {
  return send_fds(send_message, socket, bytes, count, fds, fd_count, flags);
}

ssize_t csys_send_fds_by_sendmmsg(int socket, const void *bytes, size_t count, const int *fds, int fd_count, int flags) {
  return send_fds(send_as_one_of_many, socket, bytes, count, fds, fd_count, flags);
}

ssize_t csys_receive_fds(int socket, void *bytes, size_t count, int *fds, int *fd_count, int flags) {
  union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int) * FDS_MAX)]; } control;
  struct iovec part = {.iov_base = bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  int room = *fd_count;
  *fd_count = 0;
  ssize_t got = RESULT(recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC));
  if (got < 0) return got;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int *sent = (int *)CMSG_DATA(header);
    int number = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < number; i++) {
      if (*fd_count < room) fds[(*fd_count)++] = sent[i];
      else close(sent[i]); /* nobody asked for it */
    }
  }
  return got;
}

/* --- datagrams, many in one call --- */
enum { DATAGRAMS_MAX = 64 };

int csys_receive_datagrams(int socket, struct csys_datagram *datagrams, unsigned count) {
  if (count > DATAGRAMS_MAX) return -EINVAL;
  struct mmsghdr messages[DATAGRAMS_MAX];
  struct iovec parts[DATAGRAMS_MAX];
  for (unsigned i = 0; i < count; i++) {
    parts[i] = (struct iovec){.iov_base = datagrams[i].bytes, .iov_len = datagrams[i].count};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_name = &datagrams[i].peer,
                                          .msg_namelen = sizeof datagrams[i].peer};
  }
  int got = RESULT(recvmmsg(socket, messages, count, MSG_DONTWAIT | MSG_TRUNC, NULL));
  for (int i = 0; i < got; i++) {
    datagrams[i].count = messages[i].msg_len;
    datagrams[i].peer_size = messages[i].msg_hdr.msg_namelen;
  }
  return got;
}

int csys_send_datagrams(int socket, const struct csys_datagram *datagrams, unsigned count) {
  if (count > DATAGRAMS_MAX) return -EINVAL;
  struct mmsghdr messages[DATAGRAMS_MAX];
  struct iovec parts[DATAGRAMS_MAX];
  for (unsigned i = 0; i < count; i++) {
    parts[i] = (struct iovec){.iov_base = datagrams[i].bytes, .iov_len = datagrams[i].count};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1,
                                          .msg_name = (void *)&datagrams[i].peer, .msg_namelen = datagrams[i].peer_size};
  }
  return RESULT(sendmmsg(socket, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int csys_accept_from(int fd, union csys_address *peer, int flags) {
  socklen_t size = sizeof *peer;
  return RESULT(accept4(fd, &peer->any, &size, flags | SOCK_CLOEXEC));
}
