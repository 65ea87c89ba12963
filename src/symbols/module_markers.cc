#include "symbols/module_markers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "symbols/dynamic_symbols.h"
#include "symbols/symbol_table.h"

namespace segwhy {
namespace {

// Read-only data and names beyond these sizes are searched only when a symbol promises a find.
constexpr std::size_t kSmallData = std::size_t{4} << 20;
constexpr std::size_t kLargeData = std::size_t{64} << 20;
constexpr std::size_t kMaxNames = std::size_t{8} << 20;

std::size_t find_in(std::string_view text, std::string_view what) {
  if (text.empty()) return std::string_view::npos;
  const void* at = ::memmem(text.data(), text.size(), what.data(), what.size());
  return at == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

bool contains(std::string_view text, std::string_view what) {
  return find_in(text, what) != std::string_view::npos;
}

// What follows `what`, as far as it consists of `allowed`; empty when `what` is not there.
std::string following(std::string_view text, std::string_view what, std::string_view allowed) {
  const std::size_t at = find_in(text, what);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + what.size(), 64);
  return std::string(rest.substr(0, rest.find_first_not_of(allowed)));
}

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kVersion = "0123456789.";

std::string with_version(const std::string& marker, const std::string& version) {
  const auto last = version.find_last_not_of('.');  // the sentence's full stop is not part of it
  return last == std::string::npos ? marker : marker + ":" + version.substr(0, last + 1);
}

class MarkerReader {
 public:
  MarkerReader(const ElfImage& image, const Module& module) : image_(image), module_(module), exported_(image) {}

  std::vector<std::string> read() {
    openmp();
    cxx_runtime();
    protobuf();
    abseil();
    llvm();
    qt();
    blas();
    hdf5();
    allocator();
    if (is_python_extension()) python_extension();
    tensorflow_op();
    return std::move(markers_);
  }

 private:
  void add(std::string marker) { markers_.push_back(std::move(marker)); }
  [[nodiscard]] bool defines(std::string_view symbol) const { return exported_.defines(symbol); }

