// Any bytes as a symbol name: demangling and shortening must end, within bounds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "symbols/demangle.h"
#include "symbols/symbolizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string symbol(reinterpret_cast<const char*>(data), size);
  for (const std::string& name : {symbol, "_Z" + symbol, segwhy::demangle(symbol), segwhy::demangle("_Z" + symbol)}) {
    const std::string brief = segwhy::shorten_function_name(name);
    if (brief.size() > name.size() || brief.empty() != name.empty()) std::abort();
  }
  return 0;
}
