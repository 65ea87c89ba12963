// Any text in place of what /proc and the cgroup file systems say.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "capture/cgroup.h"
#include "capture/limits_text.h"
#include "capture/machine_text.h"
#include "capture/maps.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segwhy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (parse_maps(text).size() > size) std::abort();
  (void)parse_limits(text);
  const std::size_t half = size / 2;
  (void)find_cgroup_directories(text.substr(0, half), text.substr(half));
  (void)parse_cgroup_limit(text);
  (void)parse_keyed_value(text, "oom_kill");
  (void)os_name(text);
  (void)cpu_model(text);
  (void)real_uid(text);
  (void)keeps_variable(text);
  return 0;
}
