# One CMake target per folder: its link list is its include list (a layer sees only what it links).

add_library(segwhy_options INTERFACE)
target_compile_options(segwhy_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast -Wcast-align
  -Wunused -Woverloaded-virtual -Wformat=2 -Wnull-dereference
  $<$<BOOL:${SEGWHY_WERROR}>:-Werror>)

if(SEGWHY_SANITIZE)
  string(REPLACE ";" "," sanitizers "${SEGWHY_SANITIZE}")
  target_compile_options(segwhy_options INTERFACE -fsanitize=${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(segwhy_options INTERFACE -fsanitize=${sanitizers})
endif()

# segwhy_layer(NAME SOURCES a.cc... LINKS segwhy_base...): static library segwhy_NAME with src/ on its include path.
function(segwhy_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS;PRIVATE_LINKS")
  if(arg_SOURCES)
    add_library(segwhy_${name} STATIC ${arg_SOURCES})
    target_include_directories(segwhy_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(segwhy_${name} PUBLIC ${arg_LINKS} PRIVATE ${arg_PRIVATE_LINKS} segwhy_options)
  else()
    add_library(segwhy_${name} INTERFACE)
    target_include_directories(segwhy_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(segwhy_${name} INTERFACE ${arg_LINKS})
  endif()
endfunction()

# segwhy_test(NAME SOURCES a_test.cc... LINKS segwhy_x...): a GoogleTest program, run by ctest with label "unit".
function(segwhy_test name)
  if(NOT SEGWHY_TESTS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_LINKS} GTest::gtest_main GTest::gmock segwhy_options)
  target_compile_definitions(${name} PRIVATE SEGWHY_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# segwhy_fuzz(NAME LAYER SOURCES x_fuzz.cc LINKS segwhy_x...): a libFuzzer program, built by the target `fuzzers`; LAYER is
# instrumented for coverage.
function(segwhy_fuzz name layer)
  if(NOT SEGWHY_FUZZ)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;LINKS")
  target_compile_options(${layer} PRIVATE -fsanitize=fuzzer-no-link)
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${layer} ${arg_LINKS} segwhy_options)
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_dependencies(fuzzers ${name})
endfunction()
