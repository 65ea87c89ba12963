#include "symbols/name_parts.h"

#include <array>
#include <cctype>

#include "base/text.h"

namespace segwhy {
namespace {

constexpr std::string_view kAnonymous = "(anonymous namespace)";
constexpr std::string_view kOperator = "operator";

bool in_identifier(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

char closing(char open) {
  return open == '(' ? ')' : open == '[' ? ']' : '}';
}

// The longest operator symbol at the start of `text`.
std::size_t operator_symbol_length(std::string_view text) {
  static constexpr std::array<std::string_view, 43> kSymbols = {
      "<=>", "<<=", ">>=", "->*", "()", "[]", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=",
      "&&",  "||",  "+=",  "-=",  "*=", "/=", "%=", "^=", "&=", "|=", "+",  "-",  "*",  "/",  "%",
      "^",   "&",   "|",   "~",   "!",  "=",  "<",  ">",  ",",  "?",  ".*", ".",  ":"};
  for (const std::string_view symbol : kSymbols) {
    if (text.starts_with(symbol)) return symbol.size();
  }
  return 0;
}

// Position behind the bracket that closes the one at `open`, by counting that kind alone: all others within are
// balanced, too. npos when it does not close.
std::size_t skip_bracket(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == text[open]) ++depth;
    if (text[i] == closing(text[open]) && --depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<NamePart> parse() {
    while (at_ < text_.size() && !done_) {
      if (!step()) return {};
    }
    finish_part();
    return std::move(parts_);
  }

 private:
  [[nodiscard]] bool looking_at(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  [[nodiscard]] bool part_is_empty() const { return part_.name.empty() && !part_.has_arguments; }

  void finish_part() {
    if (!part_is_empty()) parts_.push_back(part_);
    part_ = {};
    after_parameters_ = false;
  }

  // What came so far was the return type.
  void restart() {
    parts_.clear();
    part_ = {};
  }

  bool step() {
    if (looking_at("::")) {
      finish_part();
      at_ += 2;
      return true;
    }
    switch (text_[at_]) {
      case ' ':
        return space();
      case '(':
        return parenthesis();
      case ')':  // see parenthesis()
        done_ = true;
        return true;
      case '{':
        return braces();
      case '[':
        return skip('[');
      case '<':
        return arguments();
      case '*':
      case '&':
        ++at_;
        return true;
      default:
        return identifier();
    }
  }

  bool skip(char) {
    const std::size_t end = skip_bracket(text_, at_);
    if (end == std::string_view::npos) return false;
    at_ = end;
    return true;
  }

  bool space() {
    if (!after_parameters_) {
      restart();
      ++at_;
      return true;
    }
    for (const std::string_view qualifier : {" const", " volatile", " &&", " &", " noexcept"}) {
      if (!looking_at(qualifier)) continue;
      at_ += qualifier.size();
      return true;
    }
    done_ = true;  // " [clone .cold]" and the like
    return true;
  }

  bool parenthesis() {
    if (part_.name.empty() && looking_at(kAnonymous)) {
      part_.name = text_.substr(at_, kAnonymous.size());
      at_ += kAnonymous.size();
      return true;
    }
    if (looking_at("(*") && part_is_empty()) {  // a function that returns a function pointer: its name is inside
      restart();
      at_ += 2;
      return true;
    }
    const bool parameters = !part_is_empty();
    if (!skip('(')) return false;
    after_parameters_ = parameters;  // else of decltype: part of the return type
    return true;
  }

  // "{lambda(int)#2}", "{closure#0}", "{{closure}}", "{unnamed type#1}".
  bool braces() {
    const std::size_t begin = at_;
    if (!skip('{')) return false;
    const std::string_view whole = text_.substr(begin, at_ - begin);
    if (part_.name.empty()) part_.name = whole;
    return true;
  }

  // Template arguments. Angle brackets in parentheses are operators or closed there; outside, they are brackets unless
  // they belong to an operator's name or an arrow.
  bool arguments() {
    part_.has_arguments = true;
    std::size_t begin = ++at_;
    int depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (looking_at(kOperator) && (at_ == 0 || !in_identifier(text_[at_ - 1]))) {
        at_ += kOperator.size();
        at_ += operator_symbol_length(text_.substr(at_));
        continue;
      }
      if (looking_at("->")) {
        at_ += 2;
        continue;
      }
      if (c == '(' || c == '{' || c == '[') {
        if (!skip(c)) return false;
        continue;
      }
      if (c == '<') ++depth;
      const bool ends = c == '>' && depth == 0;
      if (c == '>' && depth > 0) --depth;
      if (ends || (c == ',' && depth == 0)) {
        if (const auto argument = trim(text_.substr(begin, at_ - begin)); !argument.empty())
          part_.arguments.push_back(argument);
        begin = at_ + 1;
      }
      ++at_;
      if (ends) return true;
    }
    return false;
  }

  bool identifier() {
    if (part_.name.empty() && looking_at(kOperator) &&
        (at_ + kOperator.size() >= text_.size() || !in_identifier(text_[at_ + kOperator.size()]))) {
      return operator_name();
    }
    const std::size_t begin = at_;
    constexpr std::string_view kEnds = " (<[{*&:";
    while (at_ < text_.size() && kEnds.find(text_[at_]) == std::string_view::npos) ++at_;
    if (at_ == begin) ++at_;  // a lone ':'
    if (part_.name.empty()) part_.name = text_.substr(begin, at_ - begin);
    return true;
  }

  // "operator()", "operator<< <int>", "operator new[]", "operator unsigned long", "operator"" _km".
  bool operator_name() {
    const std::size_t begin = at_;
    at_ += kOperator.size();
    const std::size_t symbol = operator_symbol_length(text_.substr(at_));
    at_ += symbol;
    while (symbol == 0 && at_ < text_.size() && text_[at_] != '(') ++at_;
    part_.name = text_.substr(begin, at_ - begin);
    if (looking_at(" <")) ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<NamePart> parts_;
  NamePart part_;
  bool after_parameters_ = false;
  bool done_ = false;
};

}  // namespace

std::vector<NamePart> name_parts(std::string_view text) {
  for (const std::string_view prefix : {"non-virtual thunk to ", "virtual thunk to ", "covariant return thunk to "}) {
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  }
  return Parser(text).parse();
}

}  // namespace segwhy
