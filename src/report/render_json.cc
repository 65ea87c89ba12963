#include <initializer_list>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/signal_names.h"
#include "evidence/model/case_json.h"
#include "report/describe.h"
#include "report/report.h"

namespace segwhy {
namespace {

using Json = nlohmann::ordered_json;

// The incident is the Case in another arrangement plus the Verdict, so it is made from the Case's own JSON: a field
// added to case.h appears here without a second list of fields to forget.

Json take(Json& from, const char* key, Json otherwise = nullptr) {
  const auto found = from.find(key);
  if (found == from.end()) return otherwise;
  Json value = std::move(*found);
  from.erase(found);
  return value;
}

void put_known(Json& into, const char* key, Json value) {
  if (!value.is_null()) into[key] = std::move(value);
}

void put_text(Json& into, const char* key, const std::string& text) {
  if (!text.empty()) into[key] = text;
}

// Lists that readers may rely on: empty means none, not unknown.
void ensure_lists(Json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (!object.contains(key)) object[key] = Json::array();
  }
}

// Counts for which the Case says zero when they are not known.
void drop_zero(Json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (object.contains(key) && object[key] == 0) object.erase(key);
  }
}

// A number that is none (infinite, NaN) is written as null: not known, so left out.
void drop_nulls(Json& json) {
  if (json.is_object()) {
    for (auto item = json.begin(); item != json.end();) item = item->is_null() ? json.erase(item) : std::next(item);
  }
  if (json.is_structured()) {
    for (Json& item : json) drop_nulls(item);
  }
}

Json source_line(const SourceLine& at) {
  Json json = Json::object();
  put_text(json, "file", at.file);
  if (at.line) json["line"] = *at.line;
  put_text(json, "function", at.function);
  put_text(json, "source", at.source);
  return json;
}

Json verdict_json(const Verdict& v) {
  Json json = {{"class", v.verdict_class},     {"confidence", to_string(v.confidence)},
               {"summary", v.summary},         {"evidence", v.evidence},
               {"advice", v.advice},           {"factors", v.factors},
               {"alternatives", Json::array()}};
  for (const Alternative& a : v.alternatives) {
    Json one = {{"class", a.verdict_class}};
    put_text(one, "reason", a.reason);
    json["alternatives"].push_back(std::move(one));
  }
  json["experiments"] = v.experiments;
  return json;
}

Json program_json(Json program) {
  drop_zero(program, {"pid"});
  ensure_lists(program, {"argv"});
  if (!program.contains("packages")) program["packages"] = Json::object();
  if (program.contains("modules")) {
    for (Json& module : program["modules"]) drop_zero(module, {"start", "end"});
  }
  return program;
}

Json death_json(const Case& c, Json death) {
  if (c.death.signal) death["signal_name"] = signal_name(*c.death.signal);
  return death;
}

Json threads_json(Json threads) {
  for (Json& thread : threads) {
    ensure_lists(thread, {"python", "native"});
    for (Json& frame : thread["python"]) frame.erase("constants");  // raw material of the op's name, not a finding
  }
  return threads;
}

Json fault_json(Json fault) {
  if (fault.is_null()) return fault;
  drop_zero(fault, {"width"});
  if (fault.contains("instruction") && fault["instruction"].contains("operands")) {
    for (Json& operand : fault["instruction"]["operands"]) drop_zero(operand, {"width", "scale", "displacement"});
  }
  return fault;
}

Json framework_json(Json framework) {
  if (!framework.is_null()) ensure_lists(framework, {"inputs"});
  return framework;
}

// What the machine's memory did, apart from the rest of the machine.
Json memory_json(Json& machine, Json use) {
  Json memory = use.is_null() ? Json::object() : std::move(use);
  for (const char* key :
       {"peak_rss", "samples", "cgroup", "memory_total", "memory_available", "swap_total", "swap_free", "shm_total",
        "shm_free", "oom_kills_before", "oom_kills_after", "overcommit", "mappings", "mappings_max"}) {
    put_known(memory, key, take(machine, key));
  }
  return memory;
}

Json timing_json(Json& capture) {
  Json timing = Json::object();
  const Json capture_ms = take(capture, "capture_ms"), total_ms = take(capture, "total_ms");
  if (capture.value("backend", "none") != "none") put_known(timing, "capture_ms", capture_ms);
  put_known(timing, "total_ms", total_ms);
  return timing;
}

}  // namespace

std::string render_json(const Case& evidence, const Verdict& verdict) {
  Json from = Json::parse(case_to_json(evidence));
  if (!evidence.framework && verdict.framework) {
    Case words;
    words.framework = verdict.framework;
    from["framework"] = Json::parse(case_to_json(words))["framework"];
  }
  drop_nulls(from);
  Json machine = take(from, "machine", Json::object()), capture = take(from, "capture", Json::object());
  drop_zero(machine, {"cpus"});
  Json out = Json::object();
  out["schema"] = "segwhy.incident/1";
  out["verdict"] = verdict_json(verdict);
  if (verdict.where) out["where"] = source_line(*verdict.where);
  out["program"] = program_json(take(from, "program", Json::object()));
  out["death"] = death_json(evidence, take(from, "death", Json::object()));
  put_known(out, "framework", framework_json(take(from, "framework")));
  for (const char* key : {"block", "findings", "accesses", "protection"}) put_known(out, key, take(from, key));
  put_known(out, "fault", fault_json(take(from, "fault")));
  put_known(out, "messages", take(from, "messages"));
  put_known(out, "thread_create_failure", take(from, "thread_create_failure"));
  out["threads"] = threads_json(take(from, "threads", Json::array()));
  for (const char* key : {"processes", "stuck"}) put_known(out, key, take(from, key));
  out["memory"] = memory_json(machine, take(from, "memory"));
  out["machine"] = std::move(machine);
  out["timing"] = timing_json(capture);
  ensure_lists(capture, {"limits"});
  out["capture"] = std::move(capture);
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace segwhy
