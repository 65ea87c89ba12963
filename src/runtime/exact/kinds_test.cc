// Every kind of instruction on watched memory against the same on plain memory: registers, flags, vectors and memory
// afterwards are the same, bit for bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/exact/exact.h"
#include "runtime/exact/testing/harness.h"
#include "runtime/exact/testing/machine.h"

namespace segwhy::runtime::exact {
namespace {

using testing::kBlockBytes;
using testing::Kind;
using testing::kOutsideBytes;
using testing::Machine;

constexpr std::uint64_t kAddressInCode = 0x1122334455667788;
constexpr std::size_t kCodeBytes = 256;

// A copy of a kind's code in which the block's address stands.
class Code {
 public:
  Code(const Kind& kind, std::uint64_t address) {
    memory_ = mmap(nullptr, kCodeBytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    auto* const bytes = static_cast<std::uint8_t*>(memory_);
    std::memcpy(bytes, reinterpret_cast<const void*>(kind.code), kCodeBytes / 2);
    for (std::size_t at = 0; at + 8 <= kCodeBytes / 2; ++at) {
      if (std::memcmp(bytes + at, &kAddressInCode, 8) == 0) std::memcpy(bytes + at, &address, 8);
    }
  }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() { munmap(memory_, kCodeBytes); }

  [[nodiscard]] const void* bytes() const { return memory_; }

 private:
  void* memory_;
};

struct Memory {
  std::uint8_t block[kBlockBytes];
  std::uint8_t outside[kOutsideBytes];
};

void fill(Memory& memory) {
  for (std::size_t i = 0; i < kBlockBytes; ++i) memory.block[i] = static_cast<std::uint8_t>(i * 37 + (i >> 5));
  for (std::size_t i = 0; i < kOutsideBytes; ++i) memory.outside[i] = static_cast<std::uint8_t>(i * 11 + 5);
  // Numbers for floating point; what a locked compare is to find.
  const double values[8] = {1.5, -2.25, 1e10, 3.0, 0.125, 7, -8, 9};
  std::memcpy(memory.block + 256, values, sizeof values);
  const std::uint64_t expected = 0x0123456789abcdef * (2 + 3);
  std::memcpy(memory.block + 256 + 0x20, &expected, sizeof expected);
  std::memset(memory.block + 768, 0, 64);
}

// What differs when a kind runs on watched and on plain memory.
struct Result {
  Machine machine;
  Memory memory;
};

// Runs `kind` on the block at `block`, whose bytes can also be reached at `bytes`.
void run_kind(const Kind& kind, void* block, void* bytes, Memory& outside, Result& result) {
  fill(result.memory);
  std::memcpy(bytes, result.memory.block, kBlockBytes);
  std::memcpy(outside.outside, result.memory.outside, kOutsideBytes);
  const Code code(kind, reinterpret_cast<std::uint64_t>(block) + 256);
  testing::prepare(result.machine, reinterpret_cast<std::uint64_t>(block), outside.outside);
  testing::run(result.machine, code.bytes());
  std::memcpy(result.memory.block, bytes, kBlockBytes);
  std::memcpy(result.memory.outside, outside.outside, kOutsideBytes);
}

// What rightly differs in a saved state: the x87's pointers to its last instruction and operand, the vector of
// addresses, and the header, in which a component that was never touched may or may not be marked.
void forget_places(std::uint8_t* area) {
  std::memset(area + 6, 0, 18);
  std::memset(area + 160 + testing::kAddressVector * 16, 0, 16);
}

class Kinds : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Kinds, DoTheSameAsOnPlainMemory) {
  const Kind& kind = testing::kKinds[GetParam()];
  if (!testing::is_available(kind.feature)) GTEST_SKIP() << "this CPU has no " << kind.name;
  testing::start_exact();
  (void)testing::take_findings();
  auto* const watched = static_cast<std::uint8_t*>(allocate(kBlockBytes, 64, 0));
  ASSERT_NE(watched, nullptr);
  auto* const plain = static_cast<std::uint8_t*>(direct(static_cast<void*>(watched)));
  static Memory outside;
  static Result on_plain, on_watched;
  run_kind(kind, plain, plain, outside, on_plain);
  const std::uint64_t before = testing::accesses_carried_out();
  const std::uint64_t unsupported = testing::unsupported();
  run_kind(kind, watched, plain, outside, on_watched);

