#include "pystate/variables.h"

#include <algorithm>
#include <utility>

#include "pystate/thread_states.h"

namespace segwhy::pystate {
namespace {

constexpr FrameLimits kFrames = {32, 16, 2000};  // innermost, outermost, at most
constexpr std::size_t kMostThreads = 64;
constexpr std::uint64_t kMostGlobals = 2048, kMostLocals = 128, kMostAttributes = 64;
constexpr std::size_t kMostInstances = 64;
constexpr std::uint64_t kLongestName = 200;
constexpr std::uint64_t kPointer = 8;

// `__builtins__`, and what a module has for itself.
bool is_special(const std::string& name) {
  return name.starts_with("__") && name.ends_with("__");
}

}  // namespace

std::string Variables::name_at(TargetAddr text) {
  return objects_.string(text, kLongestName).value_or("");
}

std::string Variables::module_name(const std::vector<DictItem>& globals) {
  // Among the first that a module gets.
  constexpr std::size_t kLooked = 16;
  for (std::size_t i = 0; i < std::min(kLooked, globals.size()); ++i)
    if (name_at(globals[i].key) == "__name__") return name_at(globals[i].value);
  return {};
}

void Variables::read_frame(const RawFrame& frame, std::vector<Named>& globals, std::vector<Named>& locals) {
  const Layout& layout = objects_.layout();
  MemoryReader& memory = objects_.memory();
  const CodeInfo* const code = codes_.describe(frame.code);
  const auto dict = memory.pointer(frame.address + layout[Field::kFrameGlobals]);
  if (code == nullptr || !dict) return;
  const auto [module, added] = modules_.try_emplace(dict->value());
  if (added) {
    const std::vector<DictItem> items = containers_.dict_items(*dict, kMostGlobals);
    module->second = module_name(items);
    if (!module->second.empty())
      for (const DictItem& item : items) globals.push_back({module->second, item.key, item.value});
  }
  if (module->second.empty()) return;
  const auto names = memory.pointer(frame.code + layout[Field::kCodeLocalNames]);
  if (!names) return;
  const std::string root = module->second + "." + code->function + "()";
  std::uint64_t at = layout[Field::kFrameLocals];
  for (const TargetAddr name : objects_.tuple_items(*names, kMostLocals)) {
    auto value = memory.pointer(frame.address + at);
    at += kPointer;
    if (value && objects_.type_name(*value) == "cell") value = memory.pointer(*value + layout[Field::kCellContents]);
    if (value && !value->is_null()) locals.push_back({root, name, *value});
  }
}

void Variables::take(const Named& named, std::vector<Variable>& to) {
  const auto length = containers_.length(named.object);
  if (!length || to.size() >= kMost || !seen_.insert(named.object.value()).second) return;
  Variable out{named.root, name_at(named.name), std::string(objects_.type_name(named.object)), *length, named.object};
  if (!out.name.empty() && !is_special(out.name)) to.push_back(std::move(out));
}

void Variables::take_containers(const std::vector<Named>& from, std::vector<Variable>& to) {
  for (const Named& named : from) take(named, to);
}

void Variables::take_attributes(const std::vector<Named>& from, std::vector<Variable>& to) {
  std::size_t instances = 0;
  for (const Named& named : from) {
    if (instances == kMostInstances) return;
    if (containers_.kind_of(named.object) != ContainerKind::kNone || seen_.contains(named.object.value())) continue;
    const std::vector<DictItem> attributes = containers_.attributes(named.object, kMostAttributes);
    if (attributes.empty()) continue;
    ++instances;
    seen_.insert(named.object.value());
    const std::string root = named.root + "." + name_at(named.name);
    for (const DictItem& attribute : attributes) take({root, attribute.key, attribute.value}, to);
  }
}

std::vector<Variable> Variables::read(TargetAddr runtime, const IsUser& is_user) {
  std::vector<Variable> out;
  if (!ContainerReader::knows(objects_.layout())) return out;
  const auto states = read_thread_states(objects_.memory(), objects_.layout(), runtime);
  if (!states) return out;
  std::vector<Named> globals, locals;
  for (std::size_t i = 0; i < std::min(states->threads.size(), kMostThreads); ++i) {
    FrameChain chain = walk_frames(objects_, codes_, states->threads[i].innermost_frame, kFrames);
    std::vector<RawFrame>& frames = chain.innermost;
    frames.insert(frames.end(), chain.outermost.begin(), chain.outermost.end());
    // A variable is its outermost function's: that is where it lives longest.
    for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
      const CodeInfo* const code = codes_.describe(frame->code);
      if (code != nullptr && is_user(code->file)) read_frame(*frame, globals, locals);
    }
  }
  take_containers(globals, out);
  take_attributes(globals, out);
  take_containers(locals, out);
  take_attributes(locals, out);
  return out;
}

}  // namespace segwhy::pystate
