#include "symbols/symbolizer.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "dwarf/elf_image.h"
#include "dwarf/mapped_object.h"
#include "symbols/debug_file.h"
#include "symbols/demangle.h"
#include "symbols/dynamic_symbols.h"
#include "symbols/module_facts.h"
#include "symbols/native_origin.h"
#include "symbols/packages.h"
#include "symbols/source_lines.h"
#include "symbols/symbol_table.h"

namespace segwhy {
namespace {

// One mapped object, opened when first needed.
class Object {
 public:
  Object(const Snapshot& snapshot, const MappedObject& mapped) : snapshot_(snapshot), mapped_(mapped) {}

  [[nodiscard]] const MappedObject& mapped() const { return mapped_; }
  [[nodiscard]] const ElfImage* image() {
    if (!tried_image_) {
      tried_image_ = true;
      if (auto image = ElfImage::open(snapshot_, mapped_)) image_.emplace(std::move(*image));
    }
    return image_ ? &*image_ : nullptr;
  }
  // The image whose symbols are most complete: of the object, or of its debug file when the object is stripped.
  [[nodiscard]] const ElfImage* symbols_image() {
    if (image() == nullptr) return nullptr;
    return image_->section(".symtab") == nullptr && debug_file() != nullptr ? debug_file() : &*image_;
  }
  [[nodiscard]] SourceLines* lines() {
    if (!tried_lines_ && image() != nullptr) {
      tried_lines_ = true;
      lines_ = SourceLines::open(*image_);
      if (!lines_ && debug_file() != nullptr) lines_ = SourceLines::open(*debug_file());
    }
    return lines_ ? &*lines_ : nullptr;
  }

 private:
  const ElfImage* debug_file() {
    if (!tried_debug_file_) {
      tried_debug_file_ = true;
      if (auto file = open_debug_file(*image_, snapshot_.root)) debug_file_.emplace(std::move(*file));
    }
    return debug_file_ ? &*debug_file_ : nullptr;
  }

  const Snapshot& snapshot_;
  MappedObject mapped_;
  bool tried_image_ = false, tried_debug_file_ = false, tried_lines_ = false;
  std::optional<ElfImage> image_, debug_file_;
  std::optional<SourceLines> lines_;  // into one of the images: goes first
};

// An address of one object, link-time, with the places in the batch that asked for it.
struct Lookup {
  std::uint64_t address = 0;
  std::vector<std::size_t> places;
};

void set_name(NativeFrame& frame, std::string_view raw) {
  frame.symbol = to_valid_utf8(raw);
  frame.function = to_valid_utf8(demangle(raw));
  frame.short_name = shorten_function_name(frame.function);
}

// The frames at one address: from the line information, the outermost one named by the symbol table (which has the
// whole linkage name of what is really there).
std::vector<NativeFrame> frames_at(std::uint64_t address, const std::optional<SymbolHit>& symbol, SourceLines* lines) {
  std::vector<NativeFrame> frames;
  for (const SourceFrame& source : lines == nullptr ? std::vector<SourceFrame>{} : lines->at(address)) {
    NativeFrame& frame = frames.emplace_back();
    if (!source.function.empty()) set_name(frame, source.function);
    frame.file = to_valid_utf8(source.file);
    frame.line = source.line;
    frame.inlined = source.inlined;
  }
  if (frames.empty() || frames.back().inlined) frames.emplace_back();
  if (symbol) {
    set_name(frames.back(), symbol->name);
    frames.back().function_offset = address - symbol->value;
  }
  return frames;
}

}  // namespace

struct Symbolizer::Impl {
  explicit Impl(const Snapshot& s) : snapshot(s), mapped(mapped_objects(s)), packages(s.root) {
    for (const MappedObject& m : mapped) objects.emplace_back(s, m);
  }

  const Snapshot& snapshot;
  std::vector<MappedObject> mapped;
  std::vector<Object> objects;  // parallel to mapped
  PackageIndex packages;

