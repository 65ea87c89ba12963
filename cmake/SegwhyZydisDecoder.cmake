# segwhy_zydis_decoder: the decoder of Zydis as a static library that needs nothing, not even libc, for the runtime.
# The distributions package only the shared library, so it is built from the sources of the same package. Without them
# the target is missing and the runtime does without exact mode.
set(SEGWHY_ZYDIS_SOURCE "" CACHE PATH "sources of Zydis; empty: tools/zydis-source fetches them through apt")
set(zydis_source "${SEGWHY_ZYDIS_SOURCE}")
if(NOT zydis_source)
  execute_process(
    COMMAND ${PROJECT_SOURCE_DIR}/tools/zydis-source ${PROJECT_SOURCE_DIR}/.cache
    OUTPUT_VARIABLE zydis_source OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE zydis_failed)
  if(zydis_failed)
    set(zydis_source "")
  endif()
endif()

if(EXISTS "${zydis_source}/src/Decoder.c")
  set(zydis_units Decoder DecoderData Register SharedData)
  list(TRANSFORM zydis_units REPLACE "(.+)" "${zydis_source}/src/\\1.c")
  add_library(segwhy_zydis_decoder STATIC ${zydis_units})
  target_include_directories(segwhy_zydis_decoder SYSTEM PUBLIC ${zydis_source}/include PRIVATE ${zydis_source}/src)
  target_compile_definitions(segwhy_zydis_decoder PUBLIC ZYDIS_STATIC_BUILD ZYCORE_STATIC_BUILD PRIVATE ZYAN_NO_LIBC)
  target_compile_options(segwhy_zydis_decoder PRIVATE -w -O2 -fPIC -fvisibility=hidden -fno-stack-protector
    -U_FORTIFY_SOURCE)
else()
  message(WARNING "no sources of Zydis (set SEGWHY_ZYDIS_SOURCE): the runtime is built without exact mode")
endif()
