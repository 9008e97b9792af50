// SPDX-License-Identifier: Apache-2.0
// libyaml for Swift.

#include <yaml.h>
