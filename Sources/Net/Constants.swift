// SPDX-License-Identifier: Apache-2.0
// The kernel's constants, each with one Swift name and the type its call takes: they import as whatever the header
// happened to use.

import CLinux
import Glibc

/// Events of epoll.
enum Poll {
  static let input = EPOLLIN.rawValue
  static let output = EPOLLOUT.rawValue
  static let peerHangup = EPOLLRDHUP.rawValue
  static let hangup = EPOLLHUP.rawValue
  static let error = EPOLLERR.rawValue
  static let edge = EPOLLET.rawValue
}

/// Flags of calls.
enum Flag {
  static let eventfd = CInt(EFD_NONBLOCK) | CInt(EFD_CLOEXEC)
  static let epoll = CInt(EPOLL_CLOEXEC)
  static let noSignal = CInt(MSG_NOSIGNAL)
  static let stream = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
}
