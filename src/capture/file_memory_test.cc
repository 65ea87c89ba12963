#include "capture/file_memory.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "base/file.h"
#include "capture/maps.h"

namespace segwhy {
namespace {

const int a_constant = 4711;
int a_variable = 4711;

class OwnFiles : public testing::Test {
 protected:
  int read_int(const int& what) {
    int value = 0;
    const auto bytes = std::as_writable_bytes(std::span(&value, 1));
    read_ = FileMemory(mappings_).read(TargetAddr(reinterpret_cast<std::uintptr_t>(&what)), bytes);
    return value;
  }

  std::vector<Mapping> mappings_ = parse_maps(*read_file("/proc/self/maps", std::size_t{8} << 20));
  std::size_t read_ = 0;
};

TEST_F(OwnFiles, WhatCannotChangeIsReadFromItsFile) {
  EXPECT_EQ(read_int(a_constant), 4711);
  EXPECT_EQ(read_, sizeof(int));
}

TEST_F(OwnFiles, WhatMayHaveChangedIsNot) {
  read_int(a_variable);
  EXPECT_EQ(read_, 0U);
  int local = 1;
  read_int(local);
  EXPECT_EQ(read_, 0U);
}

TEST_F(OwnFiles, AnotherFileInItsPlaceIsNot) {
  for (Mapping& mapping : mappings_) ++mapping.inode;
  read_int(a_constant);
  EXPECT_EQ(read_, 0U);
}

}  // namespace
}  // namespace segwhy
