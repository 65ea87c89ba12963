# Target segwhy_advisors: the commands that answer without a crash, `segwhy doctor` and `segwhy explain`.
file(GLOB cause_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/causes/*.md)
set(cause_pages_cc ${CMAKE_CURRENT_BINARY_DIR}/cause_pages.cc)
add_custom_command(
  OUTPUT ${cause_pages_cc}
  COMMAND ${CMAKE_COMMAND} -DPAGES_DIR=${PROJECT_SOURCE_DIR}/docs/causes -DOUTPUT=${cause_pages_cc}
          -P ${CMAKE_CURRENT_LIST_DIR}/embed_causes.cmake
  DEPENDS ${cause_pages} ${CMAKE_CURRENT_LIST_DIR}/embed_causes.cmake
  VERBATIM)
segwhy_layer(advisors
  SOURCES doctor.cc doctor_checks.cc doctor_facts.cc doctor_python.cc explain.cc version_range.cc ${cause_pages_cc}
  LINKS segwhy_report segwhy_capture segwhy_elf
  PRIVATE_LINKS fmt::fmt nlohmann_json::nlohmann_json)
segwhy_test(advisors_test SOURCES doctor_test.cc explain_test.cc LINKS segwhy_advisors)
