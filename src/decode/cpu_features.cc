#include "decode/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <vector>

namespace segwhy {
namespace {

enum Register : std::uint8_t { kEax, kEbx, kEcx, kEdx };

// XCR0 bits: the state the operating system saves for the instruction's registers.
constexpr std::uint64_t kNone = 0;
constexpr std::uint64_t kYmm = 0x6;
constexpr std::uint64_t kZmm = 0xE6;
constexpr std::uint64_t kTiles = 0x60000;

struct Feature {
  std::string_view isa_set;  // without the vector length
  std::string_view name;
  std::uint32_t leaf, subleaf;
  Register reg;
  std::uint8_t bit;
  std::uint64_t state;
};

// Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E.
constexpr std::array kFeatures = {
    Feature{"CMOV", "CMOV", 1, 0, kEdx, 15, kNone},
    Feature{"CLFSH", "CLFLUSH", 1, 0, kEdx, 19, kNone},
    Feature{"PENTIUMMMX", "MMX", 1, 0, kEdx, 23, kNone},
    Feature{"FXSAVE", "FXSR", 1, 0, kEdx, 24, kNone},
    Feature{"FXSAVE64", "FXSR", 1, 0, kEdx, 24, kNone},
    Feature{"SSE", "SSE", 1, 0, kEdx, 25, kNone},
    Feature{"SSEMXCSR", "SSE", 1, 0, kEdx, 25, kNone},
    Feature{"SSE_PREFETCH", "SSE", 1, 0, kEdx, 25, kNone},
    Feature{"SSE2", "SSE2", 1, 0, kEdx, 26, kNone},
    Feature{"SSE2MMX", "SSE2", 1, 0, kEdx, 26, kNone},
    Feature{"SSE3", "SSE3", 1, 0, kEcx, 0, kNone},
    Feature{"SSE3X87", "SSE3", 1, 0, kEcx, 0, kNone},
    Feature{"PCLMULQDQ", "PCLMULQDQ", 1, 0, kEcx, 1, kNone},
    Feature{"SSSE3", "SSSE3", 1, 0, kEcx, 9, kNone},
    Feature{"SSSE3MMX", "SSSE3", 1, 0, kEcx, 9, kNone},
    Feature{"FMA", "FMA", 1, 0, kEcx, 12, kYmm},
    Feature{"CMPXCHG16B", "CMPXCHG16B", 1, 0, kEcx, 13, kNone},
    Feature{"SSE4", "SSE4.1", 1, 0, kEcx, 19, kNone},
    Feature{"SSE42", "SSE4.2", 1, 0, kEcx, 20, kNone},
    Feature{"MOVBE", "MOVBE", 1, 0, kEcx, 22, kNone},
    Feature{"POPCNT", "POPCNT", 1, 0, kEcx, 23, kNone},
    Feature{"AES", "AES", 1, 0, kEcx, 25, kNone},
    Feature{"XSAVE", "XSAVE", 1, 0, kEcx, 27, kNone},  // OSXSAVE: enabled, too
    Feature{"AVX", "AVX", 1, 0, kEcx, 28, kYmm},
    Feature{"F16C", "F16C", 1, 0, kEcx, 29, kYmm},
    Feature{"RDRAND", "RDRAND", 1, 0, kEcx, 30, kNone},

    Feature{"RDWRFSGS", "FSGSBASE", 7, 0, kEbx, 0, kNone},
    Feature{"BMI1", "BMI1", 7, 0, kEbx, 3, kNone},
    Feature{"AVX2", "AVX2", 7, 0, kEbx, 5, kYmm},
    Feature{"AVX2GATHER", "AVX2", 7, 0, kEbx, 5, kYmm},
    Feature{"BMI2", "BMI2", 7, 0, kEbx, 8, kNone},
    Feature{"RTM", "RTM", 7, 0, kEbx, 11, kNone},
    Feature{"MPX", "MPX", 7, 0, kEbx, 14, kNone},
    Feature{"AVX512F", "AVX-512F", 7, 0, kEbx, 16, kZmm},
    Feature{"AVX512DQ", "AVX-512DQ", 7, 0, kEbx, 17, kZmm},
    Feature{"RDSEED", "RDSEED", 7, 0, kEbx, 18, kNone},
    Feature{"ADOX_ADCX", "ADX", 7, 0, kEbx, 19, kNone},
    Feature{"AVX512_IFMA", "AVX-512 IFMA", 7, 0, kEbx, 21, kZmm},
    Feature{"CLFLUSHOPT", "CLFLUSHOPT", 7, 0, kEbx, 23, kNone},
    Feature{"CLWB", "CLWB", 7, 0, kEbx, 24, kNone},
    Feature{"AVX512PF", "AVX-512PF", 7, 0, kEbx, 26, kZmm},
    Feature{"AVX512ER", "AVX-512ER", 7, 0, kEbx, 27, kZmm},
    Feature{"AVX512CD", "AVX-512CD", 7, 0, kEbx, 28, kZmm},
    Feature{"SHA", "SHA", 7, 0, kEbx, 29, kNone},
    Feature{"AVX512BW", "AVX-512BW", 7, 0, kEbx, 30, kZmm},
    Feature{"AVX512VL", "AVX-512VL", 7, 0, kEbx, 31, kZmm},
    Feature{"PREFETCHWT1", "PREFETCHWT1", 7, 0, kEcx, 0, kNone},
    Feature{"AVX512_VBMI", "AVX-512 VBMI", 7, 0, kEcx, 1, kZmm},
    Feature{"PKU", "PKU", 7, 0, kEcx, 4, kNone},  // OSPKE: enabled, too
    Feature{"WAITPKG", "WAITPKG", 7, 0, kEcx, 5, kNone},
    Feature{"AVX512_VBMI2", "AVX-512 VBMI2", 7, 0, kEcx, 6, kZmm},
    Feature{"GFNI", "GFNI", 7, 0, kEcx, 8, kNone},
    Feature{"VAES", "VAES", 7, 0, kEcx, 9, kYmm},
    Feature{"VPCLMULQDQ", "VPCLMULQDQ", 7, 0, kEcx, 10, kYmm},
    Feature{"AVX512_VNNI", "AVX-512 VNNI", 7, 0, kEcx, 11, kZmm},
    Feature{"AVX512_BITALG", "AVX-512 BITALG", 7, 0, kEcx, 12, kZmm},
    Feature{"AVX512_VPOPCNTDQ", "AVX-512 VPOPCNTDQ", 7, 0, kEcx, 14, kZmm},
    Feature{"RDPID", "RDPID", 7, 0, kEcx, 22, kNone},
    Feature{"CLDEMOTE", "CLDEMOTE", 7, 0, kEcx, 25, kNone},
    Feature{"MOVDIR", "MOVDIRI", 7, 0, kEcx, 27, kNone},
    Feature{"ENQCMD", "ENQCMD", 7, 0, kEcx, 29, kNone},
    Feature{"AVX512_4VNNIW", "AVX-512 4VNNIW", 7, 0, kEdx, 2, kZmm},
    Feature{"AVX512_4FMAPS", "AVX-512 4FMAPS", 7, 0, kEdx, 3, kZmm},
    Feature{"AVX512_VP2INTERSECT", "AVX-512 VP2INTERSECT", 7, 0, kEdx, 8, kZmm},
    Feature{"SERIALIZE", "SERIALIZE", 7, 0, kEdx, 14, kNone},
    Feature{"TSX_LDTRK", "TSXLDTRK", 7, 0, kEdx, 16, kNone},
    Feature{"AMX_BF16", "AMX-BF16", 7, 0, kEdx, 22, kTiles},
    Feature{"AVX512_FP16", "AVX-512 FP16", 7, 0, kEdx, 23, kZmm},
    Feature{"AMX_TILE", "AMX-TILE", 7, 0, kEdx, 24, kTiles},
    Feature{"AMX_INT8", "AMX-INT8", 7, 0, kEdx, 25, kTiles},
    Feature{"AVX_VNNI", "AVX-VNNI", 7, 1, kEax, 4, kYmm},
    Feature{"AVX512_BF16", "AVX-512 BF16", 7, 1, kEax, 5, kZmm},
    Feature{"HRESET", "HRESET", 7, 1, kEax, 22, kNone},

    Feature{"XSAVEOPT", "XSAVEOPT", 0xD, 1, kEax, 0, kNone},
    Feature{"XSAVEC", "XSAVEC", 0xD, 1, kEax, 1, kNone},

    Feature{"LAHF", "LAHF/SAHF", 0x80000001, 0, kEcx, 0, kNone},
    Feature{"LZCNT", "LZCNT", 0x80000001, 0, kEcx, 5, kNone},
    Feature{"SSE4A", "SSE4a", 0x80000001, 0, kEcx, 6, kNone},
    Feature{"XOP", "XOP", 0x80000001, 0, kEcx, 11, kYmm},
    Feature{"LWP", "LWP", 0x80000001, 0, kEcx, 15, kNone},
    Feature{"FMA4", "FMA4", 0x80000001, 0, kEcx, 16, kYmm},
    Feature{"TBM", "TBM", 0x80000001, 0, kEcx, 21, kNone},
    Feature{"MONITORX", "MONITORX", 0x80000001, 0, kEcx, 29, kNone},
    Feature{"RDTSCP", "RDTSCP", 0x80000001, 0, kEdx, 27, kNone},
    Feature{"AMD3DNOW", "3DNow!", 0x80000001, 0, kEdx, 31, kNone},
    Feature{"CLZERO", "CLZERO", 0x80000008, 0, kEbx, 0, kNone},
    Feature{"RDPRU", "RDPRU", 0x80000008, 0, kEbx, 4, kNone},
    Feature{"MCOMMIT", "MCOMMIT", 0x80000008, 0, kEbx, 8, kNone},
};

// What every x86-64 CPU has.
constexpr std::array<std::string_view, 18> kBaseline = {
    "I86", "I186",  "I286PROTECTED", "I286REAL", "I386",     "I486", "I486REAL",     "PENTIUMREAL", "PPRO",
    "X87", "FCMOV", "PAUSE",         "FAT_NOP",  "LONGMODE", "AMD",  "PREFETCH_NOP", "RDPMC",       "CET"};

const Feature* feature_of(std::string_view isa_set) {
  const auto it =
      std::find_if(kFeatures.begin(), kFeatures.end(), [&](const Feature& f) { return f.isa_set == isa_set; });
  return it == kFeatures.end() ? nullptr : &*it;
}

std::uint32_t value_of(const CpuidRegisters& registers, Register which) {
  const std::array all = {registers.eax, registers.ebx, registers.ecx, registers.edx};
  return all[which];
}

// The empty string when present, else what to say is missing.
std::string missing_part(const Feature& feature, const Cpu& cpu) {
  const CpuidRegisters registers = cpu.cpuid(feature.leaf, feature.subleaf);
  if (((value_of(registers, feature.reg) >> feature.bit) & 1U) == 0) return std::string(feature.name);
  if ((cpu.xcr0 & feature.state) != feature.state) {
    return std::string(feature.name) + " (not enabled by the operating system or hypervisor)";
  }
  return {};
}

// The sets an instruction needs: its own; the vector length's; both halves of a combined one.
std::vector<std::string_view> required_sets(std::string_view isa_set) {
  std::string_view base = isa_set;
  bool needs_vl = false;
  if (base.starts_with("AVX512")) {
    needs_vl = base.ends_with("_128") || base.ends_with("_256");
    for (const std::string_view suffix : {"_128N", "_128", "_256", "_512", "_SCALAR", "_KOP"}) {
      if (base.ends_with(suffix)) base.remove_suffix(suffix.size());
    }
  }
  std::vector<std::string_view> sets;
  if (base.starts_with("AVX512")) sets.emplace_back("AVX512F");
  if (base == "AVXAES") {
    sets = {"AVX", "AES"};
  } else if (base == "AVX_GFNI") {
    sets = {"AVX", "GFNI"};
  } else if (base == "AVX512_GFNI" || base == "AVX512_VAES" || base == "AVX512_VPCLMULQDQ") {
    sets.push_back(base.substr(std::string_view("AVX512_").size()));
  } else if (base != "AVX512F") {
    sets.push_back(base);
  }
  if (needs_vl) sets.emplace_back("AVX512VL");
  return sets;
}

}  // namespace

std::optional<Cpu> this_cpu() {
#if defined(__x86_64__)
  Cpu cpu;
  cpu.cpuid = [](std::uint32_t leaf, std::uint32_t subleaf) {
    CpuidRegisters r;
    __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);  // leaves zeros for a leaf beyond the last
    return r;
  };
  constexpr std::uint32_t kOsXsave = 1U << 27U;
  if ((cpu.cpuid(1, 0).ecx & kOsXsave) != 0) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    cpu.xcr0 = (std::uint64_t{high} << 32U) | low;
  }
  return cpu;
#else
  return std::nullopt;
#endif
}

FeatureCheck check_feature(std::string_view isa_set, const Cpu& cpu) {
  if (std::find(kBaseline.begin(), kBaseline.end(), isa_set) != kBaseline.end()) return {true, {}};
  for (const std::string_view set : required_sets(isa_set)) {
    const Feature* feature = feature_of(set);
    if (feature == nullptr) return {};
    if (std::string missing = missing_part(*feature, cpu); !missing.empty()) return {false, std::move(missing)};
  }
  return {true, {}};
}

}  // namespace segwhy
