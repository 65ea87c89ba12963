#include "diagnose/exit_words.h"

#include "diagnose/where.h"

namespace segwhy {

bool ended_by_traceback(const Facts& facts) {
  return facts.evidence.death.exit_code == 1 && facts.text.final_traceback() != nullptr &&
         !facts.text.spoke_after_traceback;
}

bool raised_by_user(const text::Traceback& traceback) {
  return text::raised_by_statement(traceback) && is_user_file(traceback.frames.back().file);
}

}  // namespace segwhy
