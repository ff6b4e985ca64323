# What only developers see: strict warnings, ccache, and one-line helpers for tests, models, benchmarks and examples.

if(MUSTER_DEVELOP AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(MUSTER_CCACHE ccache)
  mark_as_advanced(MUSTER_CCACHE)
  if(MUSTER_CCACHE)
    # A precompiled header must not make everything a miss (see ccache's manual on them).
    # Paths within the checkout count as relative ones, so that a clone at another place finds what the first compiled;
    # the price is that its debug information names the first one's folder.
    set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_CURRENT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${MUSTER_CCACHE})
  endif()
endif()

# Strict in every preset; `dev` makes them fatal.
function(muster_warnings target)
  if(NOT MUSTER_DEVELOP)
    return()
  endif()
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
    -Wold-style-cast -Wcast-qual -Wcast-align -Wundef -Wformat=2 -Wvla -Wextra-semi -Wimplicit-fallthrough
    -Wmissing-declarations -Wredundant-decls -Wzero-as-null-pointer-constant)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wduplicated-cond -Wlogical-op -Wsuggest-override)
  endif()
endfunction()

if(MUSTER_DEVELOP)
  include(testing)
  include(models)
endif()
