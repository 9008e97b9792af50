// SPDX-License-Identifier: Apache-2.0
// libnftables for Swift.

#include <stdlib.h>

#include <nftables/libnftables.h>
