# Tests, examples and benchmarks, each added by one line.

find_package(GTest REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
include(GoogleTest)

set(MUSTER_TEST_FLAGS "" CACHE STRING "Options for the compiler, for tests and examples alone (developers)")
mark_as_advanced(MUSTER_TEST_FLAGS)

# A hang ends as a failure, late enough for the slowest machine under a sanitizer.
set(MUSTER_TEST_TIMEOUT 300)

# What nearly every test includes, compiled once. It is no licence to leave an include out: the preset `release` has none.
option(MUSTER_PRECOMPILE "Compile the headers of the tests only once (developers)" OFF)
function(muster_precompile_headers target)
  if(NOT MUSTER_PRECOMPILE)
    return()
  endif()
  if(NOT TARGET muster_test_headers)
    file(WRITE ${PROJECT_BINARY_DIR}/test_headers.cpp "")
    add_library(muster_test_headers OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/test_headers.cpp)
    target_link_libraries(muster_test_headers PRIVATE muster::muster GTest::gtest_main)
    target_precompile_headers(muster_test_headers PRIVATE <gtest/gtest.h> <muster/pool.hpp> <muster/threading.hpp>)
    muster_warnings(muster_test_headers)
    target_compile_options(muster_test_headers PRIVATE ${MUSTER_TEST_FLAGS})
  endif()
  target_precompile_headers(${target} REUSE_FROM muster_test_headers)
endfunction()

# muster_add_test(name source... [LABEL label] [TIMEOUT seconds] [SERIAL] [INSIDE] [METHODS pattern] [LINK library...])
# A GoogleTest program; every TEST in it becomes a ctest test in a process of its own.
# METHODS: those that match run with each start method, with fork first. INSIDE: may use the private headers. SERIAL: runs beside no other test. `ctest -L label` picks, `-LE label` leaves out.
function(muster_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL;INSIDE" "LABEL;TIMEOUT;METHODS" "LINK")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT ${MUSTER_TEST_TIMEOUT})
  endif()
  if(NOT arg_LABEL)
    set(arg_LABEL api)
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})  # "tests/x.hpp"
  target_link_libraries(${name} PRIVATE $<IF:$<BOOL:${arg_INSIDE}>,muster_inside,muster::muster> ${arg_LINK}
                                        GTest::gtest_main)
  muster_warnings(${name})
  target_compile_options(${name} PRIVATE ${MUSTER_TEST_FLAGS})
  muster_precompile_headers(${name})
  set(serial)
  if(arg_SERIAL)
    set(serial RUN_SERIAL ON)
  endif()
  set(discovery DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
  set(properties TIMEOUT ${arg_TIMEOUT} LABELS ${arg_LABEL} ${serial})
  gtest_discover_tests(${name} ${discovery} PROPERTIES ${properties})
  if(arg_METHODS)
    foreach(method IN ITEMS forkserver spawn)
      gtest_discover_tests(${name} ${discovery} TEST_PREFIX ${method}. TEST_FILTER ${arg_METHODS}
                           PROPERTIES ${properties} ENVIRONMENT MUSTER_TEST_START_METHOD=${method})
    endforeach()
  endif()
endfunction()

# muster_add_inner_tests(file...): one program for each src/.../x_test.cpp, named x_test.
function(muster_add_inner_tests)
  foreach(file IN LISTS ARGN)
    cmake_path(GET file STEM name)
    muster_add_test(${name} ${PROJECT_SOURCE_DIR}/src/${file} INSIDE LABEL inner)
  endforeach()
endfunction()

# muster_add_script_test(name script [argument...] [LABEL label])
# A Python (.py) or bash (.sh) script that fails by its exit status.
function(muster_add_script_test name script)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "LABEL" "")
  if(NOT arg_LABEL)
    set(arg_LABEL script)
  endif()
  set(interpreter bash)
  if(script MATCHES "\\.py$")
    set(interpreter ${Python3_EXECUTABLE} -B)
  endif()
  cmake_path(ABSOLUTE_PATH script)
  add_test(NAME ${name} COMMAND ${interpreter} ${script} ${arg_UNPARSED_ARGUMENTS})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${MUSTER_TEST_TIMEOUT} LABELS ${arg_LABEL})
endfunction()

# muster_add_examples(file.cpp...): a program each, run as a test; with file.expected beside it, its output must be that.
function(muster_add_examples)
  foreach(file IN LISTS ARGN)
    cmake_path(GET file STEM name)
    add_executable(example_${name} ${file})
    set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name})
    target_link_libraries(example_${name} PRIVATE muster::muster)
    muster_warnings(example_${name})
    target_compile_options(example_${name} PRIVATE ${MUSTER_TEST_FLAGS})
    muster_add_script_test(example.${name} ${PROJECT_SOURCE_DIR}/cmake/run_example.sh $<TARGET_FILE:example_${name}>
                           ${CMAKE_CURRENT_SOURCE_DIR}/${name}.expected LABEL example)
  endforeach()
endfunction()

# muster_add_bench(name source... [INSIDE] [LINK library...]): bench_NAME, which `./dev bench` builds and runs.
function(muster_add_bench name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "INSIDE" "" "LINK")
  add_executable(bench_${name} ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name})
  target_include_directories(bench_${name} PRIVATE ${PROJECT_SOURCE_DIR})  # "bench/config.hpp"
  target_link_libraries(bench_${name} PRIVATE $<IF:$<BOOL:${arg_INSIDE}>,muster_inside,muster::muster> ${arg_LINK})
  muster_warnings(bench_${name})
  set_property(GLOBAL APPEND PROPERTY MUSTER_BENCHES bench_${name})
  set_property(GLOBAL APPEND PROPERTY MUSTER_BENCH_FILES $<TARGET_FILE:bench_${name}>)
endfunction()
