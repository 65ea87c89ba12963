#include "report/markdown.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/text.h"

namespace segwhy {
namespace {

using report::Line;
using report::Role;

// "- ", "* " or "12. " at the start of `text`: its length, else 0.
std::size_t bullet(std::string_view text) {
  if (text.substr(0, 2) == "- " || text.substr(0, 2) == "* ") return 2;
  std::size_t digits = 0;
  while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits]))) ++digits;
  return digits > 0 && text.substr(digits, 2) == ". " ? digits + 2 : 0;
}

// Emphasis marks mean nothing on a terminal.
std::string without_emphasis(std::string_view text) {
  std::string out;
  bool code = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '`') code = !code;
    if (!code && text.substr(at, 2) == "**") {
      ++at;
      continue;
    }
    out += text[at];
  }
  return out;
}

class Renderer {
 public:
  Renderer(std::size_t width, const report::Paint& paint) : width_(width), paint_(paint) {}

  void line(std::string_view raw) {
    const std::string_view text = trim(raw);
    if (text.substr(0, 3) == "```") {
      flush();
      in_code_ = !in_code_;
    } else if (in_code_) {
      emit(Line("    ").add(raw, Role::kCode));
    } else if (text.empty()) {
      flush();
      emit(Line());
    } else if (text.front() == '#') {
      flush();
      heading(text);
    } else if (text.front() == '|') {
      flush();
      emit(Line(text));  // tables are laid out in the source
    } else {
      paragraph(raw, text);
    }
  }

  [[nodiscard]] std::string finish() {
    flush();
    while (out_.size() > 1 && out_.substr(out_.size() - 2) == "\n\n") out_.pop_back();
    return std::move(out_);
  }

 private:
  void heading(std::string_view text) {
    const std::size_t level = std::min(text.find_first_not_of('#'), text.size());
    emit(Line(trim(text.substr(level)), level == 1 ? Role::kVerdict : Role::kUser));
  }

  void paragraph(std::string_view raw, std::string_view text) {
    if (const std::size_t marker = bullet(text); marker > 0) {
      flush();
      indent_ = static_cast<std::size_t>(text.data() - raw.data()) + marker;
      first_ = std::string(indent_ - marker, ' ') + std::string(text.substr(0, marker));
      text.remove_prefix(marker);
    }
    if (!pending_.empty()) pending_ += ' ';
    pending_ += text;
  }

  void flush() {
    if (!pending_.empty()) {
      const auto parts =
          report::wrap(report::prose(without_emphasis(pending_)), width_ - std::min(indent_, width_ / 2));
      for (std::size_t i = 0; i < parts.size(); ++i) {
        emit(Line(i == 0 ? first_ : std::string(indent_, ' ')).add(parts[i]));
      }
    }
    pending_.clear();
    first_.clear();
    indent_ = 0;
  }

  void emit(const Line& line) { out_.append(report::paint(line, paint_)).push_back('\n'); }

  std::size_t width_;
  report::Paint paint_;
  std::string out_;
  std::string pending_;     // the paragraph or list item being collected
  std::string first_;       // what its first line starts with
  std::size_t indent_ = 0;  // of its other lines
  bool in_code_ = false;
};

}  // namespace

std::string render_markdown(std::string_view markdown, std::size_t width, const report::Paint& paint) {
  Renderer renderer(width, paint);
  for (const std::string_view line : split(markdown, '\n')) renderer.line(line);
  return renderer.finish();
}

}  // namespace segwhy
