// A TensorFlow process that lies: a sound call of a kernel, then bytes of its memory overwritten as the input says.
//
// What is read must be bounded and printable whatever the objects hold; a forged name is not told from a true one here
// (a fuzzer can forge each copy), which tensorflow_test.cc does with random damage.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>

#include "frameworks/framework.h"
#include "frameworks/tensorflow/fake_tensorflow.h"

namespace segwhy::tensorflow {
namespace {

constexpr const char* kVersions[] = {"2.4.1", "2.8.0", "2.12.1", "2.21.0"};
constexpr std::uint32_t kFloat = 1, kInt32 = 3;
// Far above what the readers allow themselves.
constexpr std::size_t kLongestName = 4096, kMostInputs = 1024, kLongestPreview = 4096;

bool is_printable(const std::string& name) {
  for (const char c : name)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return false;
  return true;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void put_call(FakeTensorFlow& fake) {
  const std::size_t main = fake.add_thread(100, true);
  const auto gather = fake.make_kernel_class("N10tensorflow8GatherOpIfE");
  const std::uint64_t kernel = fake.make_kernel(gather, "Gather", "Gather_7", {kFloat, kInt32}, {kFloat});
  const std::uint64_t props = fake.word(kernel + fake.layout().kernel_props);
  fake.put_attributes(props, {{"batch_dims", {1}}, {"strides", {1, 2, 2, 1}}});
  const std::uint64_t data = fake.make_tensor(kFloat, {2, 3}, {0, 0, 0, 0, 0, 0});
  const std::uint64_t params = fake.sp(main) + 0x400;
  fake.put_params(params, kernel, {data, fake.make_tensor(kInt32, {3}, {7, -3, 11})});
  fake.memory.put_word(fake.sp(main) + 0x80, fake.make_context(params, {fake.make_tensor(kFloat, {3, 3}, {0})}));
  fake.add_frame(main, gather.compute, "tensorflow::GatherOp<float>::Compute(tensorflow::OpKernelContext*)");
  fake.add_runtime_frames(main);
}

// Four bytes a change: which region, where in the part of it that is used, the new value.
void damage(FakeTensorFlow& fake, const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kChange = 4, kUsed = 4096;
  auto& regions = fake.memory.regions();
  for (std::size_t i = 0; i + kChange <= size; i += kChange) {
    const auto region = std::next(regions.begin(), static_cast<std::ptrdiff_t>(data[i] % regions.size()));
    std::uint16_t at = 0;
    std::memcpy(&at, data + i + 1, sizeof at);
    const bool is_stack = region->first >= FakeTensorFlow::kStack;
    const std::size_t from = is_stack ? FakeTensorFlow::kStackSize - kUsed : 0;
    region->second[from + at % kUsed] = static_cast<std::byte>(data[i + 3]);
  }
}

void check(const Framework& framework) {
  for (const std::string* name : {&framework.op, &framework.node, &framework.device})
    require(name->size() <= kLongestName && is_printable(*name));
  require(framework.inputs.size() <= kMostInputs);
  for (const TensorInfo& input : framework.inputs) require(input.preview.size() <= kLongestPreview);
  require(framework.outputs.size() <= kMostInputs && framework.attributes.size() <= kMostInputs);
  for (const auto& [name, value] : framework.attributes)
    require(name.size() <= kLongestName && is_printable(name) && value.size() <= kLongestPreview &&
            is_printable(value));
}

}  // namespace
}  // namespace segwhy::tensorflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segwhy;
  using namespace segwhy::tensorflow;
  if (size == 0) return 0;
  FakeTensorFlow fake(kVersions[data[0] % std::size(kVersions)]);
  put_call(fake);
  damage(fake, data + 1, size - 1);
  const FrameworkReading reading = read_framework(fake.snapshot, fake.threads, {fake.module});
  if (reading.framework) check(*reading.framework);
  return 0;
}
