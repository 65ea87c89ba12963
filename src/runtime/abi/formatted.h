// The text of a printf call to stderr, for the ring. It is formatted a second time, after the real call, from a copy
// of the arguments: the real call is not touched. Text beyond kFormatBytes is cut.
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>

namespace segwhy::runtime {

inline constexpr size_t kFormatBytes = 16 * 1024;

class FormattedText {
 public:
  // Before the real call: keeps its arguments and the errno that %m prints.
  explicit FormattedText(va_list arguments) : errno_(errno) { va_copy(arguments_, arguments); }
  FormattedText(const FormattedText&) = delete;
  FormattedText& operator=(const FormattedText&) = delete;
  ~FormattedText() { va_end(arguments_); }

  // After it: records what it printed, if it did. errno is left as the real call left it.
  void record(int result, const char* format);

 private:
  va_list arguments_;
  int errno_;
};

// In a forked child: forgets a formatting that another thread of the parent was doing.
void reset_format_lock();

}  // namespace segwhy::runtime
