#include "monitor/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

namespace segwhy {
namespace {

constexpr int kReaderPatienceMs = 5000;
constexpr unsigned kNarrowest = 40;
// Longer lines are hard to read however wide the window is.
constexpr unsigned kWidest = 120;

std::string_view variable(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = variable(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos || value.find("UTF8") != value.npos;
  }
  return false;
}

bool is_raw_terminal(int fd) {
  termios mode{};
  return ::tcgetattr(fd, &mode) == 0 && (mode.c_oflag & OPOST) == 0;
}

std::string with_carriage_returns(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out.push_back('\r');
    out.push_back(c);
  }
  return out;
}

}  // namespace

TextStyle style_for(int fd) {
  TextStyle style;
  style.unicode = locale_is_utf8();
  if (::isatty(fd) == 0) return style;
  const std::string_view term = variable("TERM");
  style.color = variable("NO_COLOR").empty() && term != "dumb" && !term.empty();
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.width = std::clamp<unsigned>(size.ws_col, kNarrowest, kWidest);
    if (size.ws_row > 0) style.height = size.ws_row;
  }
  return style;
}

bool write_bounded(int fd, std::string_view text) {
  std::string converted;
  if (is_raw_terminal(fd)) {
    converted = with_carriage_returns(text);
    text = converted;
  }
  while (!text.empty()) {
    pollfd wait{fd, POLLOUT, 0};
    if (::poll(&wait, 1, kReaderPatienceMs) <= 0) return false;
    // A pipe that is ready takes PIPE_BUF bytes without blocking.
    const ssize_t put = ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (put < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (put > 0) text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace segwhy
