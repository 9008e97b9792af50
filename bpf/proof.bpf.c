// SPDX-License-Identifier: Apache-2.0
// The smallest program worth loading: it shows that the package build compiles, embeds and loads BPF.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int pass(struct __sk_buff *packet) {
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