  // Strings and other constants; empty when there are more than `limit` bytes.
  [[nodiscard]] std::string_view constants(std::size_t limit) const {
    const Elf64_Shdr* section = image_.section(".rodata");
    if (section == nullptr || section->sh_size > limit) return {};
    const ByteSpan bytes = image_.contents(*section);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void openmp() {
    const bool llvm = defines("__kmpc_fork_call");
    if (!llvm && !defines("GOMP_parallel")) return;
    // LLVM's runtime serves GCC's entry points, too, and Intel's is a build of LLVM's.
    const bool intel = llvm && contains(constants(kSmallData), "Intel(R) OMP API version");
    add(intel ? "openmp:iomp5" : llvm ? "openmp:libomp" : "openmp:gomp");
  }

  void cxx_runtime() {
    if (!defines("__cxa_throw")) return;
    const bool gnu = defines("_ZN9__gnu_cxx27__verbose_terminate_handlerEv");
    add(gnu ? "cxx-runtime:libstdc++" : "cxx-runtime:libc++");
  }

  // Where the library checks that the generated code fits it; the two signatures of before and after version 22.
  static constexpr std::array<std::string_view, 2> kProtobufChecks = {
      "_ZN6google8protobuf8internal13VerifyVersionEiiPKc", "_ZN6google8protobuf8internal13VerifyVersionEiPKc"};

  [[nodiscard]] std::optional<std::uint64_t> exported_protobuf_check() const {
    for (const std::string_view name : kProtobufChecks) {
      if (const auto symbol = exported_.find(name)) return symbol->st_value;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<std::uint64_t> hidden_protobuf_check() const {
    const SymbolTable all = symbol_table(image_);
    if (all.strings.size() > kMaxNames) return std::nullopt;
    for (const std::string_view name : kProtobufChecks) {
      if (const auto address = symbol_address(all, name)) return address;
    }
    return std::nullopt;
  }

  // The check compares its argument with the library's own version, major * 1,000,000 + minor * 1,000 + patch: the only
  // place where a static copy keeps it. The first plausible immediate in the function is it.
  [[nodiscard]] std::string protobuf_version(std::uint64_t check) const {
    constexpr std::uint64_t kFunctionBytes = 160;
    const ByteSpan code = image_.from_address(check);
    const std::size_t size = std::min<std::size_t>(code.size(), kFunctionBytes);
    for (std::size_t at = 1; at + sizeof(std::uint32_t) <= size; ++at) {
      const auto opcode = std::to_integer<unsigned>(code[at - 1]);
      const bool compare_eax = opcode == 0x3D;
      const bool compare = at >= 2 && std::to_integer<unsigned>(code[at - 2]) == 0x81 && (opcode & 0xF8U) == 0xF8;
      if (!compare_eax && !compare) continue;
      std::uint32_t value = 0;
      std::memcpy(&value, &code[at], sizeof value);
      const std::uint32_t major = value / 1'000'000;
      const std::uint32_t minor = value / 1000 % 1000;
      if (major < 2 || major > 20 || minor > 99) continue;
      // From 3.21 on the C++ library counts 21.x, 22.x...; what it calls itself stays MAJOR.MINOR.PATCH.
      return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(value % 1000);
    }
    return {};
  }

  void protobuf() {
    std::optional<std::uint64_t> check = exported_protobuf_check();
    if (!check) {
      // A hidden copy: known by a message of descriptor_database.cc.
      if (!contains(constants(kSmallData), "File already exists in database: ")) return;
      check = hidden_protobuf_check();
    }
    add(with_version("protobuf", check ? protobuf_version(*check) : ""));
  }

  void abseil() {
    constexpr std::string_view kNamespace = "4absl12lts_";
    const std::string_view names = exported_.strings().substr(0, kMaxNames);
    if (const std::string tag = following(names, kNamespace, kDigits); tag.size() >= 8) {
      const std::string release = tag.substr(0, 8);  // the next identifier's length follows without a gap
      if (defines("AbslInternalSleepFor_lts_" + release)) return add("abseil:" + release);
    }
    // Hidden copies still have their type names.
    const std::string hidden = following(constants(kSmallData), "N" + std::string(kNamespace), kDigits);
    if (hidden.size() >= 8) add("abseil:" + hidden.substr(0, 8));
  }

  void llvm() {
    const bool api = defines("LLVMContextCreate") || defines("_ZN4llvm11LLVMContextC1Ev");
    const std::string_view names = exported_.strings();
    const bool hint = names.size() < kMaxNames && contains(names, std::string_view("\0LLVM", 5));
    if (!api && !hint) return;
    const std::string_view data = constants(kLargeData);
    const std::string version = following(data, std::string_view("\0LLVM", 5), kVersion);
    const bool plausible = std::count(version.begin(), version.end(), '.') == 2;
    if (api || contains(data, "LLVM ERROR: ")) add(with_version("llvm", plausible ? version : ""));
  }

  void qt() {
    if (!defines("qVersion")) return;
    const std::string_view data = constants(kLargeData);
    for (const std::string major : {"5.", "6."}) {
      const std::string rest = following(data, "Qt " + major, kVersion);
      if (!rest.empty()) return add(with_version("qt", major + rest));
    }
    add("qt");
  }

  void blas() {
    for (const std::string_view name : {"openblas_get_config", "openblas_get_config64_", "scipy_openblas_get_config",
                                        "scipy_openblas_get_config64_"}) {
      if (defines(name)) return add("blas:openblas");
    }
    if (defines("mkl_get_version") || defines("MKL_Get_Version")) return add("blas:mkl");
    if (defines("bli_info_get_version_str")) add("blas:blis");
  }

  void hdf5() {
    if (!defines("H5get_libversion")) return;
    add(with_version("hdf5", following(constants(kLargeData), "HDF5 library version: ", kVersion)));
  }

  void allocator() {
    const bool libc = module_.soname == "libc.so.6" || module_.soname.starts_with("ld-linux") ||
                      module_.soname.starts_with("libc.musl");
    if (!libc && defines("malloc") && defines("free")) add("malloc");
  }

  // By its entry point, PyInit_NAME for NAME.cpython-311-x86_64-linux-gnu.so.
  [[nodiscard]] bool is_python_extension() const {
    const std::string_view file = base_name(module_.path);
    return defines("PyInit_" + std::string(file.substr(0, file.find('.'))));
  }

  void python_extension() {
    const std::string_view data = constants(kSmallData);
    // How import_array() of the C headers (and pybind11's own numpy.h) finds the API table: headers of NumPy 2 look
    // into numpy._core first, those of NumPy 1 only know numpy.core.
    const bool provider = module_.package == "numpy";
    if (!provider && contains(data, "_ARRAY_API")) {
      if (contains(data, "numpy._core")) {
        add("numpy-c-api:2");
      } else if (contains(data, "numpy.core")) {
        add("numpy-c-api:1");
      }
    }
    constexpr std::string_view kInternals = "__pybind11_internals_";
    if (contains(data, kInternals)) {
      std::string tag = following(data, kInternals, "abcdefghijklmnopqrstuvwxyz0123456789_");
      tag.resize(tag.find_last_not_of('_') + 1);
      add(tag.empty() ? "pybind11" : "pybind11:" + tag);
    }
    cython(data);
  }

  // The module in which extensions made by one Cython version share their types: "_cython_3_0_10".
  void cython(std::string_view data) {
    constexpr std::string_view kModule("\0_cython_", 9);
    for (std::size_t at = find_in(data, kModule); at != std::string_view::npos; at = find_in(data, kModule)) {
      data.remove_prefix(at + kModule.size());
      std::string version(data.substr(0, std::min(data.find_first_not_of("0123456789_"), std::size_t{24})));
      if (version.empty()) continue;  // of something else that is named so
      std::replace(version.begin(), version.end(), '_', '.');
      return add(with_version("cython", version));
    }
  }

  void tensorflow_op() {
    const std::string_view names = exported_.strings();
    if (names.size() > kMaxNames || defines("_ZTIN10tensorflow8OpKernelE")) return;
    if (contains(names, "N10tensorflow8OpKernelC2E") || contains(names, "_ZTIN10tensorflow8OpKernelE")) {
      add("tensorflow-op");
    }
  }

  const ElfImage& image_;
  const Module& module_;
  DynamicSymbols exported_;
  std::vector<std::string> markers_;
};

}  // namespace

std::vector<std::string> module_markers(const ElfImage& image, const Module& module) {
  return MarkerReader(image, module).read();
}

}  // namespace segwhy
