// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

// The kernel headers that hold these redefine libc's in types; the numbers are part of the kernel's interface.
#define SO_ORIGINAL_DST 80
#define IP6T_SO_ORIGINAL_DST 80

int skein_accept4(int listener, void *peer, uint32_t *length) {
  return accept4(listener, peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int skein_setns_network(int namespace_descriptor) { return setns(namespace_descriptor, CLONE_NEWNET); }

int skein_is_network_namespace(int descriptor) { return ioctl(descriptor, NS_GET_NSTYPE) == CLONE_NEWNET; }

int skein_original_destination(int socket, void *address, uint32_t *length, int is_ipv6) {
  return is_ipv6 ? getsockopt(socket, IPPROTO_IPV6, IP6T_SO_ORIGINAL_DST, address, length)
                 : getsockopt(socket, IPPROTO_IP, SO_ORIGINAL_DST, address, length);
}

int skein_set_thread_name(const char *name) { return pthread_setname_np(pthread_self(), name); }

void skein_give_back_heap(void) { malloc_trim(0); }

void skein_give_back_pages(void *start, unsigned long count) { madvise(start, count, MADV_DONTNEED); }

struct place {
  int level;
  int name;
};

static struct place place_of(enum skein_socket_option option) {
  switch (option) {
    case SKEIN_TRANSPARENT_V4: return (struct place){IPPROTO_IP, IP_TRANSPARENT};
    case SKEIN_TRANSPARENT_V6: return (struct place){IPPROTO_IPV6, IPV6_TRANSPARENT};
    case SKEIN_FREEBIND_V4: return (struct place){IPPROTO_IP, IP_FREEBIND};
    case SKEIN_FREEBIND_V6: return (struct place){IPPROTO_IPV6, IPV6_FREEBIND};
    case SKEIN_MARK: return (struct place){SOL_SOCKET, SO_MARK};
    case SKEIN_REUSEPORT: return (struct place){SOL_SOCKET, SO_REUSEPORT};
    case SKEIN_KEEPALIVE_IDLE: return (struct place){IPPROTO_TCP, TCP_KEEPIDLE};
    case SKEIN_KEEPALIVE_INTERVAL: return (struct place){IPPROTO_TCP, TCP_KEEPINTVL};
    case SKEIN_KEEPALIVE_COUNT: return (struct place){IPPROTO_TCP, TCP_KEEPCNT};
    case SKEIN_USER_TIMEOUT: return (struct place){IPPROTO_TCP, TCP_USER_TIMEOUT};
    case SKEIN_NODELAY: return (struct place){IPPROTO_TCP, TCP_NODELAY};
    case SKEIN_NOTSENT_LOWAT: return (struct place){IPPROTO_TCP, TCP_NOTSENT_LOWAT};
  }
  return (struct place){-1, -1};
}

int skein_set_option(int socket, enum skein_socket_option option, int value) {
  struct place place = place_of(option);
  return setsockopt(socket, place.level, place.name, &value, sizeof value);
}

int skein_get_option(int socket, enum skein_socket_option option, int *value) {
  struct place place = place_of(option);
  socklen_t length = sizeof *value;
  return getsockopt(socket, place.level, place.name, value, &length);
}

int skein_set_congestion(int socket, const char *name, uint32_t length) {
  return setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, length);
}
