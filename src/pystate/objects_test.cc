#include "pystate/objects.h"

#include <gtest/gtest.h>

#include "pystate/code_objects.h"
#include "pystate/fake_python.h"

namespace segwhy::pystate {
namespace {

class ObjectsOf : public testing::TestWithParam<int> {
 protected:
  FakePython python{GetParam()};
  ObjectReader objects{python.memory(), python.layout()};
};

INSTANTIATE_TEST_SUITE_P(Versions, ObjectsOf, testing::Range(kOldestMinor, kNewestMinor + 1));

TEST_P(ObjectsOf, StringsOfEveryWidth) {
  EXPECT_EQ(objects.string(python.string(""), 100), "");
  EXPECT_EQ(objects.string(python.string("plain"), 100), "plain");
  constexpr unsigned char kLatin1[] = {'n', 0xE9};
  EXPECT_EQ(objects.string(python.string(std::basic_string_view<unsigned char>(kLatin1, 2)), 100), "né");
  EXPECT_EQ(objects.string(python.string(std::u16string_view(u"名前")), 100), "名前");
  EXPECT_EQ(objects.string(python.string(std::u32string_view(U"a😀")), 100), "a😀");
}

TEST_P(ObjectsOf, BytesThatAFileNameEscapedAreThemselvesAgain) {
  EXPECT_EQ(objects.string(python.string(std::u16string_view(u"a\xDCE9")), 100), "a\xE9");
  EXPECT_EQ(objects.string(python.string(std::u16string_view(u"\xD800")), 100), "\xEF\xBF\xBD");
}

TEST_P(ObjectsOf, AStringOfASubclassIsReadThroughItsPointer) {
  const TargetAddr text = python.string("subclass");
  const TargetAddr instance = python.object_of(python.type("Path", std::uint64_t{1} << 28), 128);
  python.put_field(instance, Field::kStringLength, 8);
  python.put(instance + python.layout()[Field::kStringState], std::uint32_t{1U << 2 | 16U << 2});
  python.put(instance + python.layout()[Field::kStringCompactData],
             (text + python.layout()[Field::kStringAsciiData]).value());
  EXPECT_EQ(objects.string(instance, 100), "subclass");
}

TEST_P(ObjectsOf, StringsThatAreNoneAreRefused) {
  EXPECT_EQ(objects.string(TargetAddr(), 100), std::nullopt);
  EXPECT_EQ(objects.string(TargetAddr(0x4141414141414141), 100), std::nullopt);
  EXPECT_EQ(objects.string(python.tuple({}), 100), std::nullopt);
  EXPECT_EQ(objects.string(python.string("too long"), 7), std::nullopt);

  const TargetAddr huge = python.string("huge");
  python.put_field(huge, Field::kStringLength, ~std::uint64_t{0});
  EXPECT_EQ(objects.string(huge, 100), std::nullopt);

  const TargetAddr bad_kind = python.string("kind");
  python.put(bad_kind + python.layout()[Field::kStringState], std::uint32_t{3U << 2 | 8U << 2});
  EXPECT_EQ(objects.string(bad_kind, 100), std::nullopt);

  // Marked as ASCII, and is not.
  const TargetAddr not_ascii = python.string("\xFF\xFE");
  EXPECT_EQ(objects.string(not_ascii, 100), std::nullopt);
  EXPECT_EQ(objects.string(python.string(std::u32string_view(U"\x7FFFFFFF")), 100), std::nullopt);
}

TEST_P(ObjectsOf, TypesAreKnownByTheirNames) {
  EXPECT_EQ(objects.type_name(python.code("f", 1)), "code");
  const TargetAddr nameless = python.object_of(python.type("\x01\x02"), 64);
  EXPECT_EQ(objects.type_name(nameless), "");
  EXPECT_EQ(objects.type_name(TargetAddr(1)), "");
  EXPECT_FALSE(objects.bytes(python.string("text"), 100));
  EXPECT_TRUE(objects.tuple_items(python.string("text"), 100).empty());
}

TEST_P(ObjectsOf, SizesAreBounded) {
  constexpr std::byte kContent[] = {std::byte{1}, std::byte{2}};
  const TargetAddr bytes = python.bytes(kContent);
  EXPECT_EQ(objects.bytes(bytes, 2)->size(), 2U);
  EXPECT_FALSE(objects.bytes(bytes, 1));
  python.put_field(bytes, Field::kBytesSize, std::uint64_t{1} << 62);
  EXPECT_FALSE(objects.bytes(bytes, 100));

  const TargetAddr tuple = python.tuple({TargetAddr(8), TargetAddr(16), TargetAddr(24)});
  EXPECT_EQ(objects.tuple_items(tuple, 2).size(), 2U);
  python.put_field(tuple, Field::kTupleSize, ~std::uint64_t{0});
  EXPECT_EQ(objects.tuple_items(tuple, 100).size(), 100U);
}

TEST_P(ObjectsOf, CodeObjects) {
  CodeObjects codes(objects);
  const TargetAddr code = python.code(
      "train", 12, {python.string("MatMul"), python.code("inner", 1), python.string("a long documentation string")});
  ASSERT_NE(codes.describe(code), nullptr);
  EXPECT_EQ(codes.describe(code)->file, "/home/user/program.py");
  EXPECT_EQ(codes.describe(code)->function, "train");
  EXPECT_EQ(codes.location(code, 4).line, 12);
  EXPECT_EQ(codes.string_constants(code, 10, 20), std::vector<std::string>{"MatMul"});

  EXPECT_FALSE(codes.has_begun(code, -2));
  EXPECT_EQ(codes.has_begun(code, 0), GetParam() < 11);  // later ones begin with RESUME
  EXPECT_TRUE(codes.has_begun(code, 4));

  const TargetAddr nameless = python.code("lost", 1);
  python.put_field(nameless, Field::kCodeFilename, 0x10);
  EXPECT_TRUE(codes.is_code(nameless));
  EXPECT_EQ(codes.describe(nameless), nullptr);
  EXPECT_FALSE(codes.is_code(python.string("text")));
  EXPECT_FALSE(codes.is_code(TargetAddr()));
}

TEST(Objects, From314OnStringsComeWithWiderFlags) {
  FakePython python(14);
  ObjectReader objects(python.memory(), python.layout());
  EXPECT_EQ(objects.string(python.string(std::string_view("eight"), 8), 100), "eight");
  EXPECT_EQ(objects.string(python.string(std::string_view("sixteen"), 16), 100), "sixteen");
}

}  // namespace
}  // namespace segwhy::pystate
