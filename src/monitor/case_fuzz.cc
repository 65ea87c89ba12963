// Any bytes as a saved case: what is accepted must be diagnosed and reported without a fault, and come back the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "diagnose/diagnose.h"
#include "evidence/model/case_json.h"
#include "report/report.h"

namespace {

bool is_printable(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segwhy;
  const auto evidence = case_from_json({reinterpret_cast<const char*>(data), size});
  if (!evidence) return 0;
  const std::string saved = case_to_json(*evidence);
  const auto again = case_from_json(saved);
  if (!again || case_to_json(*again) != saved) std::abort();
  const Verdict verdict = diagnose(*evidence);
  if (verdict.verdict_class.empty()) std::abort();
  for (const bool verbose : {false, true}) {
    TextStyle style;
    style.verbose = verbose;
    style.width = verbose ? 40 : 100;
    const std::string text = render_text(*evidence, verdict, style);
    if (!text.starts_with("segwhy: ") || !is_printable(text) || to_valid_utf8(text) != text) std::abort();
  }
  if (const std::string json = render_json(*evidence, verdict); to_valid_utf8(json) != json) std::abort();
  return 0;
}
