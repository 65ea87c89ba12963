#include "assemble/cxx_exception.h"

#include <gtest/gtest.h>

#include <cstring>
#include <exception>
#include <stdexcept>

namespace segwhy {
namespace {

// Reads this very process: the layouts under test are those of the C++ library the test runs with. Unreadable memory is
// reported by process_vm_readv-free means: only the two ranges registered here are readable.
class OwnMemory final : public MemoryReader {
 public:
  void allow(const void* start, std::size_t size) {
    ranges_.emplace_back(reinterpret_cast<std::uint64_t>(start), size);
  }
  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    for (const auto& [start, size] : ranges_) {
      if (from.value() < start || from.value() >= start + size) continue;
      const std::size_t n = std::min<std::size_t>(out.size(), start + size - from.value());
      std::memcpy(out.data(), reinterpret_cast<const void*>(from.value()), n);
      return n;
    }
    return 0;
  }

 private:
  std::vector<std::pair<std::uint64_t, std::size_t>> ranges_;
};

struct Custom : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The header of the exception being handled: std::exception_ptr points to the object behind it.
std::uint64_t header_of(const std::exception_ptr& e) {
  void* object = nullptr;
  std::memcpy(&object, &e, sizeof object);
  return reinterpret_cast<std::uint64_t>(object) - 32;
}

class CxxExceptionTest : public testing::Test {
 protected:
  // A fake stack with `word` in the middle of junk.
  std::optional<CxxException> find(const std::exception_ptr& thrown) {
    const std::uint64_t header = header_of(thrown);
    stack_ = {1, 0xdeadbeef, 0, 4096, header, 7};
    memory_.allow(stack_.data(), stack_.size() * 8);
    memory_.allow(reinterpret_cast<const void*>(header - 96), 4096);
    Snapshot snapshot;
    snapshot.memory = &memory_;
    ThreadSnapshot thread;
    thread.registers.dwarf[Registers::kRsp] = reinterpret_cast<std::uint64_t>(stack_.data());
    return find_cxx_exception(snapshot, thread);
  }
  void allow_type(const std::type_info& type) {
    memory_.allow(&type, 24);
    // name() hides a leading '*' that the object has for types of internal linkage.
    memory_.allow(type.name() - 1, std::strlen(type.name()) + 2);
  }

  OwnMemory memory_;
  std::vector<std::uint64_t> stack_;
};

TEST_F(CxxExceptionTest, ReadsTypeBasesAndText) {
  const Custom object("Matrix is rank deficient");
  memory_.allow(object.what(), std::strlen(object.what()) + 1);
  allow_type(typeid(Custom));
  allow_type(typeid(std::runtime_error));
  allow_type(typeid(std::exception));
  const auto found = find(std::make_exception_ptr(object));
  ASSERT_TRUE(found);
  EXPECT_NE(found->type.find("Custom"), std::string::npos);
  ASSERT_FALSE(found->bases.empty());
  EXPECT_EQ(found->bases.front(), "std::runtime_error");
  EXPECT_EQ(found->what, "Matrix is rank deficient");
}

TEST_F(CxxExceptionTest, ATypeWithoutTextKeepsWhatEmpty) {
  allow_type(typeid(int));
  const auto found = find(std::make_exception_ptr(42));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->type, "int");
  EXPECT_EQ(found->what, "");
}

TEST_F(CxxExceptionTest, UnreadableTypeIsNoException) {
  EXPECT_FALSE(find(std::make_exception_ptr(Custom("x"))));
}

TEST_F(CxxExceptionTest, JunkStackIsNoException) {
  stack_ = {0x474e5543432b2b00, 0x10, 0x20, 0xffffffffffffffff};
  memory_.allow(stack_.data(), stack_.size() * 8);
  Snapshot snapshot;
  snapshot.memory = &memory_;
  ThreadSnapshot thread;
  thread.registers.dwarf[Registers::kRsp] = reinterpret_cast<std::uint64_t>(stack_.data());
  EXPECT_FALSE(find_cxx_exception(snapshot, thread));
}

}  // namespace
}  // namespace segwhy
