// Marks the definitions that take the place of libc's. Everything else in the runtime is hidden; exports.map and the
// unit test of the library list the same names.
#pragma once

#define SEGWHY_EXPORT extern "C" __attribute__((visibility("default")))
