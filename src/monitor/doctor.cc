#include "monitor/doctor.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "monitor/doctor_checks.h"
#include "monitor/doctor_facts.h"
#include "report/styled.h"

namespace segwhy {
namespace {

using report::Line;
using report::Role;

constexpr std::size_t kIdColumn = 6, kTextColumn = 22;

std::string as_json(const std::vector<Check>& checks) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Check& check : checks) {
    Json one = {{"id", check.id}, {"status", to_string(check.status)}, {"summary", check.summary}};
    if (!check.advice.empty()) one["advice"] = check.advice;
    list.push_back(std::move(one));
  }
  const Json out = {{"schema", "segwhy.doctor/1"}, {"checks", std::move(list)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Role role_of(CheckStatus status) {
  if (status == CheckStatus::kFail) return Role::kVerdict;
  return status == CheckStatus::kWarn ? Role::kCode : Role::kFaint;
}

void append(std::string& out, Line start, const Line& text, const DoctorOptions& options) {
  const std::size_t width = options.width > 2 * kTextColumn ? options.width - kTextColumn : kTextColumn;
  for (const Line& part : report::wrap(text, width)) {
    out += report::paint(start.pad_to(kTextColumn).add(part), {.color = options.color, .unicode = options.unicode});
    out += '\n';
    start = Line();
  }
}

std::string as_text(const std::vector<Check>& checks, const DoctorOptions& options) {
  std::string out;
  for (const Check& check : checks) {
    Line start(to_string(check.status), role_of(check.status));
    start.pad_to(kIdColumn).add(check.id, Role::kLabel);
    append(out, std::move(start), report::prose(check.summary), options);
    if (!check.advice.empty()) append(out, Line(), Line("-> ", Role::kMark).add(report::prose(check.advice)), options);
  }
  return out;
}

}  // namespace

int doctor_command(const DoctorOptions& options) {
  const std::vector<Check> checks = run_doctor_checks(collect_doctor_facts(options.python));
  const std::string text = options.json ? as_json(checks) : as_text(checks, options);
  std::fwrite(text.data(), 1, text.size(), stdout);
  const auto failed = [](const Check& check) { return check.status == CheckStatus::kFail; };
  return std::any_of(checks.begin(), checks.end(), failed) ? 1 : 0;
}

}  // namespace segwhy
