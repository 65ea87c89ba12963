#include "assemble/cxx_exception.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace segwhy {
namespace {

// _Unwind_Exception::exception_class without its last byte, which tells a primary (0) from a dependent (1) exception.
constexpr std::uint64_t kGnuClass = 0x474e5543432b2b00;    // "GNUCC++\0"
constexpr std::uint64_t kClangClass = 0x434c4e47432b2b00;  // "CLNGC++\0"
// __cxa_exception puts exceptionType 80 bytes before the unwind header, and the thrown object right behind its 32
// bytes.
constexpr std::uint64_t kTypeBeforeHeader = 80;
constexpr std::uint64_t kHeaderSize = 32;
constexpr std::size_t kStackWindow = std::size_t{64} << 10;
constexpr std::size_t kMaxName = 4096;
constexpr int kMaxBases = 8;

std::optional<std::string> demangle_type(std::string name) {
  if (!name.empty() && name.front() == '*') name.erase(0, 1);  // the ABI's mark for "compare by address"
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status),
                                                         &std::free);
  if (status != 0 || !text) return std::nullopt;
  return to_valid_utf8(text.get());
}

// std::type_info: vptr, then the mangled name.
std::optional<std::string> type_name(MemoryReader& memory, TargetAddr type_info) {
  const auto name_at = memory.pointer(type_info + 8);
  if (!name_at || name_at->is_null()) return std::nullopt;
  const auto name = memory.c_string(*name_at, kMaxName);
  if (!name || name->empty()) return std::nullopt;
  return demangle_type(*name);
}

// The chain of single bases (__si_class_type_info: base at +16). Multiple bases end it: their entries start elsewhere.
std::vector<std::string> base_names(MemoryReader& memory, TargetAddr type_info) {
  std::vector<std::string> bases;
  for (int i = 0; i < kMaxBases; ++i) {
    const auto base = memory.pointer(type_info + 16);
    if (!base || base->is_null() || base->value() % 8 != 0) break;
    auto name = type_name(memory, *base);
    if (!name) break;
    bases.push_back(std::move(*name));
    type_info = *base;
  }
  return bases;
}

// std::logic_error and std::runtime_error keep the text of what() in a reference-counted string: one char* behind the
// vptr.
std::string standard_what(MemoryReader& memory, TargetAddr object, const CxxException& e) {
  const auto keeps_text = [](const std::string& name) {
    return name == "std::runtime_error" || name == "std::logic_error";
  };
  if (!keeps_text(e.type) && std::none_of(e.bases.begin(), e.bases.end(), keeps_text)) return {};
  const auto text_at = memory.pointer(object + 8);
  if (!text_at) return {};
  const auto text = memory.c_string(*text_at, kMaxName);
  return text ? to_valid_utf8(*text) : std::string();
}

std::optional<CxxException> read_exception(MemoryReader& memory, TargetAddr header) {
  const auto tag = memory.value<std::uint64_t>(header);
  if (!tag) return std::nullopt;
  const std::uint64_t without_kind = *tag & ~std::uint64_t{0xFF};
  if (without_kind != kGnuClass && without_kind != kClangClass) return std::nullopt;
  auto first_word = memory.pointer(header - kTypeBeforeHeader);
  TargetAddr object = header + kHeaderSize;
  if (first_word && (*tag & 0xFF) == 1) {
    // A dependent exception (std::rethrow_exception) names the primary object where a primary one has its type.
    object = *first_word;
    first_word = memory.pointer(object - kHeaderSize - kTypeBeforeHeader);
  }
  if (!first_word || first_word->is_null()) return std::nullopt;
  CxxException found;
  auto name = type_name(memory, *first_word);
  if (!name) return std::nullopt;
  found.type = std::move(*name);
  found.bases = base_names(memory, *first_word);
  found.what = standard_what(memory, object, found);
  found.source = "memory";
  return found;
}

}  // namespace

std::optional<CxxException> find_cxx_exception(const Snapshot& snapshot, const ThreadSnapshot& thread) {
  MemoryReader& memory = *snapshot.memory;
  const TargetAddr sp = TargetAddr(thread.registers.sp().value() & ~std::uint64_t{7});
  std::vector<std::byte> stack(kStackWindow);
  const std::size_t got = memory.read(sp, stack);
  for (std::size_t at = 0; at + 8 <= got; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, stack.data() + at, sizeof word);
    if (word < 4096 || word % 16 != 0) continue;  // headers are aligned for any type
    if (auto found = read_exception(memory, TargetAddr(word))) return found;
  }
  return std::nullopt;
}

}  // namespace segwhy
