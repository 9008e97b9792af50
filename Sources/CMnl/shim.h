// SPDX-License-Identifier: Apache-2.0
// libmnl for Swift: a message of routing netlink, put together field by field. The kernel's own headers, of which some
// redefine the C library's types, stay behind these inlines.

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>

enum { skein_message_bytes = 512 };

static inline struct nlmsghdr *skein_message(void *buffer, uint16_t type, uint16_t flags) {
  struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
  header->nlmsg_type = type;
  header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
  header->nlmsg_seq = (uint32_t)time(NULL);
  return header;
}

// `local default dev lo table N`: every address is this machine's, for packets that look there.
static inline void skein_local_route(void *buffer, bool adds, bool v6, uint32_t table, uint32_t loopback) {
  struct nlmsghdr *header =
      skein_message(buffer, adds ? RTM_NEWROUTE : RTM_DELROUTE, adds ? NLM_F_CREATE | NLM_F_REPLACE : 0);
  struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof *route);
  route->rtm_family = v6 ? 10 : 2;
  route->rtm_table = table < 256 ? (unsigned char)table : RT_TABLE_UNSPEC;
  route->rtm_protocol = RTPROT_STATIC;
  route->rtm_scope = RT_SCOPE_HOST;
  route->rtm_type = RTN_LOCAL;
  mnl_attr_put_u32(header, RTA_TABLE, table);
  mnl_attr_put_u32(header, RTA_OIF, loopback);
}

// `fwmark MARK/MASK lookup TABLE pref PRIORITY`
static inline void skein_mark_rule(
    void *buffer, bool adds, bool v6, uint32_t mark, uint32_t mask, uint32_t table, uint32_t priority) {
  struct nlmsghdr *header =
      skein_message(buffer, adds ? RTM_NEWRULE : RTM_DELRULE, adds ? NLM_F_CREATE | NLM_F_EXCL : 0);
  struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(header, sizeof *rule);
  rule->family = v6 ? 10 : 2;
  rule->action = FR_ACT_TO_TBL;
  rule->table = table < 256 ? (unsigned char)table : RT_TABLE_UNSPEC;
  mnl_attr_put_u32(header, FRA_TABLE, table);
  mnl_attr_put_u32(header, FRA_FWMARK, mark);
  mnl_attr_put_u32(header, FRA_FWMASK, mask);
  mnl_attr_put_u32(header, FRA_PRIORITY, priority);
}

// Sends a message and waits for the kernel's answer: 0, or an errno.
static inline int skein_ask(void *buffer) {
  struct nlmsghdr *header = (struct nlmsghdr *)buffer;
  struct mnl_socket *link = mnl_socket_open2(0 /* NETLINK_ROUTE */, 02000000 /* SOCK_CLOEXEC */);
  if (!link) return errno;
  int code = 0;
  char answer[8192];
  ssize_t count;
  if (mnl_socket_bind(link, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(link, header, header->nlmsg_len) < 0)
    code = errno;
  else if ((count = mnl_socket_recvfrom(link, answer, sizeof answer)) < 0)
    code = errno;
  else if (mnl_cb_run(answer, (size_t)count, header->nlmsg_seq, mnl_socket_get_portid(link), NULL, NULL) < 0)
    code = errno;
  mnl_socket_close(link);
  return code;
}