  EXPECT_GT(testing::accesses_carried_out(), before);
  EXPECT_EQ(testing::unsupported(), unsupported);
  const std::uint64_t distance = reinterpret_cast<std::uint64_t>(plain) - reinterpret_cast<std::uint64_t>(watched);
  for (std::size_t i = 0; i < 16; ++i) {
    const std::uint64_t moved = on_watched.machine.general[i] + distance;
    EXPECT_THAT(on_plain.machine.general[i], ::testing::AnyOf(on_watched.machine.general[i], moved))
        << "register " << i;
  }
  EXPECT_EQ(on_watched.machine.flags, on_plain.machine.flags);
  for (Result* const result : {&on_plain, &on_watched}) {
    testing::clear_vector(result->machine, testing::kAddressVector);
    forget_places(result->machine.extended);
    std::memset(result->machine.extended + 512, 0, 64);
    if (std::strstr(kind.name, "state_save") != nullptr) forget_places(result->memory.block + 256);
  }
  for (std::size_t i = 0; i < sizeof on_plain.machine.extended; ++i) {
    ASSERT_EQ(on_watched.machine.extended[i], on_plain.machine.extended[i]) << "byte " << i << " of the XSAVE area";
  }
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    ASSERT_EQ(on_watched.memory.block[i], on_plain.memory.block[i]) << "byte " << i << " of the block";
  }
  for (std::size_t i = 0; i < kOutsideBytes; ++i) {
    ASSERT_EQ(on_watched.memory.outside[i], on_plain.memory.outside[i]) << "byte " << i << " outside";
  }
  EXPECT_THAT(testing::take_findings(), ::testing::IsEmpty());
  release(watched, 0);
}

// --- which bytes ---------------------------------------------------------------------------------------------------

constexpr std::size_t kPage = 4096;

// Two pages between inaccessible ones: the hardware's own check of which bytes are touched.
class Fenced {
 public:
  Fenced() {
    base_ = static_cast<std::uint8_t*>(mmap(nullptr, 4 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(begin(), 2 * kPage, PROT_READ | PROT_WRITE);
  }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;
  ~Fenced() { munmap(base_, 4 * kPage); }

  [[nodiscard]] std::uint8_t* begin() const { return base_ + kPage; }
  [[nodiscard]] std::uint8_t* end() const { return base_ + 3 * kPage; }

  void open() const { mprotect(base_, 4 * kPage, PROT_READ | PROT_WRITE); }

 private:
  std::uint8_t* base_;
};

// Runs `kind` in a child on a block at `block`, of which only what is not fenced off is there.
bool faults(const Kind& kind, const Fenced& fenced, std::uint8_t* block, bool open) {
  const pid_t child = fork();
  if (child == 0) {
    static Memory outside, initial;
    if (open) fenced.open();
    fill(initial);
    for (std::size_t i = 0; i < kBlockBytes; ++i) {
      const bool is_there = open || (block + i >= fenced.begin() && block + i < fenced.end());
      if (is_there) block[i] = initial.block[i];
    }
    std::memcpy(outside.outside, initial.outside, kOutsideBytes);
    static Machine machine;
    const Code code(kind, reinterpret_cast<std::uint64_t>(block) + 256);
    testing::prepare(machine, reinterpret_cast<std::uint64_t>(block), outside.outside);
    testing::run(machine, code.bytes());
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

// The bytes of the block that exact mode says `kind` touched; empty when it does not commit itself.
struct Hull {
  std::int64_t begin = kBlockBytes, end = 0;
};
Hull logged_hull(const Kind& kind) {
  static Memory outside;
  static Result result;
  auto* const watched = static_cast<std::uint8_t*>(allocate(kBlockBytes, 64, 0));
  run_kind(kind, watched, static_cast<std::uint8_t*>(direct(static_cast<void*>(watched))), outside, result);
  Hull hull;
  for (const wire::Access& access : testing::record_of(watched).log) {
    if (access.flags == 0) continue;
    hull.begin = std::min(hull.begin, access.offset);
    hull.end = std::max(hull.end, access.offset + static_cast<std::int64_t>(access.width));
  }
  release(watched, 0);
  return hull;
}

// Of a compare only the first element is certain; of a gather the log is too short to hold all elements; a masked SSE
// store may fault for bytes that it does not write.
bool is_told_in_part(const std::string& name) {
  for (const char* const part : {"compare_string", "scan_string", "gather", "scatter", "sse_masked_store"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST_P(Kinds, TouchTheBytesThatTheyAreSaidToTouch) {
  const Kind& kind = testing::kKinds[GetParam()];
  if (!testing::is_available(kind.feature)) GTEST_SKIP() << "this CPU has no " << kind.name;
  if (is_told_in_part(kind.name)) GTEST_SKIP() << "told in part";
  testing::start_exact();
  const Hull hull = logged_hull(kind);
  if (hull.end <= hull.begin) GTEST_SKIP() << "the bytes are not told";

  const Fenced fenced;
  std::uint8_t* const at_end = fenced.end() - hull.end;
  std::uint8_t* const at_begin = fenced.begin() - hull.begin;
  if (faults(kind, fenced, at_end, true)) GTEST_SKIP() << "wants an aligned operand";
  EXPECT_FALSE(faults(kind, fenced, at_end, false)) << "touches more behind";
  EXPECT_TRUE(faults(kind, fenced, at_end + 1, false)) << "touches less behind";
  EXPECT_FALSE(faults(kind, fenced, at_begin, false)) << "touches more before";
  EXPECT_TRUE(faults(kind, fenced, at_begin - 1, false)) << "touches less before";
}

INSTANTIATE_TEST_SUITE_P(All, Kinds, ::testing::Range(std::size_t{0}, testing::kKindCount),
                         [](const auto& kind) { return std::string(testing::kKinds[kind.param].name); });

}  // namespace
}  // namespace segwhy::runtime::exact
