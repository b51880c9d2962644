// CUDA on the CPU: what the kernels of cuda/src need of the language and the runtime, so that any C++ compiler builds them and a machine
// without a GPU runs them. cuda/src/device.h includes this in place of CUDA's headers where LIMEN_CUDA_EMULATION is defined.
//
// What goes wrong shows in one of these ways:
//
//   a barrier or shuffle not reached by all its threads    a Fault that names kernel, block, thread, construct and line
//   a shuffle from a lane that does not take part          a Fault
//   an asynchronous copy never waited for, misaligned      a Fault
//   a gate that was not opened or that is waited for late  a Fault, and one that nobody opens is one, too
//   memory outside an array, shared memory included        AddressSanitizer (shared memory is a heap block of exactly the size asked for)
//   misaligned vector access, overflow of signed numbers   UndefinedBehaviorSanitizer
//   a data race between threads of a block                 ThreadSanitizer, to which every barrier is known and every thread is one of
//                                                          its own: it sees the plain loads and stores that cannot be intercepted here
//   a race between blocks, a missing wait for a copy,      results that differ between schedules (schedule.h), or NaN in them
//   memory read before it was written
//
// What does not show: a race between threads of equal index in different blocks that gives the same result in any order of the blocks; local
// variables read before they were written; the speed, divergence and bank conflicts of a kernel; how nvcc contracts and reorders arithmetic.
#pragma once

#include "async_copy.h"    // IWYU pragma: export
#include "gate.h"          // IWYU pragma: export
#include "half_types.h"    // IWYU pragma: export
#include "intrinsics.h"    // IWYU pragma: export
#include "launch.h"        // IWYU pragma: export
#include "qualifiers.h"    // IWYU pragma: export
#include "runtime_api.h"   // IWYU pragma: export
#include "threads.h"       // IWYU pragma: export
#include "vector_types.h"  // IWYU pragma: export