  Object* object_at(TargetAddr address) {
    const std::size_t index = object_of(mapped, address);
    return index == mapped.size() ? nullptr : &objects[index];
  }
};

Symbolizer::Symbolizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Symbolizer::Symbolizer(Symbolizer&&) noexcept = default;
Symbolizer& Symbolizer::operator=(Symbolizer&&) noexcept = default;
Symbolizer::~Symbolizer() = default;

Result<Symbolizer> Symbolizer::open(const Snapshot& snapshot) {
  if (snapshot.memory == nullptr)
    return fail("symbolise process " + std::to_string(snapshot.pid) + ": no memory captured");
  return Symbolizer(std::make_unique<Impl>(snapshot));
}

namespace {

// Resolves all lookups into one object, with one pass over its symbol table.
void resolve_in(Object& object, std::vector<Lookup>& lookups, const std::vector<CodeAddress>& asked,
                std::vector<std::vector<NativeFrame>>& out) {
  std::sort(lookups.begin(), lookups.end(), [](const Lookup& a, const Lookup& b) { return a.address < b.address; });
  std::vector<std::uint64_t> addresses;
  addresses.reserve(lookups.size());
  for (const Lookup& l : lookups) addresses.push_back(l.address);
  std::vector<std::optional<SymbolHit>> symbols(addresses.size());
  if (const ElfImage* image = object.symbols_image()) {
    symbols = symbols_at(symbol_table(*image), *image, addresses, SymbolKinds::kCode);
  }
  for (std::size_t i = 0; i < lookups.size(); ++i) {
    std::vector<NativeFrame> frames = frames_at(addresses[i], symbols[i], object.lines());
    for (NativeFrame& f : frames) {
      f.module = object.mapped().path;
      f.offset = addresses[i];
      f.origin = native_origin(f.module, f.file);
    }
    for (const std::size_t place : lookups[i].places) {
      for (NativeFrame& f : frames) f.pc = asked[place].pc.value();
      out[place] = frames;
    }
  }
}

}  // namespace

std::vector<std::vector<NativeFrame>> Symbolizer::resolve(const std::vector<CodeAddress>& addresses) {
  std::vector<std::vector<NativeFrame>> out(addresses.size());
  std::map<Object*, std::map<std::uint64_t, Lookup>> by_object;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const TargetAddr at = addresses[i].is_return_address ? addresses[i].pc - 1 : addresses[i].pc;
    NativeFrame& unknown = out[i].emplace_back();
    unknown.pc = addresses[i].pc.value();
    Object* object = impl_->object_at(at);
    if (object == nullptr) continue;
    unknown.module = object->mapped().path;
    const ElfImage* image = object->image();
    if (image == nullptr) continue;
    Lookup& lookup = by_object[object][at.value()];
    lookup.address = at.value() - image->bias();
    lookup.places.push_back(i);
  }
  for (auto& [object, lookups] : by_object) {
    std::vector<Lookup> wanted;
    for (auto& [address, lookup] : lookups) wanted.push_back(std::move(lookup));
    resolve_in(*object, wanted, addresses, out);
  }
  return out;
}

std::optional<Symbol> Symbolizer::symbol_at(TargetAddr address) {
  Object* object = impl_->object_at(address);
  const ElfImage* image = object == nullptr ? nullptr : object->symbols_image();
  if (image == nullptr) return std::nullopt;
  const std::array<std::uint64_t, 1> wanted = {address.value() - object->image()->bias()};
  const auto hits = symbols_at(symbol_table(*image), *image, wanted, SymbolKinds::kAny);
  if (!hits.front()) return std::nullopt;
  Symbol symbol;
  symbol.module = object->mapped().path;
  symbol.name = to_valid_utf8(hits.front()->name);
  symbol.demangled = to_valid_utf8(demangle(hits.front()->name));
  symbol.offset = wanted[0] - hits.front()->value;
  return symbol;
}

std::optional<TargetAddr> Symbolizer::find(const std::string& symbol, const std::string& module_part) {
  const auto search = [&](auto&& lookup) -> std::optional<TargetAddr> {
    for (Object& object : impl_->objects) {
      if (object.mapped().path.find(module_part) == std::string::npos) continue;
      const ElfImage* image = object.image();
      if (image == nullptr) continue;
      if (const auto value = lookup(object, *image)) return TargetAddr(*value + image->bias());
    }
    return std::nullopt;
  };
  const auto exported = search([&](Object&, const ElfImage& image) -> std::optional<std::uint64_t> {
    const auto found = DynamicSymbols(image).find(symbol);
    return found ? std::optional(found->st_value) : std::nullopt;
  });
  if (exported) return exported;
  return search(
      [&](Object& object, const ElfImage&) { return symbol_address(symbol_table(*object.symbols_image()), symbol); });
}

std::vector<Module> Symbolizer::modules() {
  std::vector<Module> out;
  for (Object& object : impl_->objects)
    out.push_back(describe_module(object.mapped(), object.image(), impl_->packages));
  return out;
}

}  // namespace segwhy
