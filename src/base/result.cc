#include "base/result.h"

#include <system_error>

namespace segwhy {

tl::unexpected<Error> fail_errno(std::string what, int error_number, std::string hint) {
  what += ": ";
  what += std::generic_category().message(error_number);
  return fail(std::move(what), std::move(hint));
}

}  // namespace segwhy
