// SPDX-License-Identifier: Apache-2.0
// Linux calls and macros that Swift cannot see through Glibc. No logic.
// No header of sockets here: a type that two modules own belongs, for Swift, to the wrong one.
#pragma once

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

int skein_accept4(int listener, void *peer, uint32_t *length);
int skein_setns_network(int namespace_descriptor);
/* 1 when the descriptor is one of a network namespace. */
int skein_is_network_namespace(int descriptor);
int skein_original_destination(int socket, void *address, uint32_t *length, int is_ipv6);
int skein_set_thread_name(const char *name);

void skein_give_back_heap(void);
void skein_give_back_pages(void *start, unsigned long count);

enum skein_socket_option {
  SKEIN_TRANSPARENT_V4,
  SKEIN_TRANSPARENT_V6,
  SKEIN_FREEBIND_V4,
  SKEIN_FREEBIND_V6,
  SKEIN_MARK,
  SKEIN_REUSEPORT,
  SKEIN_KEEPALIVE_IDLE,
  SKEIN_KEEPALIVE_INTERVAL,
  SKEIN_KEEPALIVE_COUNT,
  SKEIN_USER_TIMEOUT,
  SKEIN_NODELAY,
  SKEIN_NOTSENT_LOWAT,
};
int skein_set_option(int socket, enum skein_socket_option option, int value);
int skein_get_option(int socket, enum skein_socket_option option, int *value);
int skein_set_congestion(int socket, const char *name, uint32_t length);
