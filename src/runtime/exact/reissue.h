// The one place from which the filter lets every system call pass.
#pragma once

extern "C" {
// Makes system call `number`; the result is the kernel's.
__attribute__((visibility("hidden"))) long segwhy_reissue(long number, const long* arguments);
__attribute__((visibility("hidden"))) extern const char segwhy_reissue_return[];
}
