// What kernels call.
#include <limits>

#include "runner.h"

namespace cuda_emulation {

void fault(const std::string& what, const Where& where) { Runner::instance().fail(what, where); }

std::string text(const Where& where) {
    const std::string file = where.file_name();
    return file.substr(file.find_last_of('/') + 1) + ':' + std::to_string(where.line());
}

const Indices& indices() { return Runner::instance().current().indices; }
int lane() { return Runner::instance().current().index % 32; }
std::byte* dynamic_shared_memory() { return Runner::instance().block().shared_memory(); }
AsyncCopies& async_copies() { return Runner::instance().current().copies; }

void block_barrier(const Where& where) {
    Runner& r = Runner::instance();
    r.meet(r.all("__syncthreads", where), "__syncthreads", 0, true, where);
}

bool block_vote(bool predicate, const Where& where) {
    Runner& r = Runner::instance();
    Meeting& meeting = r.all("__syncthreads_or", where);
    return meeting.any(r.meet(meeting, "__syncthreads_or", predicate, true, where));
}

void warp_barrier(unsigned mask, const Where& where) {
    Runner& r = Runner::instance();
    r.meet(r.lanes(mask, "__syncwarp", where), "__syncwarp", 0, true, where);
}

std::uint64_t exchange(const char* construct, unsigned mask, std::uint64_t word, int source, const Where& where) {
    Runner& r = Runner::instance();
    Meeting& meeting = r.lanes(mask, construct, where);
    if (!(mask >> source & 1))
        r.fail(std::string(construct) + " reads lane " + std::to_string(source) + ", which does not take part", where);
    // A shuffle hands a value on, but orders no memory.
    return meeting.word(r.meet(meeting, construct, word, false, where), source);
}

unsigned vote(const char* construct, unsigned mask, bool predicate, const Where& where) {
    Runner& r = Runner::instance();
    Meeting& meeting = r.lanes(mask, construct, where);
    const unsigned number = r.meet(meeting, construct, predicate, false, where);
    unsigned bits = 0;
    for (int i = 0; i < 32; i++)
        if (mask >> i & 1) bits |= static_cast<unsigned>(meeting.word(number, i)) << i;
    return bits;
}

cudaError_t run(const Launch& launch) {
    // The limits of all devices; shared memory that of the smallest, of compute capability 7.5.
    constexpr unsigned long most_threads = 1024, most_shared = 64 << 10, most_blocks_across = 65535;
    const dim3 &g = launch.grid, &b = launch.block;
    const unsigned long threads = 1ul * b.x * b.y * b.z, blocks = 1ul * g.x * g.y * g.z;
    if (threads == 0 || threads > most_threads || b.z > 64 || blocks == 0 || g.x > std::numeric_limits<int>::max() ||
        g.y > most_blocks_across || g.z > most_blocks_across)
        return cudaErrorInvalidConfiguration;
    if (launch.shared_bytes > most_shared) return cudaErrorInvalidValue;
    Runner::instance().run(launch);
    return cudaSuccess;
}

}  // namespace cuda_emulation
