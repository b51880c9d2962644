# limen_add_instruction_set(<target> <name> [<flag>...])
#
# Compiles cpp/src/simd/<name>.cpp, and nothing else, with the flags of one instruction set, and defines LIMEN_HAVE_<NAME> for
# the rest of the target, which is compiled for the baseline of the architecture: the linker keeps one copy of an inline
# function for all, and that one must run on every processor.
include_guard(GLOBAL)

function(limen_add_instruction_set target name)
    set(source "${PROJECT_SOURCE_DIR}/cpp/src/simd/${name}.cpp")
    target_sources(${target} PRIVATE "${source}")
    set_property(SOURCE "${source}" APPEND PROPERTY COMPILE_OPTIONS
        ${ARGN}
        -ffp-contract=fast  # Without it, GCC in ISO mode multiplies and adds in two instructions.
        -fno-math-errno     # With it, a square root is a branch to the library.
        # Short copies of vectors would become calls of memmove; only GCC knows the option.
        $<$<CXX_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>
    )
    string(TOUPPER "LIMEN_HAVE_${name}" definition)
    target_compile_definitions(${target} PRIVATE ${definition}=1)
endfunction()
