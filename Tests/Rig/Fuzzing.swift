// SPDX-License-Identifier: Apache-2.0
// Fuzzing: one input of the fuzzer, on a worker that lives as long as the process.

import Dispatch
package import Net

private let bench = try? Worker.start(name: "fuzz")

/// Runs `body` over the input on a worker's thread and waits for it; the answer is what libFuzzer wants to hear.
package func fuzz(
  _ data: UnsafePointer<UInt8>?, _ size: Int, _ body: @escaping @Sendable ([UInt8], isolated Worker) async -> Void
) -> CInt {
  guard size > 1, let bench else { return 0 }
  let input = Array(UnsafeBufferPointer(start: data, count: size))
  let done = DispatchSemaphore(value: 0)
  bench.start { worker in
    await body(input, worker)
    done.signal()
  }
  done.wait()
  return 0
}
