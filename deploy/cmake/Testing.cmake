# How a test is registered.
#
#   millrace_test(NAME name SOURCES a_test.cc ... LIBS target ...
#                 [ENV NAME=value ...] [TIMEOUT s] [SERIAL])
#     One GoogleTest program; each of its tests is a test of ctest, named name.Suite.Test. A test
#     that calls GTEST_SKIP is shown as skipped. Linking millrace::torch where LibTorch is absent
#     gives one skipped test in the program's place.
#   millrace_python_test(NAME name COMMAND script.py arg ...
#                        [ENV NAME=value ...] [TIMEOUT s] [SERIAL])
#     One test run by the virtual environment's interpreter, which finds the package millrace of
#     client/python; exit code 77 means skipped.
#   millrace_benchmark(NAME name SOURCES a_bench.cc ... LIBS target ...)
#     A Google Benchmark program in the same folder as the tests; built, never run by ctest.
#
# TIMEOUT is per test, in seconds. SERIAL: no other test runs beside it.
# Every test runs in a folder of its own below the build folder's tests/ and has this environment:
#   MILLRACE_DATA   recordings: the configured path, else ../shared/data beside the sources. A test
#                   that needs a recording which is not there skips itself.
#   MILLRACE_BIN    folder of millraced and millrace
#   MILLRACE_SOURCE root of the sources

include(GoogleTest)

if(DEFINED ENV{MILLRACE_DATA})
  set(millrace_data_default "$ENV{MILLRACE_DATA}")
else()
  cmake_path(GET PROJECT_SOURCE_DIR PARENT_PATH millrace_data_default)
  string(APPEND millrace_data_default "/shared/data")
endif()
set(MILLRACE_DATA "${millrace_data_default}" CACHE PATH "Folder of recordings for the tests")

set(MILLRACE_TEST_DIR "${CMAKE_BINARY_DIR}/tests")
set(MILLRACE_TEST_ENVIRONMENT
    "MILLRACE_DATA=${MILLRACE_DATA}"
    "MILLRACE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
    "MILLRACE_SOURCE=${PROJECT_SOURCE_DIR}")
set(MILLRACE_PYTHON_ENVIRONMENT
    "PYTHONPATH=${PROJECT_SOURCE_DIR}/client/python/src" PYTHONDONTWRITEBYTECODE=1)

function(millrace_skipped_test NAME REASON)
  add_test(NAME ${NAME} COMMAND "${CMAKE_COMMAND}" -E echo "SKIPPED: ${REASON}")
  set_tests_properties(${NAME} PROPERTIES SKIP_REGULAR_EXPRESSION "^SKIPPED")
endfunction()

function(millrace_test)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "SERIAL" "NAME;TIMEOUT" "SOURCES;LIBS;ENV")
  if("millrace::torch" IN_LIST ARG_LIBS AND NOT TARGET millrace::torch)
    millrace_skipped_test(${ARG_NAME} "LibTorch is not installed; ./dev setup installs it")
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set(folder "${MILLRACE_TEST_DIR}/${ARG_NAME}")
  file(MAKE_DIRECTORY "${folder}")
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBS} GTest::gtest_main millrace_warnings)
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${MILLRACE_TEST_DIR}/bin")
  gtest_discover_tests(${ARG_NAME}
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    TEST_PREFIX "${ARG_NAME}."
    NO_PRETTY_TYPES
    NO_PRETTY_VALUES
    TEST_LIST discovered_tests
    WORKING_DIRECTORY "${folder}"
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${ARG_SERIAL})
  # Discovery takes no property that is a list; ctest reads this file after it, and then it can be.
  set(environment ${MILLRACE_TEST_ENVIRONMENT} ${ARG_ENV})
  file(GENERATE OUTPUT "${folder}/environment.cmake" CONTENT
"if(discovered_tests)
  set_tests_properties(\${discovered_tests} PROPERTIES ENVIRONMENT [==[${environment}]==])
endif()
unset(discovered_tests)
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${folder}/environment.cmake")
endfunction()

function(millrace_python_test)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "SERIAL" "NAME;TIMEOUT" "COMMAND;ENV")
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set(folder "${MILLRACE_TEST_DIR}/${ARG_NAME}")
  file(MAKE_DIRECTORY "${folder}")
  add_test(NAME ${ARG_NAME}
    COMMAND "${MILLRACE_PYTHON}" ${ARG_COMMAND}
    WORKING_DIRECTORY "${folder}")
  set_tests_properties(${ARG_NAME} PROPERTIES
    TIMEOUT ${ARG_TIMEOUT}
    RUN_SERIAL ${ARG_SERIAL}
    SKIP_RETURN_CODE 77
    ENVIRONMENT "${MILLRACE_TEST_ENVIRONMENT};${MILLRACE_PYTHON_ENVIRONMENT};${ARG_ENV}")
endfunction()

function(millrace_benchmark)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SOURCES;LIBS")
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBS} benchmark::benchmark_main millrace_warnings)
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${MILLRACE_TEST_DIR}/bin")
endfunction()
