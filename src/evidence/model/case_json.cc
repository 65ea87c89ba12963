#include "evidence/model/case_json.h"

#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace segwhy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "segwhy.case/1";

template <class T>
constexpr bool kIsOptional = false;
template <class T>
constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
constexpr bool kIsVector = false;
template <class T>
constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
constexpr bool kIsMap = false;
template <class T>
constexpr bool kIsMap<std::map<std::string, T>> = true;

// --- writing -----------------------------------------------------------------------------------------------------

template <class T>
Json to_json_value(const T& value);

// Empty text and lists stand for "unknown" or "none" and are left out; numbers and flags are always written.
class Writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    if constexpr (kIsOptional<T>) {
      if (value) json_[name] = to_json_value(*value);
    } else if constexpr (std::is_same_v<T, std::string> || kIsVector<T> || kIsMap<T>) {
      if (!value.empty()) json_[name] = to_json_value(value);
    } else {
      json_[name] = to_json_value(value);
    }
  }
  Json take() { return std::move(json_); }

 private:
  Json json_ = Json::object();
};

template <class T>
Json to_json_value(const T& value) {
  if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (kIsVector<T>) {
    Json list = Json::array();
    for (const auto& item : value) list.push_back(to_json_value(item));
    return list;
  } else if constexpr (kIsMap<T>) {
    Json object = Json::object();
    for (const auto& [key, item] : value) object[key] = to_json_value(item);
    return object;
  } else {
    Writer writer;
    // `fields` serves both directions and is therefore not const; the writer takes its arguments by const reference.
    const_cast<T&>(value).fields(writer);
    return writer.take();
  }
}

// --- reading -----------------------------------------------------------------------------------------------------

// Where in the document reading is, and the first thing that was wrong.
struct Reading {
  std::string path;
  std::optional<std::string> error;

  void expected(const char* what, const Json& found) {
    if (!error) error = (path.empty() ? "the case" : path) + ": expected " + what + ", found " + found.type_name();
  }
};

// Appends one step to the path for the duration of a scope.
class Step {
 public:
  Step(Reading& reading, const std::string& step) : reading_(reading), length_(reading.path.size()) {
    if (!reading.path.empty() && step.front() != '[') reading.path += '.';
    reading.path += step;
  }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  ~Step() { reading_.path.resize(length_); }

 private:
  Reading& reading_;
  std::size_t length_;
};

template <class T>
void from_json_value(const Json& json, T& into, Reading& reading);

class FieldReader {
 public:
  FieldReader(const Json& object, Reading& reading) : object_(object), reading_(reading) {}

  template <class T>
  void operator()(const char* name, T& into) {
    if (reading_.error) return;
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) return;
    const Step step(reading_, name);
    from_json_value(*found, into, reading_);
  }

 private:
  const Json& object_;
  Reading& reading_;
};

template <class T>
bool fits(const Json& number) {
  if (number.is_number_unsigned()) return std::in_range<T>(number.get<std::uint64_t>());
  return std::in_range<T>(number.get<std::int64_t>());
}

template <class T>
void read_scalar(const Json& json, T& into, Reading& reading) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return reading.expected("true or false", json);
    into = json.get<bool>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) return reading.expected("text", json);
    into = json.get_ref<const std::string&>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!json.is_number()) return reading.expected("a number", json);
    into = json.get<T>();
  } else {
    if (!json.is_number_integer()) return reading.expected("a whole number", json);
    if (!fits<T>(json)) return reading.expected("a whole number in range", json);
    into = json.get<T>();
  }
}

template <class T>
void read_list(const Json& json, std::vector<T>& into, Reading& reading) {
  if (!json.is_array()) return reading.expected("a list", json);
  into.clear();
  into.reserve(json.size());
  for (std::size_t i = 0; i < json.size() && !reading.error; ++i) {
    const Step step(reading, "[" + std::to_string(i) + "]");
    from_json_value(json[i], into.emplace_back(), reading);
  }
}

template <class T>
void read_map(const Json& json, std::map<std::string, T>& into, Reading& reading) {
  if (!json.is_object()) return reading.expected("an object", json);
  into.clear();
  for (const auto& [key, value] : json.items()) {
    if (reading.error) return;
    const Step step(reading, "\"" + key + "\"");
    from_json_value(value, into[key], reading);
  }
}

template <class T>
void from_json_value(const Json& json, T& into, Reading& reading) {
  if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    read_scalar(json, into, reading);
  } else if constexpr (kIsOptional<T>) {
    from_json_value(json, into.emplace(), reading);
  } else if constexpr (kIsVector<T>) {
    read_list(json, into, reading);
  } else if constexpr (kIsMap<T>) {
    read_map(json, into, reading);
  } else {
    if (!json.is_object()) return reading.expected("an object", json);
    FieldReader fields(json, reading);
    into.fields(fields);
  }
}

Status check_schema(const Json& json) {
  if (!json.is_object()) return fail("not a saved case: the file holds no JSON object");
  const auto found = json.find("schema");
  if (found == json.end() || !found->is_string()) return fail("not a saved case: it names no schema");
  const std::string& schema = found->get_ref<const std::string&>();
  const bool minor_version = schema.starts_with(std::string(kSchema) + ".");
  if (schema != kSchema && !minor_version)
    return fail("schema \"" + schema + "\" is not \"" + std::string(kSchema) + "\"",
                "read it with the version of segwhy that wrote it");
  return {};
}

}  // namespace

std::string case_to_json(const Case& evidence) {
  return to_json_value(evidence).dump(1, ' ', false, Json::error_handler_t::replace);
}

Result<Case> case_from_json(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::parse_error& e) {
    return fail("not a saved case: no valid JSON at byte " + std::to_string(e.byte),
                "name a file segwhy-PROGRAM-PID.case that `segwhy run` wrote");
  } catch (const Json::exception& e) {
    return fail(std::string("not a saved case: ") + e.what());
  }
  if (Status schema = check_schema(json); !schema) return tl::unexpected<Error>(schema.error());
  Case evidence;
  Reading reading;
  from_json_value(json, evidence, reading);
  if (reading.error) return fail("damaged case: " + *reading.error);
  return evidence;
}

}  // namespace segwhy
