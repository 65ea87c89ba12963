// Words for the parts of a Case: signals, places, frames, faults. Shared by the text sections; plain text without
// layout. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/verdict.h"
#include "evidence/model/case.h"

namespace segwhy::report {

// "1,234,567"
[[nodiscard]] std::string grouped(std::uint64_t number);

// "train.py:12"; without a line just the file.
[[nodiscard]] std::string place(std::string_view file, const std::optional<int>& line);

// A path for reading: relative to `cwd` when inside it, from the package on when installed, from the library directory
// on when part of the standard library.
[[nodiscard]] std::string short_path(std::string_view path, std::string_view cwd);

// The frame's name for reading, or whole; "0x1234 in libfoo.so" when it has none.
[[nodiscard]] std::string native_name(const NativeFrame& frame, bool whole);

// "libfoo.so", or "kernel.cc:31" where debug information gives it; whole: path+offset.
[[nodiscard]] std::string native_place(const NativeFrame& frame, bool whole);

// "SIGSEGV: read of 8 bytes at 0x10, which is not mapped"; how the program ended when there was no fault.
[[nodiscard]] std::string death_sentence(const Case& evidence);

// Where the fault address lies, or its nearest neighbours; a line each.
[[nodiscard]] std::vector<std::string> neighbourhood(const Fault& fault);

// "rax = 0x0, ecx = 0x5": what the instruction's operands held before it ran, those it reads.
[[nodiscard]] std::string operand_values(const Instruction& instruction);

}  // namespace segwhy::report
