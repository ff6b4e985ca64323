# Protocols that are argued beside their code are also searched exhaustively, by Spin.

find_program(MUSTER_SPIN spin)
find_program(MUSTER_CC NAMES gcc cc clang)
mark_as_advanced(MUSTER_SPIN MUSTER_CC)

# muster_add_model(name file.pml [DEFINES A B=2 ...] [LTL claim] [MEMORY MiB] [FAILS])
# A ctest test with label `model`: no reachable state breaks an assertion or is stuck, the search was complete, and no
# assertion stands where it is never reached. LTL: checks that claim, too, for all fair runs.
# FAILS: the search must find an error (a model with the cure taken out, to show that the model would notice).
function(muster_add_model name file)
  cmake_parse_arguments(PARSE_ARGV 2 arg "FAILS" "LTL;MEMORY" "DEFINES")
  if(NOT MUSTER_MODELS)
    return()
  endif()
  if(NOT MUSTER_SPIN OR NOT MUSTER_CC)
    message(FATAL_ERROR "The models need spin and a C compiler: install them (./dev setup) or set MUSTER_MODELS=OFF.")
  endif()
  if(NOT arg_MEMORY)
    set(arg_MEMORY 2048)
  endif()
  list(TRANSFORM arg_DEFINES PREPEND -D)
  cmake_path(ABSOLUTE_PATH file)
  add_test(NAME model.${name}
           COMMAND ${CMAKE_COMMAND} -E env SPIN=${MUSTER_SPIN} CC=${MUSTER_CC} MEMORY=${arg_MEMORY} LTL=${arg_LTL}
                   FAILS=$<BOOL:${arg_FAILS}>
                   bash ${PROJECT_SOURCE_DIR}/cmake/run_model.sh ${file} ${PROJECT_BINARY_DIR}/models/${name} ${arg_DEFINES})
  set_tests_properties(model.${name} PROPERTIES TIMEOUT ${MUSTER_TEST_TIMEOUT} LABELS model)
endfunction()
