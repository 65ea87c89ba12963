// shorten_function_name: what a person needs of a demangled name. Parameters, return type, inline and anonymous
// namespaces and default template arguments go; long template arguments become "<...>"; what std::function and its kin
// wrap takes the wrapper's place.

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/text.h"
#include "symbols/name_parts.h"
#include "symbols/symbolizer.h"

namespace segwhy {
namespace {

constexpr std::size_t kMaxArguments = 40;  // characters of one part's template arguments
constexpr std::size_t kMaxName = 90;
constexpr int kMaxNesting = 8;  // of wrappers in wrappers

std::string render(const std::vector<NamePart>& parts, int nesting);

// Namespaces that are versions, not names.
bool is_inline_namespace(std::string_view name) {
  return name == "(anonymous namespace)" || name == "_GLOBAL__N_1" || name == "__cxx11" || name == "__1" ||
         name == "_V2" || name == "__ndk1" || name.starts_with("lts_");
}

// "{lambda(int)#1}"; clang numbers those without a name in the mangling "$_0".
bool is_lambda(std::string_view name) {
  return name.starts_with("{lambda") || name.starts_with("'lambda") || name.starts_with("$_");
}

// What the compiler puts into a lambda: its call operator, and the function behind its conversion to a pointer.
bool is_lambda_body(std::string_view name) {
  return name == "operator()" || name == "_FUN" || name == "__invoke";
}

// Calls of what is wrapped: which template argument of which part holds it.
struct Wrapper {
  std::string_view part;  // name of the part whose arguments hold the target
  std::size_t argument;
};

// libstdc++, libc++ and abseil. The class is internal to each library; its place in the argument list is fixed there.
constexpr std::array<Wrapper, 12> kWrappers = {{{"_Function_handler", 1},
                                                {"__func", 0},
                                                {"__alloc_func", 0},
                                                {"__policy_invoker", 0},
                                                {"__invoke_impl", 1},
                                                {"__invoke", 0},
                                                {"__invoke_r", 1},
                                                {"InvokeObject", 0},
                                                {"LocalInvoker", 2},
                                                {"RemoteInvoker", 2},
                                                {"_State_impl", 0},
                                                {"_Invoker", 0}}};

std::string_view strip_qualifiers(std::string_view type) {
  for (bool changed = true; changed;) {
    changed = false;
    for (const std::string_view suffix : {" const", "&", "*", " "}) {
      if (!type.ends_with(suffix)) continue;
      type.remove_suffix(suffix.size());
      changed = true;
    }
  }
  return type;
}

// The callable in the arguments of a wrapper: a lambda, or a class with a name. Function types and pointers say nothing
// of what they call.
std::optional<std::string> callable(std::string_view type, int nesting) {
  type = strip_qualifiers(type);
  std::vector<NamePart> parts = name_parts(type);
  if (parts.empty() || type.ends_with(')')) return std::nullopt;
  const NamePart& last = parts.back();
  if (last.name == "tuple" || last.name == "_Invoker" || last.name == "reference_wrapper") {
    return last.arguments.empty() ? std::nullopt : callable(last.arguments.front(), nesting);
  }
  const bool named = parts.size() > 1 || is_lambda(last.name);
  return named ? std::optional(render(parts, nesting)) : std::nullopt;
}

// What a name of the wrapper libraries calls, when its arguments tell.
std::optional<std::string> wrapped(const std::vector<NamePart>& parts, int nesting) {
  const bool library = !parts.empty() && (parts.front().name == "std" || parts.front().name == "absl");
  if (!library || nesting >= kMaxNesting) return std::nullopt;
  for (const NamePart& part : parts) {
    for (const Wrapper& wrapper : kWrappers) {
      if (part.name != wrapper.part || part.arguments.size() <= wrapper.argument) continue;
      if (auto target = callable(part.arguments[wrapper.argument], nesting + 1)) return target;
    }
  }
  return std::nullopt;
}

// A template argument without its namespaces; nullopt when it is no simple type or number.
std::optional<std::string> brief_argument(std::string_view argument) {
  if (argument.find_first_of("({[") != std::string_view::npos) return std::nullopt;
  if (const auto as = argument.find(" as "); as != std::string_view::npos) {  // Rust: <Type as Trait>
    const auto type = brief_argument(argument.substr(0, as));
    const auto trait = brief_argument(argument.substr(as + 4));
    return type && trait ? std::optional(*type + " as " + *trait) : std::nullopt;
  }
  if (argument.find("::") == std::string_view::npos && argument.find('<') == std::string_view::npos) {
    return std::string(argument);
  }
  const std::string_view type = strip_qualifiers(argument);
  const std::vector<NamePart> parts = name_parts(type);
  if (parts.empty() || parts.back().name.empty()) return std::nullopt;
  if (parts.back().name == "basic_string") return "string";
  std::string out(parts.back().name);
  if (parts.back().has_arguments) out += "<...>";
  return out.append(argument.substr(type.size()));
}

// Arguments that the standard library fills in by itself.
bool is_default_argument(std::string_view argument) {
  static constexpr std::array<std::string_view, 6> kDefaults = {
      "std::allocator<", "std::char_traits<", "std::less<", "std::hash<", "std::equal_to<", "std::default_delete<"};
  return std::any_of(kDefaults.begin(), kDefaults.end(), [&](std::string_view d) { return argument.starts_with(d); });
}

std::string render_arguments(const NamePart& part) {
  if (!part.has_arguments) return {};
  std::string out;
  for (const std::string_view argument : part.arguments) {
    if (is_default_argument(argument)) continue;
    const auto brief = brief_argument(argument);
    if (!brief) return "<...>";
    if (!out.empty()) out += ", ";
    out += *brief;
    if (out.size() > kMaxArguments) return "<...>";
  }
  return out.empty() ? out : "<" + out + ">";
}

std::string part_name(const NamePart& part) {
  if (is_lambda(part.name)) return "{lambda}";
  if (part.name.starts_with("{{closure") || part.name.starts_with("{closure")) return "{closure}";
  return std::string(part.name);
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += "::";
    out += part;
  }
  return out;
}

std::string render(const std::vector<NamePart>& parts, int nesting) {
  if (auto target = wrapped(parts, nesting)) return *target;
  std::vector<std::string> with_arguments;
  std::vector<std::string> bare;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const NamePart& part = parts[i];
    if (is_inline_namespace(part.name)) continue;
    if (i > 0 && is_lambda(parts[i - 1].name) && is_lambda_body(part.name)) continue;
    const std::string name = part_name(part);
    with_arguments.push_back(name + render_arguments(part));
    bare.push_back(name + (part.has_arguments ? "<...>" : ""));
  }
  std::string out = join(with_arguments);
  if (out.size() > kMaxName) out = join(bare);
  while (out.size() > kMaxName && bare.size() > 2) {
    bare.erase(bare.begin());
    out = join(bare);
  }
  return out;
}

