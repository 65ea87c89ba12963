#include "frameworks/rtti.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>

namespace segwhy {
namespace {

constexpr std::size_t kMaxName = 8192;  // Eigen's expression types are long
constexpr std::size_t kMaxBases = 32;
constexpr std::int64_t kMaxOffsetToTop = 1 << 16;

// A mangled type name: GCC marks names that are local to a translation unit with a leading '*'.
bool is_type_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           c == '.';
  });
}

}  // namespace

bool ClassInfo::is_a(std::string_view type) const {
  return name == type || std::find(bases.begin(), bases.end(), type) != bases.end();
}

const ClassInfo* RttiReader::class_of_object(std::uint64_t object) {
  if (!view_.may_hold_object(object)) return nullptr;
  const auto vtable = view_.word(object);
  if (!vtable || *vtable % 8 != 0) return nullptr;
  const auto known = classes_.find(*vtable);
  if (known != classes_.end()) return known->second.get();
  if (!view_.in_module_data(*vtable)) return nullptr;
  return classes_.emplace(*vtable, read_class(*vtable)).first->second.get();
}

std::unique_ptr<ClassInfo> RttiReader::read_class(std::uint64_t vtable) {
  const auto top = view_.value<std::int64_t>(vtable - 16);
  const auto type_info = view_.word(vtable - 8);
  if (!top || !type_info || *top > 0 || *top < -kMaxOffsetToTop || *top % 8 != 0) return nullptr;
  auto name = name_of(*type_info);
  if (!name) return nullptr;
  auto out = std::make_unique<ClassInfo>(ClassInfo{std::move(*name), {}, *top});

  // Breadth first, so that nearer bases come first; the bound also ends a cycle in broken memory.
  std::vector<std::uint64_t> pending = direct_bases(*type_info, kind_of(*type_info));
  for (std::size_t next = 0; next < pending.size() && out->bases.size() < kMaxBases; ++next) {
    auto base = name_of(pending[next]);
    if (!base) return nullptr;
    out->bases.push_back(std::move(*base));
    const auto further = direct_bases(pending[next], kind_of(pending[next]));
    pending.insert(pending.end(), further.begin(), further.end());
  }
  return out;
}

// The type_info of a type_info says which of the ABI's three class kinds it is.
RttiReader::Kind RttiReader::kind_of(std::uint64_t type_info) {
  if (type_info % 8 != 0 || !view_.in_module_data(type_info)) return Kind::kNotTypeInfo;
  const auto vtable = view_.word(type_info);
  if (!vtable || *vtable % 8 != 0) return Kind::kNotTypeInfo;
  const auto known = kinds_.find(*vtable);
  if (known != kinds_.end()) return known->second;

  Kind kind = Kind::kNotTypeInfo;
  const auto meta = view_.in_module_data(*vtable) ? view_.word(*vtable - 8) : std::nullopt;
  const auto name_at = meta && view_.in_module_data(*meta) ? view_.word(*meta + 8) : std::nullopt;
  const auto name = name_at ? view_.c_string(*name_at, 64) : std::nullopt;
  if (name == "N10__cxxabiv117__class_type_infoE") kind = Kind::kClass;
  if (name == "N10__cxxabiv120__si_class_type_infoE") kind = Kind::kSingleBase;
  if (name == "N10__cxxabiv121__vmi_class_type_infoE") kind = Kind::kManyBases;
  kinds_.emplace(*vtable, kind);
  return kind;
}

std::optional<std::string> RttiReader::name_of(std::uint64_t type_info) {
  if (kind_of(type_info) == Kind::kNotTypeInfo) return std::nullopt;
  const auto at = view_.word(type_info + 8);
  if (!at || !view_.in_module_data(*at)) return std::nullopt;
  auto name = view_.c_string(*at, kMaxName);
  if (name && name->starts_with('*')) name->erase(0, 1);
  if (!name || !is_type_name(*name)) return std::nullopt;
  return name;
}

std::vector<std::uint64_t> RttiReader::direct_bases(std::uint64_t type_info, Kind kind) {
  std::vector<std::uint64_t> out;
  if (kind == Kind::kSingleBase) {
    if (const auto base = view_.word(type_info + 16)) out.push_back(*base);
  } else if (kind == Kind::kManyBases) {
    const auto count = view_.value<std::uint32_t>(type_info + 20);  // after the flags
    for (std::uint64_t i = 0; count && i < std::min<std::uint64_t>(*count, kMaxBases); ++i)
      if (const auto base = view_.word(type_info + 24 + 16 * i)) out.push_back(*base);
  }
  return out;
}

std::string demangled_type(const std::string& mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  if (text == nullptr) return mangled;
  std::string out(text);
  std::free(text);
  return out;
}

}  // namespace segwhy
