#include "switch_stack.h"

#include <cstdint>

#if defined(__x86_64__)

// The registers that a function must leave as they are, and the return address of the call, lie on the stack that waits.
__asm__(R"(
    .text
    .globl cuda_emulation_switch_stack
    .hidden cuda_emulation_switch_stack
    .type cuda_emulation_switch_stack, @function
cuda_emulation_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size cuda_emulation_switch_stack, . - cuda_emulation_switch_stack
    .section .note.GNU-stack, "", @progbits
    .text
)");

#elif defined(__aarch64__)

__asm__(R"(
    .text
    .globl cuda_emulation_switch_stack
    .hidden cuda_emulation_switch_stack
    .type cuda_emulation_switch_stack, %function
cuda_emulation_switch_stack:
    sub sp, sp, #160
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size cuda_emulation_switch_stack, . - cuda_emulation_switch_stack
    .section .note.GNU-stack, "", %progbits
    .text
)");

#else
#error "no switch of stacks for this processor"
#endif

namespace cuda_emulation {

void* new_stack(std::byte* begin, std::size_t size, void (*entry)()) {
    // As the switch leaves a stack behind, all registers zero: a frame pointer of zero ends the walks of debuggers and sanitizers.
#if defined(__x86_64__)
    constexpr std::size_t words = 8, return_address = 6;  // and one that `entry` finds in place of its own
#else
    constexpr std::size_t words = 20, return_address = 11;
#endif
    auto* const at = reinterpret_cast<std::uintptr_t*>(begin + size) - words;
    for (std::size_t i = 0; i < words; i++) at[i] = 0;
    at[return_address] = reinterpret_cast<std::uintptr_t>(entry);
    return at;
}

}  // namespace cuda_emulation