// The identifiers of a nested name from its first one on, up to the first thing that is none.
std::string nested_identifiers(std::string_view mangled) {
  std::string out;
  for (;;) {
    const std::size_t digits = std::min(mangled.find_first_not_of("0123456789"), mangled.size());
    const auto length = parse_number(mangled.substr(0, digits));
    if (!length || *length == 0 || *length > mangled.size() - digits) return out;
    const std::string_view name = mangled.substr(digits, *length);
    if (!is_inline_namespace(name)) {
      if (!out.empty()) out += "::";
      out += name;
    }
    mangled.remove_prefix(digits + *length);
  }
}

// What can be read of a mangled name that the demangler does not know (a newer compiler's): the first name nested in
// namespaces, which is the function's own or, behind std::function's invoker, the one whose lambda is called.
std::string salvage(std::string_view mangled) {
  for (std::size_t at = mangled.find("ZN"); at != std::string_view::npos; at = mangled.find("ZN", at + 1)) {
    std::string_view rest = mangled.substr(at + 2);
    while (rest.starts_with('K') || rest.starts_with('V')) rest.remove_prefix(1);
    std::string name = nested_identifiers(rest);
    if (name.empty()) continue;
    const bool lambda = rest.find("EUl") != std::string_view::npos || rest.find("ENKUl") != std::string_view::npos;
    return lambda ? name + "::{lambda}" : name;
  }
  return {};
}

// Of the compiler's data, not functions: the prefix says what it is.
std::string_view data_prefix(std::string_view name) {
  for (const std::string_view prefix :
       {"vtable for ", "typeinfo for ", "typeinfo name for ", "VTT for ", "guard variable for "}) {
    if (name.starts_with(prefix)) return prefix;
  }
  return {};
}

}  // namespace

std::string shorten_function_name(const std::string& demangled) {
  const bool mangled = demangled.starts_with("_Z");
  const std::string_view prefix = data_prefix(demangled);
  std::string out =
      mangled ? salvage(demangled) : render(name_parts(std::string_view(demangled).substr(prefix.size())), 0);
  if (!out.empty()) out.insert(0, prefix);
  return out.empty() || out.size() > demangled.size() ? demangled : out;
}

}  // namespace segwhy
