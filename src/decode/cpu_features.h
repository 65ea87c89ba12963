// Whether a CPU has what an instruction needs: Zydis' ISA sets mapped to cpuid bits and the state the operating system
// must have enabled (XCR0).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace segwhy {

// The CPU as asked: registers of one cpuid leaf, and XCR0. Replaced by hand-made ones in tests.
struct CpuidRegisters {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};
struct Cpu {
  std::function<CpuidRegisters(std::uint32_t leaf, std::uint32_t subleaf)> cpuid;  // zeros for an unknown leaf
  std::uint64_t xcr0 = 0;
};

// The one this runs on; nullopt when it is no x86.
[[nodiscard]] std::optional<Cpu> this_cpu();

struct FeatureCheck {
  std::optional<bool> supported;  // absent: not decidable (privileged or vendor extensions nobody meets)
  std::string missing;            // usual name of the first missing feature: "FMA4", "AVX-512F"
};

// `isa_set` is Zydis' name: "AVX512BW_256", "FMA4", "I86".
[[nodiscard]] FeatureCheck check_feature(std::string_view isa_set, const Cpu& cpu);

}  // namespace segwhy
